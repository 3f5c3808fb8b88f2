import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from irnet_hw import models
from irnet_hw.errors import UserError
from irnet_hw.export.network import deploy
from irnet_hw.models import MLP
from irnet_hw.models.blocks import Activations, Dense, Normalise

SIDES = st.integers(1, 5)


def test_the_layers_stand_as_in_finns():
    model = models.build(MLP("mlp", [4, 3, 2], 5, hidden=[7, 6]))
    hidden = [Dense, nn.BatchNorm1d, nn.Hardtanh, Activations]
    wanted = [Normalise, nn.Flatten, *hidden, *hidden, Dense]
    assert [type(module) for module in model.modules() if type(module) in wanted] == wanted
    layers = [module for module in model.modules() if type(module) is Dense]
    assert [tuple(layer.weight.shape) for layer in layers] == [(7, 24), (6, 7), (5, 6)]
    assert [int(layer.quant_weight().bit_width) for layer in layers] == [1, 1, 8]


@settings(max_examples=15, deadline=None)
@given(
    st.tuples(SIDES, SIDES, SIDES),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_any_configuration_trains(image, hidden, libra, ede):
    model = models.build(MLP("mlp", list(image), 3, hidden, libra=libra, ede=ede))
    height, width, channels = image
    pixels = torch.randint(0, 256, (4, channels, height, width)).float()
    logits = model(pixels)
    assert logits.shape == (4, 3)
    nn.functional.cross_entropy(logits, torch.arange(4) % 3).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("signs", "boundaries"),
    [(False, ["binarise0", "binarise1"]), (True, ["binarise", "binarise0", "binarise1"])],
)
def test_the_exporter_takes_it(signs, boundaries):
    torch.manual_seed(0)
    model = models.build(MLP("mlp", [4, 4, 1], 3, hidden=[6, 5], sign_pixels=signs)).eval()
    network = deploy(model, (4, 4, 1))
    assert network.boundaries() == boundaries
    pixels = torch.randint(0, 256, (20, 1, 4, 4)).float()
    got = network.deployed(pixels) / network.step
    assert torch.equal(got, got.round())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"image": [8, 8]},
            "model.image: [8, 8], must be height, width and channels, each at least 1",
        ),
        ({"classes": 1}, "model.classes: 1, must be at least 2"),
        ({"hidden": []}, "model.hidden: [], must be output counts, each at least 1"),
        ({"hidden": [4, 0]}, "model.hidden: [4, 0], must be output counts, each at least 1"),
    ],
)
def test_refuses(values, message):
    good = {"name": "mlp", "image": [8, 8, 1], "classes": 10, "hidden": [4]}
    with pytest.raises(UserError) as error:
        MLP(**good | values)
    assert str(error.value) == message
