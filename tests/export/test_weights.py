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

from irnet_hw.quant import LibraWeightQuant, libra
from irnet_hw.quant.grid import Grid
from tests.export.places import refused, replace


@st.composite
def weights(draw, *shape):
    """Weights of channels with arbitrary means, so that balancing changes signs."""
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
    # Brevitas' exporter writes the quantizer's input.
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


def test_scale_that_is_no_power_of_two():
    module = qnn.QuantLinear(2, 2, bias=False, weight_quant=Int8WeightPerTensorFloat)
    module.weight.data.copy_(torch.tensor([[127.0, 1.0], [2.0, 3.0]]) * 3)
    assert refused(module) == "part: weights of scale 3, must be powers of two"


def test_input_that_is_not_quantized():
    module = qnn.QuantLinear(2, 2, bias=False, weight_quant=LibraWeightQuant)
    assert refused(module, None) == (
        "part: its input isn't quantized; put a 1-bit QuantIdentity before it"
    )


def test_sums_that_float32_does_not_hold():
    module = qnn.QuantLinear(2, 2, bias=False, weight_quant=LibraWeightQuant)
    grid = Grid.of(1, 2**23)
    assert refused(module, grid) == (
        "part: its sums reach 16,777,216 times their smallest step, must stay below 16,777,216, "
        "where float32 is exact; use fewer inputs, fewer bits for weights or activations, smaller "
        "biases or coarser steps"
    )


def test_each_channel_has_the_peak_of_its_own_weights():
    """The stem's batch norm makes use of it: smaller sums allow finer constants."""
    conv = qnn.QuantConv2d(1, 2, 2, bias=False, weight_quant=Int8WeightPerTensorFixedPoint)
    conv.weight.data.copy_(torch.tensor([[[[63.0, 1], [1, 1]]], [[[2.0, 2], [0, 1]]]]) / 64)
    grid = replace(conv, Grid.of(1 / 128, 128)).grid
    assert (grid.step * 128 * grid.peak).tolist() == [66 / 64 * 128, 5 / 64 * 128]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            qnn.QuantConv2d(2, 2, 3, bias=True, weight_quant=LibraWeightQuant),
            "part: has a bias; create it with bias=False and let the next BatchNorm2d shift",
        ),
        (
            qnn.QuantConv2d(2, 2, 3, bias=False, weight_quant=None),
            "part: its weights aren't quantized",
        ),
        (
            qnn.QuantLinear(2, 2, bias=False, input_quant=Int8ActPerTensorFixedPoint),
            "part: has an input or output quantizer; quantize activations with a QuantIdentity",
        ),
        (
            qnn.QuantLinear(2, 2, True, Int8WeightPerTensorFixedPoint, bias_quant=Int8Bias),
            "part: its bias has a quantizer; remove it, export rounds the bias",
        ),
    ],
)
def test_setups_that_are_refused(module, message):
    assert refused(module) == message
