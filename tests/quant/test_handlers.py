"""Brevitas' own exporters write what the modules compute, run by qonnx's executor."""

import numpy as np
import pytest
import torch
from brevitas import nn as qnn
from brevitas.export import export_qonnx
from brevitas.inject.enum import FloatToIntImplType
from qonnx.core.modelwrapper import ModelWrapper
from torch import nn

from irnet_hw import onnx_file
from irnet_hw.quant import EDEActQuant, LibraWeightQuant, stream_quant
from irnet_hw.quant.frozen import binary_weights, freeze
from irnet_hw.runner import Runner

EXPORTERS = pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])


def exported(module, shape, dynamo):
    options = {} if dynamo else {"opset_version": 13}
    proto = export_qonnx(module, torch.zeros(shape), dynamo=dynamo, **options)
    onnx_file.check(proto)
    return ModelWrapper(proto)


def outputs(model, x):
    return Runner(model).run(x.numpy())[model.graph.output[0].name]


@EXPORTERS
def test_a_file_has_the_balanced_weights(dynamo):
    torch.manual_seed(1)
    dense = qnn.QuantLinear(12, 5, bias=False, weight_quant=LibraWeightQuant).eval()
    nn.init.uniform_(dense.weight, -0.2, 1)
    balanced = dense.quant_weight()
    raw = torch.where(dense.weight >= 0, 1.0, -1.0) * balanced.scale
    assert (raw != balanced.value).any()
    model = exported(dense, (1, 12), dynamo)
    unit = outputs(model, torch.eye(12))
    assert np.array_equal(unit.T, balanced.value.detach().numpy())


@EXPORTERS
def test_a_file_has_frozen_weights(dynamo):
    torch.manual_seed(1)
    dense = qnn.QuantLinear(12, 5, bias=False, weight_quant=LibraWeightQuant).eval()
    (weight,) = binary_weights(nn.Sequential(dense)).values()
    freeze(dense, weight)
    unit = outputs(exported(dense, (1, 12), dynamo), torch.eye(12))
    assert np.array_equal(unit.T, weight.value.numpy())


@EXPORTERS
def test_a_file_rounds_streams_half_up(dynamo):
    stream = qnn.QuantIdentity(act_quant=stream_quant(2**-4)).eval()
    # All multiples of a quarter step, and more than the range.
    x = (torch.arange(-600, 600) / 64).reshape(1, -1)
    model = exported(nn.Sequential(stream), x.shape, dynamo)
    assert np.array_equal(outputs(model, x), stream(x).numpy())


def shared():
    torch.manual_seed(2)
    first = qnn.QuantLinear(8, 8, bias=False, weight_quant=LibraWeightQuant)
    second = qnn.QuantLinear(8, 8, bias=False, weight_quant=first.weight_quant)
    # Scales differ between the two.
    second.weight.data = torch.randn(8, 8) ** 5
    return nn.Sequential(first, qnn.QuantIdentity(act_quant=EDEActQuant), second).eval()


def test_layers_that_share_a_quantizer_have_weights_and_scales_of_their_own():
    network = shared()
    x = torch.randint(-4, 4, (50, 8)).float()
    model = exported(network, (1, 8), False)
    assert np.array_equal(outputs(model, x), network(x).detach().numpy())


def test_dynamo_refuses_layers_that_share_a_quantizer():
    with pytest.raises(Exception, match="share a weight quantizer"):
        exported(shared(), (1, 8), True)


@pytest.mark.parametrize("rounding", [FloatToIntImplType.ROUND, FloatToIntImplType.FLOOR])
def test_weights_of_brevitas_own_quantizers_are_the_layers(rounding):
    torch.manual_seed(3)
    dense = qnn.QuantLinear(
        6, 4, bias=False, weight_bit_width=3, weight_float_to_int_impl_type=rounding
    ).eval()
    unit = outputs(exported(dense, (1, 6), False), torch.eye(6))
    assert np.array_equal(unit.T, dense.quant_weight().value.detach().numpy())
