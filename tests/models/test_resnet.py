import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from irnet_hw import models
from irnet_hw.errors import UserError
from irnet_hw.export.network import deploy
from irnet_hw.models import ResNet
from irnet_hw.models.blocks import Activations, Conv, Dense, Residual, Shortcut, Stream

structures = pytest.mark.parametrize("structure", ["bireal", "normal"])
bits = pytest.mark.parametrize("activation_bits", [1, 32])


def resnet20(structure="bireal", activation_bits=1):
    return ResNet("resnet", [32, 32, 3], 10, structure, activation_bits)


def tiny(structure="bireal", activation_bits=1, **keys):
    return ResNet(
        "resnet", [9, 8, 3], 5, structure, activation_bits, widths=[4, 7], blocks=[1, 2], **keys
    )


@structures
@bits
def test_resnet_20_has_the_published_parameters(structure, activation_bits):
    """He et al.'s 269722 plus the batch norm of 64 features before the dense layer."""
    model = models.build(resnet20(structure, activation_bits))
    assert sum(parameter.numel() for parameter in model.parameters()) == 269_722 + 2 * 64


@structures
def test_resnet_20_has_20_layers(structure):
    modules = list(models.build(resnet20(structure)).modules())
    binary = [module for module in modules if type(module) is Conv]
    assert len(binary) == 18
    assert all(module.quant_weight().bit_width == 1 for module in binary)
    assert [type(module) for module in modules].count(nn.Conv2d) == 1
    assert [type(module) for module in modules].count(nn.Linear) == 1


def test_the_shortcuts_of_the_structures():
    def shortcuts(structure):
        model = models.build(resnet20(structure))
        return [type(m.shortcut) for m in model.modules() if isinstance(m, Residual)]

    stays, halves = nn.Identity, Shortcut
    assert shortcuts("bireal") == [*[stays] * 6, *(halves, *[stays] * 5) * 2]
    assert shortcuts("normal") == [*[stays] * 3, *(halves, *[stays] * 2) * 2]


def test_a_unit_of_either_structure():
    binary = [Activations, Conv, nn.BatchNorm2d]
    kinds = {*binary, nn.Hardtanh}

    def unit(structure):
        body = models.build(tiny(structure)).stage0[0].body
        return [type(module) for module in body.modules() if type(module) in kinds]

    assert unit("bireal") == binary
    assert unit("normal") == [*binary, nn.Hardtanh, *binary]


@structures
def test_activations_in_float(structure):
    kinds = [type(m) for m in models.build(tiny(structure, 32)).modules()]
    assert Activations not in kinds
    assert kinds.count(Conv) == 6


@structures
@pytest.mark.parametrize("shortcut", ["pad", "conv"])
def test_both_precisions_have_the_same_parameters(structure, shortcut):
    paper = models.build(tiny(structure, shortcut=shortcut))
    hardware = models.build(tiny(structure, shortcut=shortcut, precision="hardware"))
    shapes = [
        {name: value.shape for name, value in model.state_dict().items()}
        for model in (paper, hardware)
    ]
    assert shapes[0] == shapes[1]
    hardware.load_state_dict(paper.state_dict())
    assert torch.equal(hardware.dense.weight, paper.dense.weight)


def test_the_streams_of_the_hardware():
    def steps(structure):
        model = models.build(tiny(structure, shortcut="conv", precision="hardware"))
        kinds = [type(module) for module in model.modules()]
        assert not {nn.Conv2d, nn.Linear} & set(kinds)
        assert kinds.count(nn.Hardtanh) == (3 if structure == "normal" else 0)
        assert (kinds.count(Dense), model.dense.quant_weight().bit_width) == (1, 8)
        layers = model.named_modules()
        return {name: layer.step for name, layer in layers if isinstance(layer, Stream)}

    clipped, normalised = 2**-7, 2**-5
    ends = {"stem.clip": clipped, "stream": normalised, "stage1.0.shortcut.stream": normalised}
    bireal = ["stage0.0", "stage0.1", *(f"stage1.{i}" for i in range(4))]
    assert steps("bireal") == ends | {f"{name}.clip": clipped for name in bireal}
    normal = ["stage0.0", "stage1.0", "stage1.1"]
    assert steps("normal") == ends | {f"{name}.clip": clipped for name in normal}


def test_a_hardware_network_computes_what_the_papers_does_but_for_the_rounding():
    torch.manual_seed(0)
    paper, hardware = (
        models.build(tiny(activation_bits=1, shortcut="conv", precision=precision)).eval()
        for precision in ("paper", "hardware")
    )
    hardware.load_state_dict(paper.state_dict())
    pixels = torch.randint(0, 256, (2, 3, 9, 8)).float()
    wanted, got = paper.stem(paper.normalise(pixels)), hardware.stem(hardware.normalise(pixels))
    # Half a step of the stream, plus rounding of 27 weights to at most 127 levels.
    weight = paper.stem.conv.weight
    assert (got - wanted).abs().max() <= 2**-8 + 2**-7 + 27 * weight.abs().max() / 64
    assert hardware(pixels).shape == (2, 5)


def test_the_stem_of_large_images():
    model = models.build(tiny(stem="7x7"))
    assert [type(layer) for layer in model.stem] == [
        *(nn.Conv2d, nn.BatchNorm2d, nn.Hardtanh, nn.MaxPool2d),
    ]
    assert model.stem(torch.zeros(1, 3, 33, 32)).shape == (1, 4, 9, 8)


def test_a_convolution_in_the_shortcut():
    model = models.build(tiny("normal", shortcut="conv"))
    shortcut = model.stage1[0].shortcut.eval()
    assert [type(layer) for layer in shortcut] == [nn.Conv2d, nn.BatchNorm2d]
    x = torch.randn(2, 4, 9, 8)
    wanted = torch.einsum("oi,nihw->nohw", shortcut.conv.weight[:, :, 0, 0], x[:, :, ::2, ::2])
    assert torch.allclose(shortcut(x), wanted / (1 + shortcut.norm.eps) ** 0.5, atol=1e-5)


def test_relu_where_activations_are_float():
    kinds = [
        type(module) for module in models.build(tiny("normal", 32, activation="relu")).modules()
    ]
    assert nn.Hardtanh not in kinds
    assert kinds.count(nn.ReLU) == 1 + 2 * 3


def test_a_residual_unit_by_hand():
    torch.manual_seed(0)
    unit = models.build(tiny()).stage1[0].eval()
    x = torch.randn(2, 4, 9, 8)
    signs = torch.where(x >= 0, 1.0, -1.0)
    weight = unit.body.conv0.quant_weight().value
    sums = torch.conv2d(signs, weight, stride=2, padding=1) / (1 + unit.body.norm0.eps) ** 0.5
    kept = torch.zeros(2, 7, 5, 4)
    kept[:, 1:5] = x[:, :, ::2, ::2]
    assert torch.allclose(unit(x), (sums + kept).clamp(-1, 1), atol=1e-6)


@given(
    st.integers(1, 5),
    st.integers(0, 5),
    st.integers(1, 3),
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
)
def test_the_shortcut_subsamples_and_adds_channels_of_0(inputs, more, stride, size):
    x = torch.arange(1.0, 1 + 2 * inputs * size[0] * size[1]).reshape(2, inputs, *size)
    y = Shortcut(inputs, inputs + more, stride)(x).numpy()
    before = more // 2
    assert np.array_equal(y[:, before : before + inputs], x.numpy()[:, :, ::stride, ::stride])
    assert not y[:, :before].any()
    assert not y[:, before + inputs :].any()
    assert y.shape[1] == inputs + more


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["bireal", "normal"]),
    st.sampled_from([(1, "hardtanh"), (32, "hardtanh"), (32, "relu")]),
    st.sampled_from(["paper", "hardware"]),
    st.sampled_from(["3x3", "7x7"]),
    st.sampled_from(["pad", "conv"]),
    st.booleans(),
    st.booleans(),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
)
def test_any_configuration_trains(
    structure, activations, precision, stem, shortcut, libra, ede, size, widths
):
    bits, activation = activations
    config = ResNet(
        "resnet",
        [*size, 3],
        5,
        structure,
        bits,
        activation,
        stem,
        shortcut,
        precision=precision if bits == 1 else "paper",
        widths=sorted(widths),
        blocks=[1] * len(widths),
        libra=libra,
        ede=ede,
    )
    model = models.build(config)
    pixels = torch.randint(0, 256, (4, 3, *size)).float()
    logits = model(pixels)
    assert logits.shape == (4, 5)
    nn.functional.cross_entropy(logits, torch.arange(4)).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@structures
@bits
def test_gradients_reach_every_weight(structure, activation_bits):
    torch.manual_seed(0)
    model = models.build(tiny(structure, activation_bits))
    pixels = torch.randint(0, 256, (16, 3, 9, 8)).float()
    nn.functional.cross_entropy(model(pixels), torch.arange(16) % 5).backward()
    weights = {name: value for name, value in model.named_parameters() if value.dim() > 1}
    assert len(weights) == 8
    for name, weight in weights.items():
        assert weight.grad.flatten(1).any(1).all(), name


def test_hes_first_weights():
    torch.manual_seed(0)
    model = models.build(resnet20())
    for conv, inputs in ((model.stage2[1].body.conv0, 64), (model.stage2[0].body.conv0, 32)):
        assert conv.weight.std().item() == pytest.approx((2 / (9 * inputs)) ** 0.5, rel=0.02)


def test_the_export_refuses_it_by_name():
    with pytest.raises(UserError) as error:
        deploy(models.build(tiny()), (9, 8, 3))
    assert str(error.value).startswith("stem.conv: Conv2d modules can't be exported; those that ")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"image": [8, 8]},
            "model.image: [8, 8], must be height, width and channels, each at least 1",
        ),
        ({"classes": 1}, "model.classes: 1, must be at least 2"),
        ({"structure": "resnet"}, "model.structure: 'resnet', must be one of bireal, normal"),
        ({"activation_bits": 2}, "model.activation_bits: 2, must be 1 or 32"),
        ({"activation": "tanh"}, "model.activation: 'tanh', must be one of hardtanh, relu"),
        (
            {"activation": "relu"},
            "model.activation: 'relu', must be 'hardtanh' with 1-bit activations, which are "
            "its signs",
        ),
        ({"stem": "5x5"}, "model.stem: '5x5', must be one of 3x3, 7x7"),
        ({"shortcut": "B"}, "model.shortcut: 'B', must be one of pad, conv"),
        ({"precision": "half"}, "model.precision: 'half', must be one of hardware, paper"),
        (
            {"activation_bits": 32, "precision": "hardware"},
            "model.activation_bits: 32, must be 1 with precision 'hardware'",
        ),
        *(
            (
                {"widths": widths},
                f"model.widths: {widths}, must be channel counts, each at least 1 and at least "
                "that of the stage before, whose channels the shortcut keeps",
            )
            for widths in ([], [0, 4], [8, 4])
        ),
        *(
            (
                {"blocks": blocks},
                f"model.blocks: {blocks}, must be 3 values, one per width, each at least 1",
            )
            for blocks in ([], [1, 1], [1, 0, 1])
        ),
    ],
)
def test_refuses(values, message):
    good = {
        "name": "resnet",
        "image": [8, 8, 3],
        "classes": 10,
        "structure": "bireal",
        "activation_bits": 1,
    }
    with pytest.raises(UserError) as error:
        ResNet(**good | values)
    assert str(error.value) == message
