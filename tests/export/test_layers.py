import pytest
import torch
from brevitas import nn as qnn
from brevitas.quant import Int8ActPerTensorFixedPoint
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from irnet_hw.models.blocks import Normalise, Shortcut, Stream
from irnet_hw.quant import EDEActQuant, LibraWeightQuant, libra
from irnet_hw.quant.grid import Grid
from tests.export.places import refused, replace


@given(st.integers(0, 2**32 - 1), st.floats(-4, 4), st.floats(-4, 4))
def test_batch_norm_within_its_bound(seed, log_mean, log_variance):
    random = torch.Generator().manual_seed(seed)
    norm = nn.BatchNorm2d(7).eval()
    norm.running_mean.copy_(10**log_mean * torch.randn(7, generator=random))
    norm.running_var.copy_(10**log_variance * torch.rand(7, generator=random))
    norm.weight.data.copy_(torch.randn(7, generator=random))
    norm.bias.data.copy_(torch.randn(7, generator=random))
    x = torch.randint(-99, 100, (5, 7, 4, 4), generator=random) / 8
    layer = replace(norm)
    with torch.no_grad():
        trained, deployed, true = norm(x), layer.module(x), norm.double()(x.double())
    bound = layer.bound(x.double(), torch.zeros_like(true))
    difference = (trained.double() - deployed.double()).abs()
    assert (difference <= bound).all()
    # And the bound is as large as a few roundings of the input.
    scale = layer.module.scale.double().abs()
    mean, bias = norm.running_mean.reshape(-1, 1, 1), norm.bias.reshape(-1, 1, 1)
    magnitude = (x.double().abs() + mean.abs()) * scale + bias.abs()
    assert (bound <= 1e-6 * magnitude + 1e-30).all()


def test_batch_norm_is_a_product_and_a_sum_of_float32():
    norm = nn.BatchNorm1d(2, affine=False)
    norm.running_mean.copy_(torch.tensor([1.0, -3.0]))
    norm.running_var.copy_(torch.tensor([0.25, 4.0]) - norm.eps)
    layer = replace(norm)
    torch.testing.assert_close(layer.module.scale, torch.tensor([[2.0, 0.5]]))
    torch.testing.assert_close(layer.module.shift, torch.tensor([[-2.0, 1.5]]))
    assert layer.grid is None


ROOM = Grid.of(2**-8, 257)


def test_batch_norm_that_a_stream_sees_is_dyadic():
    norm = nn.BatchNorm2d(2)
    norm.weight.data.copy_(torch.tensor([-0.3, 1e-9]))
    norm.running_mean.copy_(torch.tensor([2.2, 0.1]))
    norm.bias.data.copy_(torch.tensor([0.4, -0.2]))
    layer = replace(norm, Grid.of(1, 144), room=ROOM)
    steps = layer.grid.step.reshape(1, 2, 1, 1)
    for constant in (layer.module.scale, layer.module.shift):
        assert torch.equal(constant / steps, (constant / steps).round())
    assert layer.module.scale.flatten()[1] == 0
    torch.testing.assert_close(
        layer.module.scale.flatten()[0].item(), -0.3 / (1 + norm.eps) ** 0.5, rtol=2**-11, atol=0
    )


@given(st.integers(0, 2**32 - 1), st.floats(-9, 1), st.integers(-6, 3), st.integers(1, 2**18))
def test_dyadic_batch_norm_within_its_bound(seed, log_weight, log_step, peak):
    random = torch.Generator().manual_seed(seed)
    step = 2.0**log_step
    norm = nn.BatchNorm2d(5).eval()
    size = step * peak
    norm.running_mean.copy_(size / 4 * torch.randn(5, generator=random))
    norm.running_var.copy_((size / 4) ** 2 * (0.1 + torch.rand(5, generator=random)))
    norm.weight.data.copy_(10**log_weight * torch.randn(5, generator=random))
    norm.bias.data.copy_(torch.randn(5, generator=random))
    x = step * torch.randint(-peak, peak + 1, (3, 5, 4, 4), generator=random).float()
    layer = replace(norm, Grid.of(step, peak), room=ROOM)
    with torch.no_grad():
        difference = (norm(x).double() - layer.module(x).double()).abs()
    assert (difference <= layer.bound(x.double(), torch.zeros_like(difference))).all()


def test_batch_norm_of_floats_that_a_stream_sees():
    assert refused(nn.BatchNorm2d(2), None, room=ROOM) == (
        "part: takes values in float and feeds a stream; its input must be integers "
        "times a step, from a QuantConv2d, a QuantIdentity or a Stream"
    )


@given(st.sampled_from([2**-7, 2**-5, 0.5]), st.integers(0, 2**32 - 1))
def test_stream_rounds_as_trained(step, seed):
    random = torch.Generator().manual_seed(seed)
    # Many of them lie halfway between two values, and many beyond the range.
    x = torch.randint(-400, 400, (3000,), generator=random) / 2 * step
    x += step * 2**-10 * torch.randint(-1, 2, (3000,), generator=random)
    stream = Stream(step)
    layer = replace(stream, Grid.of(step * 2**-10, 2**18))
    assert torch.equal(layer.module(x), stream(x))
    assert layer.boundary == "stream"
    assert (float(layer.grid.step), float(layer.grid.peak)) == (step, 128)


def test_stream_may_differ_by_the_steps_that_its_bound_explains():
    layer = replace(Stream(2**-7), Grid.of(2**-20, 1))
    x = torch.tensor([0.0, 0.49, 0.49, 1.0, 127.4, 300.0]).double() / 128
    error = torch.tensor([0.4, 0.02, 0.001, 2.6, 9.0, 9.0]).double() / 128
    assert (layer.bound(x, error) * 128).tolist() == [0, 1, 0, 3, 9, 0]


def test_stream_of_too_fine_steps():
    assert refused(Stream(2**-7), Grid.of(2**-20, 2**24 - 1)) == (
        "part: its sums reach 16,781,311 times their smallest step, must stay below 16,777,216, "
        "where float32 is exact; use fewer inputs, fewer bits for weights or activations, smaller "
        "biases or coarser steps"
    )


def test_average_becomes_a_sum_before_a_batch_norm():
    grid = Grid.of(2**-7, 128)
    layer = replace(nn.AdaptiveAvgPool2d(1), grid, shape=(1, 2, 7, 5), normed=True)
    x = torch.randint(-128, 128, (3, 2, 7, 5)) / 128
    assert torch.equal(layer.module(x), x.sum((2, 3), keepdim=True))
    assert (layer.grid.times, float(layer.grid.peak)) == (35, 128 * 35)
    norm = nn.BatchNorm1d(2).eval()
    norm.running_mean.copy_(torch.tensor([0.01, -0.02]))
    folded = replace(norm, replace(nn.Flatten(), layer.grid).grid, room=Grid.of(2**-6, 1))
    with torch.no_grad():
        trained = norm(x.mean((2, 3)))
        torch.testing.assert_close(
            folded.module(layer.module(x).flatten(1)), trained, atol=1e-3, rtol=0
        )


@pytest.mark.parametrize(("pixels", "exact"), [((4, 8), True), ((7, 7), False)])
def test_average_before_a_stream(pixels, exact):
    grid, room = Grid.of(2**-7, 128), Grid.of(2**-8, 1)
    layer = replace(nn.AdaptiveAvgPool2d(1), grid, shape=(1, 2, *pixels), room=room)
    x = torch.randint(-128, 128, (50, 2, *pixels)) / 128
    found, steps = layer.module(x).double(), layer.grid.step
    assert torch.equal(found / steps, (found / steps).round())
    difference = (found - x.double().mean((2, 3), keepdim=True)).abs()
    bound = layer.bound(x.double(), torch.zeros_like(x).double())
    assert (difference <= bound).all()
    assert (bound <= 2**-10).all()
    if exact:
        assert (difference == 0).all()


def test_average_that_no_constant_makes_exact():
    grid = Grid.of(2**-7, 128)
    assert refused(nn.AdaptiveAvgPool2d(1), grid, shape=(1, 2, 7, 7)) == (
        "part: averages 49 pixels, which is not a power of two; a BatchNorm2d or a Stream must "
        "follow"
    )


def test_average_to_more_than_a_pixel():
    assert refused(nn.AdaptiveAvgPool2d((2, 1))) == "part: averages to (2, 1), must be 1"


def test_shortcut_carries_the_grid():
    shortcut = Shortcut(2, 5, 2)
    layer = replace(shortcut, Grid.of(2**-7, 128))
    x = torch.randint(-128, 128, (3, 2, 5, 4)) / 128
    assert torch.equal(layer.module(x), shortcut(x))
    assert torch.equal(layer.bound(x.double(), x.double()), shortcut(x.double()))
    assert (float(layer.grid.step), float(layer.grid.peak)) == (2**-7, 128)


def test_errors_widen_as_they_go_through():
    conv = qnn.QuantConv2d(1, 1, 2, bias=False, weight_quant=LibraWeightQuant)
    error = torch.full((1, 1, 3, 3), 0.25, dtype=torch.float64)
    step = float(libra(conv.weight)[1])
    bound = replace(conv).bound(error, error)
    assert bound.tolist() == [[[[step] * 2] * 2]]
    pool = replace(nn.MaxPool2d(3))
    assert pool.bound(error, error).tolist() == [[[[0.25]]]]
    assert replace(nn.Flatten()).bound(error, error).tolist() == [[0.25] * 9]


def test_pixels_lie_on_a_grid():
    layer = replace(Normalise(), Grid.of(1, 255))
    assert (float(layer.grid.step), layer.grid.peak) == (1 / 128, 128)


def test_steps_of_channels_become_one():
    grid = Grid(torch.tensor([0.5, 2.0]).double(), torch.tensor(9.0))
    flat = replace(nn.Flatten(), grid).grid
    assert (float(flat.step), flat.peak) == (0.5, 36)


def test_sign_of_zero_is_plus():
    layer = replace(qnn.QuantIdentity(act_quant=EDEActQuant))
    assert layer.module(torch.tensor([-0.1, -0.0, 0.0, 0.1])).tolist() == [-1, 1, 1, 1]
    assert layer.boundary == "sign"


def test_unknown_module():
    assert refused(nn.GELU()) == (
        "part: GELU modules can't be exported; those that can: AdaptiveAvgPool2d, BatchNorm1d, "
        "BatchNorm2d, Flatten, Hardtanh, Identity, MaxPool2d, Normalise, PixelShuffle, Pixels, "
        "QuantConv2d, QuantIdentity, QuantLinear, Shift, Shortcut, Stream"
    )


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Flatten(0), "part: flattens axes 0 to -1, must be 1 to -1"),
        (
            nn.MaxPool2d(2, ceil_mode=True),
            "part: MaxPool2d with ceil_mode, dilation or return_indices can't be exported",
        ),
        (
            nn.Hardtanh(0, 1),
            "part: Hardtanh from 0 to 1 changes signs; its range must include 0 and negative "
            "values",
        ),
        (
            nn.BatchNorm2d(3, track_running_stats=False),
            "part: has no running statistics; set track_running_stats=True",
        ),
        (
            qnn.QuantIdentity(act_quant=None),
            "part: its quantizer is off; 1-bit activations of scale 1 are needed",
        ),
    ],
)
def test_setups_that_are_refused(module, message):
    assert refused(module) == message


def test_activations_of_more_bits():
    module = qnn.QuantIdentity(
        act_quant=Int8ActPerTensorFixedPoint, scaling_impl_type="const", scaling_init=1.0
    )
    assert refused(module) == (
        "part: activations of 8 bits and scale 0.0078125, must be 1 bit and scale 1"
    )


def test_statistics_that_are_not_finite():
    norm = nn.BatchNorm2d(2)
    norm.running_var[1] = float("nan")
    assert refused(norm) == "part: its statistics or parameters aren't finite"
