import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from irnet_hw import data, spec
from irnet_hw.errors import UserError
from irnet_hw.export.file import to_qonnx
from irnet_hw.export.network import deploy
from irnet_hw.export.verify import Closeness, verify
from irnet_hw.models import VGG, ResNet, build
from tests.export.networks import BOUNDARIES, SHAPE, randomised, tiny_network, tiny_residual


@pytest.fixture
def images():
    return data.load("digits").test_images[:100]


@pytest.fixture
def network():
    return deploy(tiny_network(), SHAPE)


def refused(network, model, images):
    with pytest.raises(UserError) as error:
        verify(network, model, images)
    return str(error.value)


@pytest.mark.parametrize("seed", range(3))
def test_exported_is_trained(images, seed):
    trained = tiny_network(seed)
    network = deploy(trained, SHAPE)
    verified = verify(network, to_qonnx(network), images)
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
    network = deploy(trained.eval(), SHAPE)
    verified = verify(network, to_qonnx(network), images)
    boundaries = ["block1.binarise", "binarise", "binarise0", "binarise1", "logits"]
    assert [found.tensor for found in verified.equalities] == boundaries
    assert all(found.differences == 0 for found in verified.equalities)
    assert all(found.unexplained == 0 for found in verified.closenesses)


def check(trained, images, shape=SHAPE):
    network = deploy(trained, shape)
    verified = verify(network, to_qonnx(network), images)
    assert all(found.differences == 0 for found in verified.equalities)
    assert all(found.unexplained == 0 for found in verified.closenesses)
    with torch.no_grad():
        x = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32))
        assert np.array_equal(verified.pytorch, trained(x))
        assert np.array_equal(verified.qonnx, network.deployed(x))
    return verified


@pytest.mark.parametrize("structure", ["bireal", "normal"])
@pytest.mark.parametrize("shortcut", ["pad", "conv"])
def test_residual_networks_are_exported_as_trained(images, structure, shortcut):
    verified = check(tiny_residual(structure, shortcut=shortcut), images)
    found = {found.layer: found for found in verified.closenesses}
    # Streams get dyadic constants and differ; signs after streams start from equal values.
    assert 0 < verified.differences("stream") < 0.1 * found["stem.clip"].values
    assert verified.differences("sign") == 0
    for name in ("stage0.0.clip", "stage1.0.clip"):
        assert found[name].largest <= 2**-7
    sums = [name for name, layer in found.items() if layer.type == "sum"]
    assert (
        sums
        == {
            "bireal": ["stage0.0.add", "stage0.1.add_1", "stage1.0.add_2", "stage1.1.add_3"],
            "normal": ["stage0.0.add", "stage1.0.add_1"],
        }[structure]
    )


def test_resnet_for_large_images(images):
    verified = check(tiny_residual("normal", stem="7x7", shortcut="conv"), images)
    # The stem leaves 2x2 pixels, and one remains at the end.
    assert [found.values for found in verified.equalities if found.tensor == "stem.clip"] == [
        100 * 8 * 4 * 4
    ]


@settings(max_examples=6)
@given(
    st.sampled_from(["bireal", "normal"]),
    st.sampled_from(["pad", "conv"]),
    st.sampled_from(["3x3", "7x7"]),
    st.tuples(st.integers(5, 9), st.integers(5, 9), st.integers(1, 3)),
    st.lists(st.integers(1, 7), min_size=1, max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_any_residual_network_is_exported_as_trained(
    structure, shortcut, stem, shape, widths, seed
):
    widths = sorted(widths)
    config = ResNet(
        *("resnet", list(shape), 3, structure, 1),
        stem=stem,
        shortcut=shortcut,
        widths=widths,
        blocks=[1] * len(widths),
        precision="hardware",
    )
    images = np.random.default_rng(seed).integers(0, 256, (12, *shape), dtype=np.uint8)
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    check(randomised(config, x, seed), images, shape)


@pytest.mark.parametrize("constant", ["scale", "shift"])
@pytest.mark.parametrize("name", ["stem.norm", "stage1.0.body.norm0", "norm"])
def test_wrong_dyadic_constant(images, name, constant):
    """The difference is more than rounding to dyadic constants can explain."""
    network = deploy(tiny_residual(), SHAPE)
    norm = network.deployed.get_submodule(name)
    getattr(norm, constant)[0, 1] += 2**-6 if constant == "shift" else norm.scale[0, 1] / 32
    message = refused(network, to_qonnx(network), images)
    assert re.fullmatch(
        rf"{re.escape(name)}: \d+ of \d+ values of the exported BatchNorm[12]d differ from the "
        r"trained one's by up to [\de.-]+, but rounding explains only [\de.-]+; nothing was "
        r"written",
        message,
    )


def test_wrong_step_of_a_stream(images):
    network = deploy(tiny_residual(), SHAPE)
    network.deployed.get_submodule("stage0.1.clip").offset = 0.0
    message = refused(network, to_qonnx(network), images)
    assert re.fullmatch(
        r"stage0\.1\.clip: \d+ of 51200 values of the exported Stream differ from the trained "
        r"one's by up to 0\.00781, but rounding explains only 0; nothing was written",
        message,
    )


def test_summary(images, network):
    summary = verify(network, to_qonnx(network), images).summary()
    assert list(summary) == ["qonnx_against_pytorch", "exported_against_trained"]
    assert summary["qonnx_against_pytorch"][-1] == {
        "tensor": "logits",
        "values": 1000,
        "differences": 0,
    }
    assert summary["exported_against_trained"][1] == {
        "layer": "block0.conv",
        "type": "Conv",
        "boundary": None,
        "values": 51200,
        "differences": 0,
        "largest": 0.0,
        "allowed": 0.0,
        "unexplained": 0,
    }


def test_signs_that_rounding_turns_are_counted(images):
    """Sums equal to the mean make the batch norm 0, so rounding alone decides the sign."""
    trained = tiny_network()
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32))
    with torch.no_grad():
        for part in (trained.normalise, trained.block0, *list(trained.block1)[:3]):
            x = part(x)
        trained.block1.norm.running_mean.copy_(x[0, :, 0, 0])
        trained.block1.norm.bias.zero_()
    network = deploy(trained, SHAPE)
    verified = verify(network, to_qonnx(network), images)
    found = {found.layer: found for found in verified.closenesses}["block2.binarise"]
    assert verified.differences("sign") == found.differences > 0
    assert verified.differences("stream") == 0
    assert 0 < found.largest <= found.allowed < 1e-4
    assert found.unexplained == 0


def test_raw_signs_would_be_another_network(images, network):
    conv = network.deployed.get_submodule("block1.conv")
    raw = network.trained.get_submodule("block1.conv").weight.detach()
    conv.weight.data.copy_(raw.sign() * conv.weight.abs())
    message = refused(network, to_qonnx(network), images)
    assert re.fullmatch(
        r"block1\.conv: \d+ of 51200 values of the exported Conv differ from the trained "
        r"one's by up to [\d.]+, but rounding explains only 0; nothing was written",
        message,
    )


@pytest.mark.parametrize("name", ["scale", "shift"])
def test_wrong_constant_of_the_exported_network(images, network, name):
    norm = network.deployed.get_submodule("block2.norm")
    getattr(norm, name)[0, 3] *= 1 + 1e-4
    message = refused(network, to_qonnx(network), images)
    assert re.fullmatch(
        r"block2\.norm: \d+ of 6400 values of the exported BatchNorm2d differ from the trained "
        r"one's by up to [\de.-]+, but rounding explains only [\de.-]+; nothing was written",
        message,
    )


def test_wrong_sign_function(images, network):
    model = to_qonnx(network)
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
    model = to_qonnx(network)
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
    found.add(3, 2, torch.tensor([1.0, 2.0, 0.0]), torch.tensor([3.0, 4.0, 5.0]))
    assert found == Closeness("layer", "BatchNorm2d", None, 3, 2, 2.0, 4.0, 0)
    found.add(3, 2, torch.tensor([0.5, 8.0, 0.0]), torch.tensor([0.25, 9.0, 0.0]))
    assert found == Closeness("layer", "BatchNorm2d", None, 6, 4, 0.5, 0.25, 1)
    found.add(3, 2, torch.tensor([0.5, 0.75]), torch.tensor([1.0, 0.5]))
    assert found == Closeness("layer", "BatchNorm2d", None, 9, 6, 0.75, 0.5, 2)
    found.add(3, 0, torch.tensor([]), torch.tensor([]))
    assert found == Closeness("layer", "BatchNorm2d", None, 12, 6, 0.75, 0.5, 2)


def test_nan_is_never_explained():
    found = Closeness("layer", "BatchNorm2d")
    found.add(1, 1, torch.tensor([float("nan")]), torch.tensor([1.0]))
    assert found.unexplained == 1
    assert np.isnan(found.largest)


def test_batches_give_the_bits_of_single_images(images, network):
    model = to_qonnx(network)
    together = spec.run(model, images[:5], BOUNDARIES)
    for i in range(5):
        alone = spec.run(model, images[i : i + 1], BOUNDARIES)
        for name, tensor in together.items():
            assert np.array_equal(tensor[i : i + 1], alone[name])


def test_batches_of_residual_networks_give_the_bits_of_single_images(images):
    network = deploy(tiny_residual("normal", shortcut="pad"), SHAPE)
    names = network.boundaries()
    model = to_qonnx(network)
    together = spec.run(model, images[:3], names)
    for i in range(3):
        alone = spec.run(model, images[i : i + 1], names)
        for name, tensor in together.items():
            assert np.array_equal(tensor[i : i + 1], alone[name])


def test_batches_fit_the_memory(images, network, monkeypatch):
    model = to_qonnx(network)
    expected = spec.run(model, images[:5])
    monkeypatch.setattr(spec, "BATCH_BYTES", 1)
    assert np.array_equal(spec.run(model, images[:5])["logits"], expected["logits"])
