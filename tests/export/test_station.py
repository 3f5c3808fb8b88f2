import dataclasses
import hashlib
import json
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from torch import nn

from irnet_hw import data, spec
from irnet_hw.cli.export import command
from irnet_hw.data import cifar10
from irnet_hw.errors import UserError
from irnet_hw.export import station
from irnet_hw.export.station import export
from irnet_hw.images import read_images
from irnet_hw.models import build
from irnet_hw.train.checkpoint import load_checkpoint, save_checkpoint
from tests.data.photographs import write_cifar10
from tests.export.networks import (
    BOUNDARIES,
    tiny_checkpoint,
    tiny_network,
    tiny_residual,
    tiny_resnet,
)

FILES = ["export.json", "golden.npz", "heldout.npz", "model.onnx"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_checkpoint(tmp_path_factory.mktemp("run") / "last.pt", tiny_network())


@pytest.fixture(scope="module")
def exported(checkpoint):
    return export(checkpoint)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_lie_beside_the_checkpoint(checkpoint, exported):
    folder = checkpoint.parent
    assert names(folder) == sorted(["last.pt", *FILES])
    assert exported.model == folder / "model.onnx"
    assert exported.golden == folder / "golden.npz"
    assert exported.images == folder / "heldout.npz"
    assert exported.summary == json.loads((folder / "export.json").read_text())


def test_summary(exported):
    summary = exported.summary
    files = exported.model, exported.golden, exported.images
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    assert summary["name"] == "tiny"
    assert summary["sha256"] == digests
    assert summary["accuracy"]["images"] == 360
    logits = spec.run(spec.load(exported.model), np.load(exported.images)["images"])["logits"]
    steps = logits.astype(np.float64) / summary["logits_step"]
    assert np.array_equal(steps, np.round(steps))
    right = np.mean(logits.argmax(1) == data.load("digits").test_labels)
    assert summary["accuracy"]["qonnx"] == right


def test_metadata(exported):
    metadata = spec.metadata(spec.load(exported.model))
    assert metadata["name"] == "tiny"
    assert metadata["recipe"]["model"]["widths"] == [8, 8, 16]
    assert metadata["seed"] == 0
    assert metadata["labels"] == [str(digit) for digit in range(10)]
    assert metadata["preprocessing"] == {
        "layout": "NHWC",
        "dtype": "uint8",
        "offset": 128,
        "scale": 0.0078125,
    }
    assert metadata["accuracy"] == exported.summary["accuracy"]
    assert metadata["predictions_differ"] == exported.summary["predictions_differ"]
    assert {"irnet-hw", "torch", "brevitas", "onnx", "qonnx"} <= metadata["versions"].keys()


def test_metadata_holds_no_local_path(exported):
    recipe = spec.metadata(spec.load(exported.model))["recipe"]
    assert recipe["data"] == "digits"
    assert {"data_folder", "start"}.isdisjoint(recipe)


def test_golden_vectors_are_the_files_run(exported):
    with np.load(exported.golden) as golden:
        assert sorted(golden) == sorted(["images", "labels", *BOUNDARIES, "logits"])
        dataset = data.load("digits")
        assert np.array_equal(golden["images"], dataset.test_images[:8])
        assert np.array_equal(golden["labels"], dataset.test_labels[:8])
        found = spec.run(spec.load(exported.model), golden["images"], BOUNDARIES)
        for name, tensor in found.items():
            assert np.array_equal(golden[name], tensor)


def test_heldout_images_are_what_simulate_takes(exported):
    images, labels = read_images(exported.images, (8, 8, 1), 10)
    dataset = data.load("digits")
    assert np.array_equal(images, dataset.test_images)
    assert np.array_equal(labels, dataset.test_labels)


def test_same_checkpoint_gives_the_same_files(checkpoint, exported, tmp_path):
    again = export(checkpoint, tmp_path / "deep" / "out")
    assert names(again.model.parent) == FILES
    for name in FILES:
        assert (again.model.parent / name).read_bytes() == (
            exported.model.parent / name
        ).read_bytes()


def test_command(checkpoint, exported, tmp_path):
    result = CliRunner().invoke(command, [str(checkpoint), "--out", str(tmp_path)])
    accuracy = f"{exported.summary['accuracy']['qonnx']:.2%}"
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-1] == (
        f"{tmp_path / 'model.onnx'}: checked on 360 held-out images: the QONNX run equals PyTorch "
        "in all 257040 signs, stream values and logits; rounding turned 0 signs and moved 0 stream "
        "values; "
        f"accuracy {accuracy} as trained, {accuracy} as exported, 0 predictions differ"
    )
    assert names(tmp_path) == FILES


def test_on_fewer_images(checkpoint, exported, tmp_path):
    result = CliRunner().invoke(command, [str(checkpoint), "--out", str(tmp_path), "--images", "7"])
    assert result.exit_code == 0
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"{tmp_path / 'model.onnx'}: checked on 7 held-out images: ")
    assert f"in all {7 * 257040 // 360} signs" in last
    accuracy = json.loads((tmp_path / "export.json").read_text())["accuracy"]
    logits = spec.run(spec.load(exported.model), data.load("digits").test_images[:7])["logits"]
    right = float(np.mean(logits.argmax(1) == data.load("digits").test_labels[:7]))
    assert accuracy == {"pytorch": right, "qonnx": right, "images": 7}
    assert spec.metadata(spec.load(tmp_path / "model.onnx"))["accuracy"] == accuracy
    for name in ("golden.npz", "heldout.npz"):
        assert (tmp_path / name).read_bytes() == (exported.model.parent / name).read_bytes()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("0", "images: 0, must be from 1 to 360, the images there are"),
        ("361", "images: 361, must be from 1 to 360, the images there are"),
        ("my.npz", "--images: my.npz, must be a number; a file is for --module only"),
    ],
)
def test_not_that_many_images(checkpoint, tmp_path, images, message):
    arguments = [str(checkpoint), "--out", str(tmp_path), "--images", images]
    assert str(CliRunner().invoke(command, arguments).exception) == message
    assert names(tmp_path) == []


def test_a_data_folder_overrules_the_checkpoints(checkpoint, tmp_path):
    trained = load_checkpoint(checkpoint)
    network = dataclasses.replace(trained.recipe.model, image=[32, 32, 3])
    recipe = dataclasses.replace(trained.recipe, data="cifar10", data_folder="gone", model=network)
    state = build(network).state_dict()
    path = tmp_path / "last.pt"
    labels = list(cifar10.DESCRIPTION.labels)
    other = dataclasses.replace(trained, recipe=recipe, state_dict=state, labels=labels)
    save_checkpoint(other, path)
    with pytest.raises(UserError, match=r"^gone: no such folder; put CIFAR-10 into "):
        export(path)
    found = write_cifar10(tmp_path / "data", test=3)
    result = CliRunner().invoke(command, [str(path), "--data-folder", str(tmp_path / "data")])
    assert result.exit_code == 0, result.output
    with np.load(tmp_path / "heldout.npz") as heldout:
        assert np.array_equal(heldout["images"], found["test"][0])


def test_help_waits_for_nothing_heavy():
    code = (
        "import sys\n"
        "from irnet_hw.cli.export import command\n"
        "try: command.main(['--help'])\n"
        "except SystemExit: print({'torch', 'onnx', 'numpy'} & set(sys.modules))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "set()"


def test_missing_checkpoint(tmp_path):
    with pytest.raises(UserError) as error:
        export(tmp_path / "none.pt")
    assert str(error.value).startswith(
        f"{tmp_path / 'none.pt'}: can't be read: No such file or directory; "
    )


def test_refused_network_leaves_nothing(checkpoint, tmp_path, monkeypatch):
    def network(_):
        changed = tiny_network()
        changed.block0.clip = nn.ReLU()
        return changed

    monkeypatch.setattr(station.Checkpoint, "model", network)
    with pytest.raises(UserError) as error:
        export(checkpoint, tmp_path / "out")
    assert str(error.value) == (
        f"{checkpoint}: block0.clip: ReLU modules can't be exported; those that can: "
        "AdaptiveAvgPool2d, BatchNorm1d, BatchNorm2d, Flatten, Hardtanh, Identity, MaxPool2d, "
        "Normalise, PixelShuffle, Pixels, QuantConv2d, QuantIdentity, QuantLinear, Shift, "
        "Shortcut, Stream"
    )
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {},
            'model.precision = "paper": layers in float can\'t be exported; train with '
            "--set model.precision=hardware",
        ),
        (
            {"activation_bits": 32},
            "model.activation_bits = 32: activations in float can't be exported; train with "
            "1-bit ones, --set model.activation_bits=1 --set model.precision=hardware",
        ),
    ],
)
def test_networks_in_float(tmp_path, keys, message):
    config = dataclasses.replace(tiny_resnet(), precision="paper", **keys)
    path = tiny_checkpoint(tmp_path / "last.pt", build(config), config)
    with pytest.raises(UserError) as error:
        export(path)
    assert str(error.value) == f"{path}: {message}"
    assert names(tmp_path) == ["last.pt"]


def test_residual_network(tmp_path):
    network = tiny_residual()
    path = tiny_checkpoint(tmp_path / "last.pt", network, tiny_resnet())
    exported = export(path)
    with np.load(exported.golden) as golden:
        streams = {name: golden[name] * 2**7 for name in golden if name.endswith("clip")}
    assert len(streams) == 5
    for stream in streams.values():
        assert np.array_equal(stream, stream.astype(np.int8))
    closenesses = exported.summary["exported_against_trained"]
    assert {found["boundary"] for found in closenesses} == {None, "sign", "stream"}


def test_failed_check_leaves_nothing(checkpoint, tmp_path, monkeypatch):
    def to_qonnx(network):
        model = original(network)
        name = model.get_nodes_by_op_type("Gemm")[0].input[2]
        model.set_initializer(name, model.get_initializer(name) + np.float32(1))
        return model

    original = station.to_qonnx
    monkeypatch.setattr(station, "to_qonnx", to_qonnx)
    with pytest.raises(UserError) as error:
        export(checkpoint, tmp_path / "out")
    assert str(error.value) == (
        f"{checkpoint}: logits: 3600 of 3600 values of the QONNX run differ from PyTorch's, "
        "must be equal; nothing was written"
    )
    assert names(tmp_path) == []


def test_folder_that_is_a_file(checkpoint, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(UserError) as error:
        export(checkpoint, tmp_path / "out")
    assert (
        str(error.value) == f"{tmp_path / 'out' / 'model.onnx'}: can't be written: Not a directory"
    )


@pytest.mark.parametrize("name", FILES)
def test_others_files_are_not_overwritten(checkpoint, exported, tmp_path, name):
    for file in FILES:
        shutil.copy(exported.model.with_name(file), tmp_path)
    export(checkpoint, tmp_path)  # its own files
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError) as error:
        export(checkpoint, tmp_path)
    assert str(error.value).endswith(
        " was not written by irnet-hw, or was changed since; choose another place, or overwrite it "
        "with --force"
    )
    assert (tmp_path / name).read_text() == "mine"
    assert names(tmp_path) == FILES


def test_full_disk_keeps_the_earlier_files(checkpoint, tmp_path):
    for name in FILES:
        (tmp_path / name).write_text("earlier")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The closest thing to a full disk that works without root: no file may exceed half of
    # model.onnx's size, so that file fails first.
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(UserError) as error:
            export(checkpoint, tmp_path, force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(error.value) == f"{tmp_path / 'model.onnx'}: can't be written: File too large"
    assert names(tmp_path) == FILES
    assert {(tmp_path / name).read_text() for name in FILES} == {"earlier"}
