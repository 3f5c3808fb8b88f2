import pytest
import torch
from brevitas import nn as qnn
from brevitas.quant import (
    Int8ActPerTensorFixedPoint,
    Int8Bias,
    Int8WeightPerTensorFixedPoint,
    Int8WeightPerTensorFloat,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from irnet_hw.errors import UserError
from irnet_hw.export.exact import Grid, Place, exact
from irnet_hw.models.blocks import Normalise
from irnet_hw.quant import EDEActQuant, LibraWeightQuant, libra

BITS = Grid.of(1, 1)


def replace(module, grid=BITS, **place):
    return exact(module.eval(), Place("part", grid, **place))


def refused(module, grid=BITS):
    with pytest.raises(UserError) as error:
        replace(module, grid)
    return str(error.value)


@st.composite
def weights(draw, *shape):
    """Weights of channels that lie anywhere, so that balancing turns signs."""
    random = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.floats(1e-3, 10))
    offset = torch.randn(shape[0], *[1] * (len(shape) - 1), generator=random)
    return spread * (torch.randn(shape, generator=random) + offset)


@settings(max_examples=25)
@given(weights(6, 5, 3, 3))
def test_binary_weights_are_the_balanced_ones(weight):
    conv = qnn.QuantConv2d(5, 6, 3, bias=False, weight_quant=LibraWeightQuant)
    conv.weight.data.copy_(weight)
    layer = replace(conv)
    binary, scale = libra(weight)
    # What enters the quantizer is what Brevitas' exporter writes.
    assert torch.equal(layer.module.weight, binary * scale)
    assert torch.equal(layer.module.quant_weight().value, binary * scale)
    assert torch.equal(layer.module.quant_weight().scale, scale)
    assert torch.equal(layer.grid.step, scale.double().flatten())
    assert (layer.grid.peak == 45).all()


def test_the_raw_weights_signs_are_others():
    weight = torch.tensor([[0.1, 0.2, 0.3, 0.8]])
    dense = qnn.QuantLinear(4, 1, bias=False, weight_quant=LibraWeightQuant)
    dense.weight.data.copy_(weight)
    assert replace(dense).module.weight.sign().tolist() == [[-1, -1, -1, 1]]
    assert weight.sign().tolist() == [[1, 1, 1, 1]]


@settings(max_examples=25)
@given(weights(4, 3, 3, 3), st.integers(2, 8))
def test_integer_weights_stay_as_quantized(weight, bits):
    conv = qnn.QuantConv2d(
        3, 4, 3, bias=False, weight_quant=Int8WeightPerTensorFixedPoint, weight_bit_width=bits
    )
    conv.weight.data.copy_(weight)
    frozen, expected = replace(conv).module, conv.eval().quant_weight()
    for weight_tensor in (frozen.weight, frozen.quant_weight().value):
        assert torch.equal(weight_tensor, expected.value)
    assert torch.equal(frozen.quant_weight().scale, expected.scale)
    assert frozen.quant_weight().bit_width == bits


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
    # And the bound is of the size of a few roundings of what goes in.
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


@settings(max_examples=25)
@given(weights(4, 20), st.integers(0, 2**32 - 1))
def test_bias_becomes_a_multiple_of_the_step(weight, seed):
    random = torch.Generator().manual_seed(seed)
    dense = qnn.QuantLinear(20, 4, bias=True, weight_quant=Int8WeightPerTensorFixedPoint)
    dense.weight.data.copy_(weight)
    dense.bias.data.copy_(torch.randn(4, generator=random))
    layer = replace(dense)
    steps = layer.module.bias.double() / layer.grid.step.min()
    assert torch.equal(steps, steps.round())
    x = torch.randint(0, 2, (50, 20), generator=random) * 2.0 - 1
    with torch.no_grad():
        difference = (dense(x).double() - layer.module(x).double()).abs()
    bound = layer.bound(x.double(), torch.zeros(50, 20, dtype=torch.float64))
    assert (difference <= bound).all()
    assert (bound <= layer.grid.step.min() * 0.51 + 1e-3 * weight.abs().max()).all()


def test_bias_on_the_grid_needs_no_bound():
    dense = qnn.QuantLinear(4, 2, bias=True, weight_quant=Int8WeightPerTensorFixedPoint)
    dense.bias.data.zero_()
    zero = torch.zeros(1, 4, dtype=torch.float64)
    assert replace(dense).bound(zero + 1, zero).tolist() == [[0, 0]]


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
        "BatchNorm2d, Flatten, Hardtanh, Identity, MaxPool2d, Normalise, QuantConv2d, "
        "QuantIdentity, QuantLinear, Shortcut, Stream"
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
            "part: Hardtanh from 0 to 1 changes signs; its range must hold 0 and negative values",
        ),
        (
            nn.BatchNorm2d(3, track_running_stats=False),
            "part: has no running statistics; set track_running_stats=True",
        ),
        (
            qnn.QuantIdentity(act_quant=None),
            "part: its quantizer is off; 1-bit activations of scale 1 are needed",
        ),
        (
            qnn.QuantConv2d(2, 2, 3, bias=True, weight_quant=LibraWeightQuant),
            "part: has a bias; make it with bias=False and let the BatchNorm2d after it shift",
        ),
        (
            qnn.QuantConv2d(2, 2, 3, bias=False, weight_quant=None),
            "part: its weights aren't quantized",
        ),
        (
            qnn.QuantLinear(2, 2, bias=False, input_quant=Int8ActPerTensorFixedPoint),
            "part: has an input or output quantizer; quantize activations by a QuantIdentity",
        ),
        (
            qnn.QuantLinear(2, 2, True, Int8WeightPerTensorFixedPoint, bias_quant=Int8Bias),
            "part: its bias has a quantizer; export rounds the bias by itself",
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


def test_scale_that_is_no_power_of_two():
    module = qnn.QuantLinear(2, 2, bias=False, weight_quant=Int8WeightPerTensorFloat)
    module.weight.data.copy_(torch.tensor([[127.0, 1.0], [2.0, 3.0]]) * 3)
    assert refused(module) == "part: weights of scale 3, must be powers of two"


def test_statistics_that_are_not_finite():
    norm = nn.BatchNorm2d(2)
    norm.running_var[1] = float("nan")
    assert refused(norm) == "part: its statistics or parameters aren't finite"


def test_input_that_is_not_quantized():
    module = qnn.QuantLinear(2, 2, bias=False, weight_quant=LibraWeightQuant)
    assert refused(module, None) == (
        "part: its input isn't quantized; put a 1-bit QuantIdentity before it"
    )


def test_sums_that_float32_does_not_hold():
    module = qnn.QuantLinear(2, 2, bias=False, weight_quant=LibraWeightQuant)
    grid = Grid.of(1, 2**23)
    assert refused(module, grid) == (
        "part: its sums reach 16777216 steps; float32 is exact below 16777216"
    )
