import re

import numpy as np
import pytest
import torch

from irnet_hw import data, spec
from irnet_hw.errors import UserError
from irnet_hw.export.file import to_qonnx
from irnet_hw.export.network import deploy
from irnet_hw.export.verify import Closeness, verify
from irnet_hw.models import VGG, build
from tests.export.networks import BOUNDARIES, tiny_network

SHAPE = (8, 8, 1)


@pytest.fixture
def images():
    return data.load("digits").test_images[:100]


@pytest.fixture
def network():
    return deploy(tiny_network())


def refused(network, model, images):
    with pytest.raises(UserError) as error:
        verify(network, model, images)
    return str(error.value)


@pytest.mark.parametrize("seed", range(3))
def test_exported_is_trained(images, seed):
    trained = tiny_network(seed)
    network = deploy(trained)
    verified = verify(network, to_qonnx(network, SHAPE), images)
    assert [found.tensor for found in verified.equalities] == [*BOUNDARIES, "logits"]
    assert all(found.differences == 0 for found in verified.equalities)
    assert [found.values for found in verified.equalities] == [51200, 12800, 6400, 1000]
    with torch.no_grad():
        x = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32))
        assert np.array_equal(verified.pytorch, trained(x))
    # Convolutions and pools are exact; only batch norms and the bias round.
    for found in verified.closenesses:
        assert found.unexplained == 0
        assert found.largest <= found.allowed
        assert found.differences == 0 or found.layer.endswith(("norm", "dense", "binarise"))


@pytest.mark.parametrize("libra", [False, True])
@pytest.mark.parametrize("ede", [False, True])
def test_the_style_of_cnv_is_exported_as_trained(images, libra, ede):
    config = VGG(
        *("vgg", [8, 8, 1], 10, [8, 8], [False, True]),
        padding=0,
        hidden=[16, 12],
        he=True,
        libra=libra,
        ede=ede,
    )
    torch.manual_seed(0)
    trained = build(config)
    trained(torch.from_numpy(images).permute(0, 3, 1, 2).float())
    network = deploy(trained.eval())
    verified = verify(network, to_qonnx(network, SHAPE), images)
    boundaries = ["block1.binarise", "binarise", "binarise0", "binarise1", "logits"]
    assert [found.tensor for found in verified.equalities] == boundaries
    assert all(found.differences == 0 for found in verified.equalities)
    assert all(found.unexplained == 0 for found in verified.closenesses)


def test_summary(images, network):
    labels = data.load("digits").test_labels[:100]
    verified = verify(network, to_qonnx(network, SHAPE), images)
    summary = verified.summary(labels)
    assert list(summary) == [
        "accuracy",
        "predictions_differ",
        "qonnx_against_pytorch",
        "exported_against_trained",
    ]
    right = np.mean(verified.qonnx.argmax(1) == labels)
    assert summary["accuracy"] == {"pytorch": right, "qonnx": right, "images": 100}
    assert summary["predictions_differ"] == 0
    assert summary["qonnx_against_pytorch"][-1] == {
        "tensor": "logits",
        "values": 1000,
        "differences": 0,
    }
    assert summary["exported_against_trained"][1] == {
        "layer": "block0.conv",
        "type": "Conv",
        "values": 51200,
        "differences": 0,
        "largest": 0.0,
        "allowed": 0.0,
        "unexplained": 0,
    }


def test_signs_that_rounding_turns_are_counted(images):
    """Sums that equal the mean make batch norms of 0, whose sign is rounding's alone."""
    trained = tiny_network()
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32))
    with torch.no_grad():
        for part in (trained.normalise, trained.block0, *list(trained.block1)[:3]):
            x = part(x)
        trained.block1.norm.running_mean.copy_(x[0, :, 0, 0])
        trained.block1.norm.bias.zero_()
    network = deploy(trained)
    verified = verify(network, to_qonnx(network, SHAPE), images)
    found = {found.layer: found for found in verified.closenesses}["block2.binarise"]
    assert verified.turned() == found.differences > 0
    assert 0 < found.largest <= found.allowed < 1e-4
    assert found.unexplained == 0


def test_raw_signs_would_be_another_network(images, network):
    conv = network.deployed.get_submodule("block1.conv")
    raw = network.trained.get_submodule("block1.conv").weight.detach()
    conv.weight.data.copy_(raw.sign() * conv.weight.abs())
    message = refused(network, to_qonnx(network, SHAPE), images)
    assert re.fullmatch(
        r"block1\.conv: \d+ of 51200 values of the exported Conv differ from the trained "
        r"one's by up to [\d.]+, where rounding explains 0; nothing was written",
        message,
    )


@pytest.mark.parametrize("name", ["scale", "shift"])
def test_wrong_constant_of_the_exported_network(images, network, name):
    norm = network.deployed.get_submodule("block2.norm")
    getattr(norm, name)[0, 3] *= 1 + 1e-4
    message = refused(network, to_qonnx(network, SHAPE), images)
    assert re.fullmatch(
        r"block2\.norm: \d+ of 6400 values of the exported BatchNorm2d differ from the trained "
        r"one's by up to [\de.-]+, where rounding explains [\de.-]+; nothing was written",
        message,
    )


def test_wrong_sign_function(images, network):
    model = to_qonnx(network, SHAPE)
    network.layers["binarise"].module.register_forward_hook(lambda _module, _x, y: -y)
    message = refused(network, model, images)
    assert message == (
        "binarise: 6400 of 6400 values of the QONNX run differ from PyTorch's, must be equal; "
        "nothing was written"
    )


@pytest.mark.parametrize(
    ("operation", "index", "value", "tensor"),
    [("Add", 1, 100.0, "block2.binarise"), ("Gemm", 0, 0.0, "logits")],
)
def test_wrong_constant_in_the_file(images, network, operation, index, value, tensor):
    model = to_qonnx(network, SHAPE)
    name = model.get_nodes_by_op_type(operation)[index].input[-1]
    constant = model.get_initializer(name).copy()
    constant.flat[0] = value
    model.set_initializer(name, constant)
    message = refused(network, model, images)
    assert re.fullmatch(
        rf"{tensor}: \d+ of \d+ values of the QONNX run differ from PyTorch's, must be equal; "
        "nothing was written",
        message,
    )


def test_closeness_keeps_the_worst():
    found = Closeness("layer", "BatchNorm2d")
    yes = torch.tensor([True, True, False])
    found.add(yes, torch.tensor([1.0, 2.0, 9.0]), torch.tensor([3.0, 4.0, 5.0]))
    assert found == Closeness("layer", "BatchNorm2d", 3, 2, 2.0, 4.0, 0)
    found.add(yes, torch.tensor([0.5, 8.0, 9.0]), torch.tensor([0.25, 9.0, 0.0]))
    assert found == Closeness("layer", "BatchNorm2d", 6, 4, 0.5, 0.25, 1)
    found.add(yes, torch.tensor([0.5, 0.75, 9.0]), torch.tensor([1.0, 0.5, 0.0]))
    assert found == Closeness("layer", "BatchNorm2d", 9, 6, 0.75, 0.5, 2)


def test_nan_is_never_explained():
    found = Closeness("layer", "BatchNorm2d")
    nan = torch.tensor([float("nan")])
    found.add(torch.tensor([True]), nan, torch.tensor([1.0]))
    assert found.unexplained == 1
    assert np.isnan(found.largest)


def test_batches_give_the_bits_of_single_images(images, network):
    model = to_qonnx(network, SHAPE)
    together = spec.run(model, images[:5], BOUNDARIES)
    for i in range(5):
        alone = spec.run(model, images[i : i + 1], BOUNDARIES)
        for name, tensor in together.items():
            assert np.array_equal(tensor[i : i + 1], alone[name])


def test_batches_fit_the_memory(images, network, monkeypatch):
    model = to_qonnx(network, SHAPE)
    expected = spec.run(model, images[:5])
    monkeypatch.setattr(spec, "BATCH_BYTES", 1)
    assert np.array_equal(spec.run(model, images[:5])["logits"], expected["logits"])
