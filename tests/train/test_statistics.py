import math

import numpy as np
import pytest
import torch
from brevitas import nn as qnn
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from irnet_hw import models
from irnet_hw.quant import weight_quant
from irnet_hw.train.statistics import LayerSigns, Signs


def dense(weight, *, libra=False):
    """A network of one 1-bit layer that takes the plain signs of its weights or balances them."""
    layer = qnn.QuantLinear(
        len(weight[0]), len(weight), bias=False, weight_quant=weight_quant(libra)
    )
    layer.weight.data = torch.tensor(weight)
    return nn.Sequential(layer)


def test_unchanged_weights_have_no_flips():
    model = dense([[0.1, -0.2, 0.3, -0.4]])
    assert Signs(model).update(model) == [LayerSigns("0", 4, 1.0, 0.0)]


def test_counts_from_update_to_update():
    model = dense([[0.1, -0.2, 0.3, -0.4]])
    signs = Signs(model)
    model[0].weight.data = torch.tensor([[-0.1, -0.2, 0.3, -0.4]])
    entropy = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))
    assert signs.update(model) == [LayerSigns("0", 4, pytest.approx(entropy), 0.25)]
    assert signs.update(model) == [LayerSigns("0", 4, pytest.approx(entropy), 0.0)]


@pytest.mark.parametrize("weight", [0.5, -0.5])
def test_signs_that_are_all_alike_have_no_entropy(weight):
    model = dense([[weight] * 3])
    (found,) = Signs(model).update(model)
    assert found.entropy == 0.0


def test_signs_are_those_after_balancing():
    model = dense([[1.0, 2.0, 3.0, 4.0]], libra=True)
    (found,) = Signs(model).update(model)
    assert found.entropy == 1.0


@given(st.integers(0, 2**32 - 1), st.booleans(), st.integers(1, 5), st.integers(2, 9))
def test_figures_are_those_of_the_layers_quantized_weights(seed, libra, outputs, inputs):
    random = np.random.default_rng(seed)
    before, after = random.normal(0.3, 1, (2, outputs, inputs)).astype(np.float32)
    model = dense(before, libra=libra)
    old = model[0].quant_weight().value.detach().sign()
    signs = Signs(model)
    model[0].weight.data = torch.from_numpy(after)
    new = model[0].quant_weight().value.detach().sign()
    (found,) = signs.update(model)
    positive = (new > 0).double().mean().item()
    shares = (positive, 1 - positive)
    assert found.entropy == pytest.approx(-sum(p * math.log2(p) for p in shares if p))
    assert found.flipped == pytest.approx((old != new).double().mean().item())


def test_every_1_bit_layer_and_no_other():
    config = models.VGG(
        "vgg", [8, 8, 1], 10, widths=[4, 4, 6], pools=[False, True, True], hidden=[5]
    )
    model = models.build(config)
    found = Signs(model).update(model)
    assert [(layer.layer, layer.weights) for layer in found] == [
        ("block1.conv", 4 * 4 * 9),
        ("block2.conv", 4 * 6 * 9),
        ("hidden0.dense", 6 * 4 * 5),
    ]


def test_a_network_without_1_bit_layers():
    model = nn.Sequential(nn.Linear(3, 2))
    assert Signs(model).update(model) == []


def test_a_run_that_goes_on_has_the_same_figures():
    """Signs come from the weights, or are restored when an epoch was interrupted."""
    model = dense([[0.1, -0.2, 0.3, -0.4]])
    whole = Signs(model)
    before = whole.before
    model[0].weight.data = torch.tensor([[-0.1, 0.2, 0.3, -0.4]])
    resumed = Signs(model)
    resumed.before = before
    assert resumed.update(model) == whole.update(model)
    resumed = Signs(model)
    model[0].weight.data = torch.tensor([[-0.1, -0.2, -0.3, -0.4]])
    assert resumed.update(model) == whole.update(model)


def test_leaves_the_gradients_alone():
    model = dense([[0.1, -0.2]])
    model(torch.ones(1, 2)).sum().backward()
    gradient = model[0].weight.grad.clone()
    Signs(model).update(model)
    assert torch.equal(model[0].weight.grad, gradient)
