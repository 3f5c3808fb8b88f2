import pytest
import torch
from brevitas import nn as qnn

from irnet_hw.quant import EDE, STE, act_quant, libra, set_ede, weight_quant

X = [-1.5, -1.0, -0.25, 0.0, 0.5, 1.0, 1.5]


def gradient(ede):
    x = torch.tensor(X, requires_grad=True)
    layer = qnn.QuantIdentity(act_quant=act_quant(ede))
    set_ede(layer, t=1, k=2)
    y = layer(x)
    assert y.tolist() == [-1, -1, -1, 1, 1, 1, 1]
    y.sum().backward()
    return x.grad


def test_activations_with_ede():
    assert torch.allclose(gradient(True), 2 * (1 - torch.tanh(torch.tensor(X)) ** 2))


def test_activations_without_ede():
    assert gradient(False).tolist() == [0, 1, 1, 1, 1, 1, 0]


def layer(use_libra, ede):
    torch.manual_seed(0)
    conv = qnn.QuantConv2d(3, 4, 3, bias=False, weight_quant=weight_quant(use_libra, ede))
    conv.weight.data += 0.1
    return conv


@pytest.mark.parametrize("ede", [False, True])
def test_weights_with_libra(ede):
    conv = layer(True, ede)
    binary, scale = libra(conv.weight)
    assert torch.equal(conv.quant_weight().value, binary * scale)


@pytest.mark.parametrize("ede", [False, True])
def test_weights_without_libra_keep_their_signs(ede):
    conv = layer(False, ede)
    quantized = conv.quant_weight()
    assert torch.equal(quantized.value, torch.where(conv.weight >= 0, 1.0, -1.0))
    assert (quantized.bit_width, quantized.scale, quantized.zero_point) == (1, 1, 0)


@pytest.mark.parametrize("use_libra", [False, True])
@pytest.mark.parametrize("ede", [False, True])
def test_the_estimator_is_the_one_asked_for(use_libra, ede):
    found = [type(m) for m in layer(use_libra, ede).modules() if isinstance(m, EDE | STE)]
    assert found == [EDE if ede else STE]


def test_the_plain_signs_gradient_reaches_the_weights_between_minus_1_and_1():
    conv = layer(False, ede=False)
    conv.weight.data[0, 0, 0, 0] = 1.5
    conv.quant_weight().value.sum().backward()
    wanted = torch.ones_like(conv.weight)
    wanted[0, 0, 0, 0] = 0
    assert torch.equal(conv.weight.grad, wanted)
