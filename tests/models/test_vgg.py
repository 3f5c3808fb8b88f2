import numpy as np
import pytest
import torch
from brevitas.export import export_qonnx
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from irnet_hw import models
from irnet_hw.errors import UserError
from irnet_hw.models import VGG
from irnet_hw.models.blocks import Activations, Conv, Dense

DIGITS = VGG("vgg", [8, 8, 1], 10, widths=[4, 6, 8, 8], pools=[False, True, False, True])


@st.composite
def configs(draw):
    widths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    pools = draw(st.lists(st.booleans(), min_size=len(widths), max_size=len(widths)))
    sides = st.integers(2 ** sum(pools), 20)
    image = [draw(sides), draw(sides), draw(st.integers(1, 3))]
    return VGG("vgg", image, draw(st.integers(2, 11)), widths, pools)


@st.composite
def configs_with_all_keys(draw):
    widths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    pools = draw(st.lists(st.booleans(), min_size=len(widths), max_size=len(widths)))
    sides = st.integers(24, 30)
    booleans = st.booleans()
    return VGG(
        "vgg",
        [draw(sides), draw(sides), draw(st.integers(1, 3))],
        draw(st.integers(2, 11)),
        widths,
        pools,
        padding=draw(st.integers(0, 1)),
        hidden=draw(st.lists(st.integers(1, 6), max_size=2)),
        precision=draw(st.sampled_from(["hardware", "paper"])),
        he=draw(booleans),
        libra=draw(booleans),
        ede=draw(booleans),
    )


@settings(max_examples=20)
@given(st.one_of(configs(), configs_with_all_keys()))
def test_any_configuration_gives_logits(config):
    height, width, channels = config.image
    model = models.build(config).eval()
    pixels = torch.randint(0, 256, (2, channels, height, width)).float()
    assert model(pixels).shape == (2, config.classes)


def test_the_layers_stand_as_in_vgg_small():
    pools = nn.MaxPool2d
    binary = [Activations, Conv]
    rest = [nn.BatchNorm2d, nn.Hardtanh]
    leaves = (*binary, *rest, pools, Dense, nn.Flatten, models.blocks.Normalise)
    found = [type(module) for module in models.build(DIGITS).modules() if type(module) in leaves]
    assert found == [
        *(models.blocks.Normalise, Conv, *rest),
        *(*binary, pools, *rest),
        *(*binary, *rest),
        *(*binary, pools, *rest),
        *(Activations, nn.Flatten, Dense),
    ]


def kinds(config):
    wanted = {
        *(nn.Conv2d, nn.Linear, nn.MaxPool2d, nn.BatchNorm1d, nn.BatchNorm2d, nn.Hardtanh),
        *(Conv, Dense, Activations),
    }
    return [kind for kind in map(type, models.build(config).modules()) if kind in wanted]


def test_the_papers_precision_leaves_both_ends_in_float():
    config = VGG("vgg", [8, 8, 3], 10, widths=[4, 6], pools=[False, True], precision="paper")
    assert kinds(config) == [
        *(nn.Conv2d, nn.BatchNorm2d, nn.Hardtanh),
        *(Activations, Conv, nn.MaxPool2d, nn.BatchNorm2d, nn.Hardtanh),
        nn.Linear,
    ]


def test_hidden_layers_are_binary():
    config = VGG("vgg", [8, 8, 3], 10, widths=[4], pools=[True], padding=0, hidden=[5, 6])
    hidden = [Activations, Dense, nn.BatchNorm1d, nn.Hardtanh]
    assert kinds(config) == [
        *(Conv, nn.MaxPool2d, nn.BatchNorm2d, nn.Hardtanh),
        *(*hidden, *hidden),
        *(Activations, Dense),
    ]
    model = models.build(config)
    assert model.hidden0.dense.in_features == 3 * 3 * 4
    assert model.hidden0.dense.quant_weight().bit_width == 1


def test_hes_first_weights():
    config = VGG("vgg", [8, 8, 64], 10, widths=[64, 64], pools=[False, True], he=True)
    torch.manual_seed(0)
    model = models.build(config)
    for conv in (model.block0.conv, model.block1.conv):
        assert conv.weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.02)
    assert model.dense.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert not model.dense.bias.any()


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
        ({"widths": []}, "model.widths: [], must be channel counts, each at least 1"),
        ({"widths": [4, 0]}, "model.widths: [4, 0], must be channel counts, each at least 1"),
        (
            {"pools": [True]},
            "model.pools: [True], must be 2 values, one per width",
        ),
        (
            {"image": [3, 8, 1]},
            "model.pools: 2 pools leave nothing of an image of 3x8",
        ),
        (
            {"image": [9, 8, 1], "padding": 0},
            "model.pools: convolutions without padding and 2 pools leave nothing of an image of "
            "9x8",
        ),
        ({"padding": 2}, "model.padding: 2, must be 0 or 1"),
        ({"hidden": [0]}, "model.hidden: [0], must be output counts, each at least 1"),
        ({"precision": "half"}, "model.precision: 'half', must be one of hardware, paper"),
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
