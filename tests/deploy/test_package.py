"""The deployment package contains all that is needed, is reproducible, and runs."""

import io
import json
import shutil
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner

from irnet_hw import __version__, spec
from irnet_hw.artifact import manifest
from irnet_hw.cli.main import group
from irnet_hw.deploy.package import package
from irnet_hw.errors import UserError
from irnet_hw.runtime import Accelerator
from tests.compiler.graphs import images
from tests.deploy.conftest import GREY
from tests.manifests import route

WHEEL = f"irnet_hw_runtime-{__version__}-py3-none-any.whl"


@pytest.fixture
def folder(built, tmp_path):
    """A copy of the accelerator."""
    return shutil.copytree(built, tmp_path / "built")


def read(path, name):
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def golden(path):
    return dict(np.load(io.BytesIO(read(path, "golden.npz")), allow_pickle=False))


def test_it_holds_what_a_board_needs(folder, tmp_path):
    (folder / "bitstream").mkdir()
    content = manifest.load(folder)
    for name in ("irnet.bit", "irnet.hwh"):
        (folder / "bitstream" / name).write_text(name)
    (folder / "bitstream" / "route.json").write_text(route(content.shell.identity, 90))
    names = package(folder, tmp_path / "out.zip")
    sources = [*content.sources, *content.data, *content.shell.files]
    assert names == sorted(
        [
            *("README.md", "manifest.json", "golden.npz", "classify.ipynb", WHEEL, *sources),
            *("bitstream/irnet.bit", "bitstream/irnet.hwh", "bitstream/route.json"),
        ]
    )
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.namelist() == names
    assert read(tmp_path / "out.zip", "bitstream/irnet.bit") == b"irnet.bit"


def test_its_readme_says_what_the_board_needs(built, tmp_path):
    package(built, tmp_path / "out.zip")
    text = read(tmp_path / "out.zip", "README.md").decode()
    assert text.startswith("# An accelerator for the PYNQ-Z2\n")
    assert "It needs a PYNQ-Z2 with PYNQ 2.7 to 3.1.2.\n" in text


def test_the_same_folder_gives_the_same_bytes(built, tmp_path):
    paths = [tmp_path / "a.zip", tmp_path / "b.zip"]
    for path in paths:
        package(built, path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second


def test_the_golden_vectors_are_the_networks(built, tmp_path):
    package(built, tmp_path / "out.zip")
    found = golden(tmp_path / "out.zip")
    assert np.array_equal(found["images"], images(GREY, 20))
    assert np.array_equal(found["labels"], np.arange(20) % 4)
    (logits,) = spec.run(spec.load(built / "model.onnx"), found["images"]).values()
    assert np.array_equal(found["logits"], logits)
    assert str(found["model"]) == manifest.load(built).hashes.model


def test_the_images_can_be_chosen(built, tmp_path):
    np.save(tmp_path / "images.npy", images(GREY, 70))
    package(built, tmp_path / "out.zip", tmp_path / "images.npy")
    found = golden(tmp_path / "out.zip")
    assert sorted(found) == ["images", "logits", "model"]
    assert np.array_equal(found["images"], images(GREY, 70)[:64])


def test_the_notebook_has_no_outputs_of_another_accelerator(built, tmp_path):
    package(built, tmp_path / "out.zip")
    cells = json.loads(read(tmp_path / "out.zip", "classify.ipynb"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)


@pytest.mark.simulation
def test_the_driver_takes_it_as_it_is(built, tmp_path):
    package(built, tmp_path / "out.zip")
    found = golden(tmp_path / "out.zip")
    with Accelerator(tmp_path / "out.zip", device="sim") as accelerator:
        assert np.array_equal(accelerator.logits(found["images"]), found["logits"])
        assert accelerator.labels == ["0", "1", "2", "3"]


def test_the_command_says_what_it_wrote(folder):
    result = CliRunner().invoke(group, ["package", str(folder)])
    assert (result.exit_code, result.stdout) == (0, "")
    path = folder.with_name("built.zip")
    with zipfile.ZipFile(path) as archive:
        count = len(archive.namelist())
    assert result.stderr == (
        f"{path}: {count} files, {path.stat().st_size:,} bytes; it has no bitstream and runs on "
        "the simulated board only\n"
    )


def refusal(*arguments):
    with pytest.raises(UserError) as caught:
        package(*arguments)
    return str(caught.value)


def test_without_images_it_is_refused(folder, tmp_path):
    (folder / "sample.npz").unlink()
    assert refusal(folder, tmp_path / "out.zip") == (
        f"{folder}/sample.npz: not found, and golden vectors need images; run irnet-hw simulate "
        "first, or give --images"
    )
    assert not (tmp_path / "out.zip").exists()


def test_a_changed_accelerator_is_refused(folder, tmp_path):
    source = folder / "rtl" / "accelerator.sv"
    source.write_text(source.read_text() + "\n")
    assert refusal(folder, tmp_path / "out.zip") == (
        f"{folder}: a source or hex file in rtl/ was changed since the build; build it again"
    )


@pytest.mark.parametrize("unpacked", [False, True])
@pytest.mark.parametrize("command", ["simulate", "report", "package"])
def test_a_package_is_no_folder_of_a_build(built, tmp_path, command, unpacked):
    path = tmp_path / "a.zip"
    package(built, path)
    if unpacked:
        folder = tmp_path / "unpacked"
        zipfile.ZipFile(path).extractall(folder)
        path = folder
    images = [] if command == "report" else ["--images", str(built / "sample.npz")]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError) as caught:
        group.main([command, str(path), *images], standalone_mode=False)
    assert sorted(tmp_path.rglob("*")) == before
    for part in (str(path), "must be", "a folder made by irnet-hw build", 'device="sim"'):
        assert part in str(caught.value)
