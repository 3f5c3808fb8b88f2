import pytest
import torch
from brevitas import nn as qnn
from torch import nn

from irnet_hw.models.blocks import Binary, Conv, conv8
from irnet_hw.quant import weight_quant
from irnet_hw.quant.frozen import BinaryWeight, binary_weights, freeze


def test_finds_the_1_bit_layers_and_no_others():
    model = nn.Sequential(conv8(1, 4), Binary().activations(), Binary().conv(4, 6), nn.Flatten())
    assert list(binary_weights(model)) == ["2"]


@pytest.mark.parametrize("libra", [True, False])
def test_gives_what_brevitas_gives(libra):
    torch.manual_seed(0)
    layer = qnn.QuantLinear(7, 5, bias=False, weight_quant=weight_quant(libra))
    wanted = layer.quant_weight()
    found = binary_weights(nn.Sequential(layer))["0"]
    assert torch.equal(found.value, wanted.value)
    assert torch.equal(found.scale, wanted.scale)
    assert not found.value.requires_grad


@pytest.fixture
def frozen():
    """A frozen layer whose channels have different scales, with its value and scale."""
    value = torch.tensor([[0.5, -0.5], [2.0, 2.0]])[:, :, None, None] * torch.ones(2, 2, 3, 3)
    scale = torch.tensor([0.5, 2.0])[:, None, None, None]
    layer = Binary().conv(2, 2)
    freeze(layer, BinaryWeight(value, scale))
    return layer, value, scale


def test_frozen_weights_stay_as_they_are(frozen):
    layer, value, scale = frozen
    assert isinstance(layer, Conv)
    for found in (layer.quant_weight(), binary_weights(nn.Sequential(layer))["0"]):
        assert torch.equal(found.value, value)
        assert torch.equal(found.scale, scale)
    assert layer.quant_weight().bit_width == 1
    x = torch.randn(1, 2, 4, 4)
    assert torch.equal(layer(x), nn.functional.conv2d(x, value, padding=1))


@pytest.mark.slow
def test_a_frozen_layer_is_loaded_and_compiled_as_others_are(frozen):
    layer, value, _ = frozen
    layer.load_state_dict(layer.state_dict())
    x = torch.randn(1, 2, 4, 4)
    compiled = torch.compile(layer, fullgraph=True, dynamic=False, backend="aot_eager")
    assert torch.equal(compiled(x), nn.functional.conv2d(x, value, padding=1))
