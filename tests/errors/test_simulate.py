import json
import os
import shutil

import numpy as np
import pytest

from tests.errors.conftest import Shell


@pytest.fixture
def shell(tmp_path, accelerator):
    shutil.copytree(accelerator, tmp_path, dirs_exist_ok=True)
    return Shell(tmp_path)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            np.zeros((2, 5, 4, 1), np.uint8),
            "images have shape [2, 5, 4, 1], must be [N, 4, 4, 1] "
            "(at least one image, each height x width x channels)",
        ),
        (
            np.zeros((2, 4, 4, 1), np.float32),
            "images are float32, must be uint8 (pixels 0 to 255)",
        ),
    ],
    ids=["shape", "type"],
)
def test_wrong_images(shell, images, message):
    np.savez(shell.folder / "bad.npz", images=images)
    assert shell.fails("simulate", "built", "--images", "bad.npz") == f"bad.npz: {message}"


def test_damaged_images(shell):
    data = (shell.folder / "images.npz").read_bytes()
    (shell.folder / "bad.npz").write_bytes(data[: len(data) // 2])
    assert shell.fails("simulate", "built", "--images", "bad.npz") == (
        "bad.npz: is not a zip file, or it is damaged (File is not a zip file)"
    )


def test_no_accelerator(shell):
    assert shell.fails("simulate", "nothing", "--images", "images.npz") == (
        "nothing/manifest.json: can't be read: No such file or directory; "
        "must be in a folder made by irnet-hw build"
    )


@pytest.mark.parametrize("tool", ["g++", "make"])
def test_missing_compiler(shell, tool, tmp_path_factory):
    """A PATH with all the usual programs except one."""
    others = tmp_path_factory.mktemp("bin")
    for name in {"g++", "make", "sh"} - {tool}:
        (others / name).symlink_to(shutil.which(name))
    message = shell.fails("simulate", "built", "--images", "images.npz", env={"PATH": str(others)})
    assert message.startswith(f"{tool}: not found on PATH or in ")
    assert message.endswith(
        f"; it is needed to compile simulations (Debian and Ubuntu: apt install {tool})"
    )


@pytest.mark.parametrize("wrong", [-1, 2])
def test_labels_that_are_no_class(shell, wrong):
    with np.load(shell.folder / "images.npz") as content:
        np.savez(shell.folder / "bad.npz", images=content["images"], labels=[0, 1, wrong, 0])
    assert shell.fails("simulate", "built", "--images", "bad.npz") == (
        f"bad.npz: labels: {wrong}, must be from 0 to 1"
    )


def test_changed_hardware_graph(shell):
    (shell.folder / "built" / "dataflow.onnx").unlink()
    assert shell.fails("simulate", "built", "--images", "images.npz") == (
        "built/dataflow.onnx: can't be read: No such file or directory; build it again"
    )
    shutil.copy(shell.folder / "built" / "model.onnx", shell.folder / "built" / "dataflow.onnx")
    assert shell.fails("simulate", "built", "--images", "images.npz") == (
        "built: dataflow.onnx was changed since the build; build it again"
    )


@pytest.mark.parametrize("name", ["model.onnx", "rtl/accelerator.sv", "shell/irnet_board.sv"])
def test_a_link_to_a_device(shell, name):
    path = shell.folder / "built" / name
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")
    assert shell.fails("simulate", "built", "--images", "images.npz") == (
        f"built/{name}: is a pipe, socket or device, must be a file; build it again"
    )


def test_changed_sources(shell):
    top = shell.folder / "built" / "rtl" / "accelerator.sv"
    top.write_text(top.read_text() + "\n")
    assert shell.fails("simulate", "built", "--images", "images.npz") == (
        "built: a source or hex file in rtl/ was changed since the build; build it again"
    )


def test_damaged_manifest(shell):
    manifest = shell.folder / "built" / "manifest.json"
    manifest.write_text(manifest.read_text()[:100])
    assert shell.fails("report", "built").startswith("built/manifest.json: is not JSON: ")
    manifest.write_text(json.dumps({"format": 1}))
    assert shell.fails("report", "built") == (
        "built/manifest.json: has format 1, must have format 6; build it again"
    )


def test_missing_option(shell):
    process = shell.start("simulate", "built", env=dict(os.environ))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.endswith("Error: Missing option '--images'.\n")
