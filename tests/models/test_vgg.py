import numpy as np
import pytest
import torch
from brevitas import nn as qnn
from brevitas.export import export_qonnx
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from irnet_hw import models
from irnet_hw.errors import UserError
from irnet_hw.models import VGG

DIGITS = VGG("vgg", [8, 8, 1], 10, widths=[4, 6, 8, 8], pools=[False, True, False, True])


@st.composite
def configs(draw):
    widths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    pools = draw(st.lists(st.booleans(), min_size=len(widths), max_size=len(widths)))
    sides = st.integers(2 ** sum(pools), 20)
    image = [draw(sides), draw(sides), draw(st.integers(1, 3))]
    return VGG("vgg", image, draw(st.integers(2, 11)), widths, pools)


@settings(max_examples=20)
@given(configs())
def test_any_configuration_gives_logits(config):
    height, width, channels = config.image
    model = models.build(config).eval()
    pixels = torch.randint(0, 256, (2, channels, height, width)).float()
    assert model(pixels).shape == (2, config.classes)


def test_the_layers_stand_as_in_vgg_small():
    pools = nn.MaxPool2d
    binary = [qnn.QuantIdentity, qnn.QuantConv2d]
    rest = [nn.BatchNorm2d, nn.Hardtanh]
    leaves = (*binary, *rest, pools, qnn.QuantLinear, nn.Flatten, models.blocks.Normalise)
    found = [type(module) for module in models.build(DIGITS).modules() if type(module) in leaves]
    assert found == [
        *(models.blocks.Normalise, qnn.QuantConv2d, *rest),
        *(*binary, pools, *rest),
        *(*binary, *rest),
        *(*binary, pools, *rest),
        *(qnn.QuantIdentity, nn.Flatten, qnn.QuantLinear),
    ]


def test_pixels_become_exact():
    pixels = torch.arange(256.0)
    wanted = (np.arange(256) - 128) / 128
    assert np.array_equal(models.blocks.Normalise()(pixels).double().numpy(), wanted)


def test_sums_of_the_first_convolution_are_exact_integers():
    model = models.build(VGG("vgg", [8, 8, 3], 10, widths=[16], pools=[False])).eval()
    pixels = torch.randint(0, 256, (4, 3, 8, 8))
    weight = model.block0.conv.quant_weight()
    integers = (weight.value / weight.scale).to(torch.int64)
    assert weight.bit_width == 8
    assert weight.scale.numel() == 1
    assert torch.frexp(weight.scale)[0] == 0.5
    assert integers.abs().max() <= 127
    wanted = torch.conv2d(pixels - 128, integers, padding=1)
    got = model.block0.conv(model.normalise(pixels.float())) * 128 / weight.scale
    assert torch.equal(got.to(torch.int64), wanted)
    assert torch.equal(got, got.round())


def test_sums_of_the_dense_layer_are_exact_integers():
    model = models.build(DIGITS).eval()
    signs = torch.randint(0, 2, (4, 32)) * 2 - 1
    weight = model.dense.quant_weight()
    model.dense.bias.data.zero_()
    integers = (weight.value / weight.scale).to(torch.int64)
    assert torch.frexp(weight.scale)[0] == 0.5
    got = model.dense(signs.float()) / weight.scale
    assert torch.equal(got, (signs @ integers.T).float())


def test_brevitas_exports_it():
    model = models.build(DIGITS).eval()
    graph = export_qonnx(model, args=torch.zeros(1, 1, 8, 8), dynamo=False, opset_version=13).graph
    block = ["MaxPool", "BatchNormalization", "Clip"]
    binary = ["BipolarQuant", "BipolarQuant", "Conv"]
    assert [node.op_type for node in graph.node] == [
        *("Sub", "Mul", "Quant", "Conv", *block[1:]),
        *(*binary, *block),
        *(*binary, *block[1:]),
        *(*binary, *block),
        *("BipolarQuant", "Flatten", "Quant", "Gemm"),
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"image": [8, 8]},
            "model.image: [8, 8], must be height, width and channels, each at least 1",
        ),
        (
            {"image": [8, 0, 1]},
            "model.image: [8, 0, 1], must be height, width and channels, each at least 1",
        ),
        ({"classes": 1}, "model.classes: 1, must be at least 2"),
        ({"widths": []}, "model.widths: [], must be channels, each at least 1"),
        ({"widths": [4, 0]}, "model.widths: [4, 0], must be channels, each at least 1"),
        (
            {"pools": [True]},
            "model.pools: [True], must have 2 values, as model.widths",
        ),
        (
            {"image": [3, 8, 1]},
            "model.pools: 2 pools leave nothing of an image of 3x8",
        ),
    ],
)
def test_refuses(values, message):
    good = {
        "name": "vgg",
        "image": [8, 8, 1],
        "classes": 10,
        "widths": [4, 4],
        "pools": [True, True],
    }
    with pytest.raises(UserError) as error:
        VGG(**good | values)
    assert str(error.value) == message
