import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from irnet_hw.quant.dyadic import LARGEST_FACTOR, dyadic
from irnet_hw.quant.grid import EXACT_INTEGERS, Grid

signs = st.sampled_from([-1.0, 1.0])
sizes = st.floats(-12, 2).map(lambda exponent: 10**exponent)


def numbers(most):
    """Numbers of any magnitude up to a power of ten, including 0."""
    values = st.floats(-12, most).map(lambda exponent: 10**exponent)
    return st.tuples(signs, values).map(lambda pair: pair[0] * pair[1]) | st.just(0.0)


@st.composite
def maps(draw):
    """Affine maps as batch norms define them, with grids of their input and of added values."""
    channels = draw(st.integers(1, 4))

    def drawn(values):
        return torch.tensor([draw(values) for _ in range(channels)], dtype=torch.float64)

    step = torch.exp2(drawn(st.integers(-17, 0)))
    peak = drawn(st.integers(0, 2**19))
    grid = Grid(step, peak)
    size = float((step * peak).max()) + 1e-6
    # A batch norm's output is at most a few tens.
    scale, centre = drawn(numbers(1.5)) / size, drawn(numbers(0)) * size
    stream, added = 2.0 ** draw(st.integers(-8, -4)), draw(st.integers(0, 128))
    room = Grid.of(stream / 2, 1)
    return scale, centre, drawn(numbers(1.5)), grid, room.plus(Grid.of(stream, added)), stream


def inputs(grid):
    """Both ends of the input's range and values between them: float64 [N, C]."""
    parts = torch.tensor([-1, 1, 0, 0.999, -0.7, 0.501, 1e-3], dtype=torch.float64)
    return torch.round(parts[:, None] * grid.peak) * grid.step


@given(maps())
def test_every_product_and_sum_is_exact_in_float32(drawn):
    scale, centre, offset, grid, room, stream = drawn
    found = dyadic(scale, centre, offset, grid, room, "norm")
    assert (found.factor.abs() <= LARGEST_FACTOR).all()
    x = inputs(grid)
    a, b = found.scale.float(), found.shift.float()
    assert torch.equal(a.double(), found.scale)
    assert torch.equal(b.double(), found.shift)
    product = x.float() * a
    assert torch.equal(product.double(), x * found.scale)
    total = product + b
    assert torch.equal(total.double(), x * found.scale + found.shift)
    largest = (room.step * room.peak - stream / 2).float()
    for sign in (-1, 1):
        joined = total + sign * largest
        assert torch.equal(joined.double(), total.double() + sign * largest.double())
        rounded = joined + stream / 2
        assert torch.equal(rounded.double(), joined.double() + stream / 2)
    # The grid predicts this for all inputs.
    steps = total.double() / found.grid.step
    assert torch.equal(steps, steps.round())
    assert (steps.abs() <= found.grid.peak).all()
    assert (found.grid.plus(room).peak < EXACT_INTEGERS).all()


@given(maps())
def test_close_to_the_map_in_float(drawn):
    scale, centre, offset, grid, room, _ = drawn
    found = dyadic(scale, centre, offset, grid, room, "norm")
    x = inputs(grid)
    wanted = scale * (x - centre) + offset
    difference = (x * found.scale + found.shift - wanted).abs()
    bound = torch.exp2(-found.exponent) / 2 * (x - centre).abs() + found.grid.step / 2
    slack = 1e-13 * (scale.abs() * (x.abs() + centre.abs()) + offset.abs())
    assert (difference <= bound + slack).all()


@given(maps())
def test_no_finer_step_would_do(drawn):
    scale, centre, offset, grid, room, _ = drawn
    found = dyadic(scale, centre, offset, grid, room, "norm")
    unit = torch.exp2(-found.exponent - 1)
    factor = torch.round(scale / unit)
    shift = torch.round((offset - centre * factor * unit) / (grid.step * unit))
    finer = Grid(grid.step * unit, factor.abs() * grid.peak + shift.abs())
    assert ((factor.abs() > LARGEST_FACTOR) | (finer.plus(room).peak >= EXACT_INTEGERS)).all()


def test_bits_that_the_accumulator_leaves():
    """A stem's 18 bits leave 6 bits and the sign."""
    one = torch.ones(3, dtype=torch.float64)
    grid = Grid(one * 2**-14, torch.tensor([2.0**18, 2.0**12, 9]).double())
    found = dyadic(one / 3, 0 * one, 0 * one, grid, Grid.of(2**-8, 1), "norm")
    assert found.factor.tolist() == [43, 1365, 1365]


def test_channel_without_a_factor():
    zero = torch.zeros(1, dtype=torch.float64)
    found = dyadic(zero, zero + 3, zero - 0.1, Grid.of(1, 144), Grid.of(2**-8, 257), "norm")
    assert found.scale.tolist() == [0]
    assert found.shift.item() == pytest.approx(-0.1, abs=2**-23)


def test_values_that_are_too_large():
    scale = torch.tensor([1.0, 900.0], dtype=torch.float64)
    with pytest.raises(UserError) as error:
        dyadic(scale, 0 * scale, 0 * scale, Grid.of(1, 144), Grid.of(2**-8, 1), "stem.norm")
    assert str(error.value) == (
        "stem.norm: channel 1 reaches 1.3e+05, must stay below 65536, where float32 still has "
        "steps of 0.00390625; its variance may be near 0"
    )
