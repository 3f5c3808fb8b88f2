"""What belongs together is opened, in a folder or in a zip file; anything else is refused."""

import json
import shutil
import zipfile

import pytest

from irnet_hw.compiler import manifest
from irnet_hw.errors import UserError
from irnet_hw.runtime import package


@pytest.fixture
def folder(built, tmp_path):
    """A copy of the tiny network's accelerator."""
    return shutil.copytree(built, tmp_path / "build")


def refusal(folder):
    with pytest.raises(UserError) as caught:
        package.load(folder)
    return str(caught.value)


def test_what_the_compiler_wrote_is_loaded(built):
    assert package.load(built) == manifest.load(built)


def test_a_zip_file_is_unpacked_for_as_long_as_it_is_used(built, tmp_path):
    path = tmp_path / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(built / "manifest.json", "manifest.json")
    with package.opened(path) as folder:
        assert package.load(folder) == manifest.load(built)
    assert not folder.exists()


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and nothing else", b"text"])
def test_what_is_no_zip_file_is_refused(tmp_path, content):
    path = tmp_path / "package.zip"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught, package.opened(path):
        pass
    assert str(caught.value) == (
        f"{path}: is no zip file, or it is damaged (File is not a zip file); must be a folder "
        "made by irnet-hw build, or a file made by irnet-hw package"
    )


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError) as caught, package.opened(tmp_path / "none"):
        pass
    assert str(caught.value) == f"{tmp_path / 'none'}: can't be read: No such file or directory"


def test_a_changed_manifest_is_refused(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"clock_mhz": 100.0', '"clock_mhz": 400.0'))
    assert refusal(folder) == f"{path}: was changed since the build; build it again"


def test_an_older_format_is_refused(folder):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 3}))
    assert refusal(folder) == f"{path}: is of format 3, must be of format 4; build it again"


def test_another_model_is_refused(folder):
    model = folder / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    message = refusal(folder)
    built = manifest.load(folder)["hashes"]["model"]
    assert message.startswith(f"{model}: has the hash ")
    assert message.endswith(f", but the accelerator was built from {built}; build it again")


def test_another_shell_is_refused(folder):
    content = manifest.load(folder)
    content["shell"]["version"] = 2
    manifest.write(content, folder)
    assert refusal(folder) == (
        f"{folder}/manifest.json: is of a shell of version 2, but this runtime drives version 1; "
        "install the runtime of this build"
    )


def test_an_identity_of_something_else_is_refused(folder):
    content = manifest.load(folder)
    identity, content["shell"]["identity"] = content["shell"]["identity"], "0" * 32
    manifest.write(content, folder)
    assert refusal(folder) == (
        f"{folder}/manifest.json: identity {'0' * 32}, but {identity} is that of the model, "
        "the sources and the shell; build it again"
    )
