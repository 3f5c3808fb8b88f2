"""A folder or zip file whose parts belong together is opened; anything else is refused."""

import json
import shutil
import zipfile

import pytest

from irnet_hw.artifact import manifest
from irnet_hw.artifact.manifest import own_digest
from irnet_hw.errors import UserError
from irnet_hw.runtime import Accelerator, package
from tests.manifests import changed


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
        f"{path}: is not a zip file, or it is damaged (File is not a zip file); must be a folder "
        "made by irnet-hw build, or a file made by irnet-hw package"
    )


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError) as caught, package.opened(tmp_path / "none"):
        pass
    assert str(caught.value) == (
        f"{tmp_path / 'none'}: can't be read: No such file or directory; must be a folder made by "
        "irnet-hw build, or a file made by irnet-hw package"
    )


def test_a_changed_manifest_is_refused(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"clock_mhz": 100.0', '"clock_mhz": 400.0'))
    assert refusal(folder) == f"{path}: was changed since the build; build it again"


def test_an_older_format_is_refused(folder):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 3}))
    assert refusal(folder) == f"{path}: has format 3, must have format 6; build it again"


def test_another_model_is_refused(folder):
    model = folder / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    message = refusal(folder)
    built = manifest.load(folder).hashes.model
    assert message.startswith(f"{model}: has hash ")
    assert message.endswith(f", but the accelerator was built from {built}; build it again")


def test_another_shell_is_refused(folder):
    content = manifest.load(folder)
    manifest.write(changed(content, {"shell.version": 2}), folder)
    assert refusal(folder) == (
        f"{folder}/manifest.json: is for shell version 2, but this runtime drives version 1; "
        "install the runtime of this build"
    )


def test_an_identity_of_something_else_is_refused(folder):
    content = manifest.load(folder)
    identity = content.shell.identity
    manifest.write(changed(content, {"shell.identity": "0" * 32}), folder)
    assert refusal(folder) == (
        f"{folder}/manifest.json: identity {'0' * 32}, but the model, the sources, the shell and "
        f"what the driver uses give {identity}; build it again"
    )


def rewritten(folder, change):
    """Change a manifest and recompute its own hash, as anybody can."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    if isinstance(content.get("hashes"), dict):
        content["hashes"]["manifest"] = own_digest(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (["hashes"], [], "hashes = [], must be an object"),
        (["shell"], [], "shell = [], must be an object"),
        (["data"], None, "data = null, must be a list"),
        (["labels"], None, "labels = null, must be a list"),
        (["labels"], ["a"], "labels: 1, must be 3 or 0"),
        (["clock_mhz"], 0, "clock_mhz = 0, must be a number from 0.1 to 1000"),
        (["clock_mhz"], "x", 'clock_mhz = "x", must be a number from 0.1 to 1000'),
        (["clock_mhz"], 1e300, "clock_mhz = 1e+300, must be a number from 0.1 to 1000"),
        (["input", "shape"], "x", 'input.shape = "x", must be a list'),
        (["image"], [8, 9], "image = [8, 9], must be height, width and channels, or "),
        (["image"], [6, 6, 3], "image = [6, 6, 3], must have input.shape's 72 values"),
        (["pixel_codes"], ["0" * 255], "must be 256 hexadecimal digits"),
        (["pixel_codes"], ["0" * 256], "must be 1 to 4 for each of "),
        (["pixel_codes"], ["0" * 256] * 5, "pixel_codes: 5, must be 0, 1 or one for each channel"),
        (["input", "bits"], 4, "input.bits = 4, must be 8 for each of "),
        (["input", "tdata_bits"], 64, "input.tdata_bits = 64, must be "),
        (["tail", "entry"], [1, 9], "tail.entry = [1, 9], must have output.shape's "),
        (["tail", "type"], "int64", "tail: gives float32 of shape [1, 3], but states int64 of "),
        (["input", "shape"], [6, 6, 4], "input.shape = [6, 6, 4], must have lanes * beats = 72"),
        (["input", "shape"], [6, 6, True], "input.shape[2] = true, must be an integer of at"),
        (["input", "lanes"], 2**63, "input.shape = [6, 6, 2], must have lanes * beats = "),
        (["output", "scale"], "x", 'output.scale = "x", must be a number from 2^-126 to 2^103'),
        (["output", "scale"], -1.0, "output.scale = -1.0, must be a number from 2^-126 to 2^103"),
        (["output", "scale"], 1e38, "output.scale = 1e+38, must be a number from 2^-126 to 2^103"),
        (["output", "scale"], 1e-39, "output.scale = 1e-39, must be a number from 2^-126 to 2^103"),
        (["output", "shape"], [4], "output.shape = [4], must have lanes * beats = 3 values"),
        (["layers"], "x", 'layers = "x", must be a list'),
        (["cycles_per_frame"], 0, "cycles_per_frame = 0, must be an integer of at least 1"),
        (["latency_cycles"], 1.5, "latency_cycles = 1.5, must be an integer of at least 1"),
        (["board"], "../x", 'board = "../x", must be a board\'s name'),
        (["top"], "x;y", 'top = "x;y", must be a module\'s name'),
        (["sources"], ["rtl/../x.sv"], 'sources[0] = "rtl/../x.sv", must be a source, rtl/NAME.sv'),
        (["sources"], ["rtl/a.sv\n"], "must be a source, rtl/NAME.sv"),
        (["sources"], ["rtl/a b.sv"], 'sources[0] = "rtl/a b.sv", must be a source, rtl/NAME.sv'),
        (["data"], ["rtl/a.hex"] * 2, "lists a.hex twice"),
        (["shell", "top"], "/etc/x", 'shell.top = "/etc/x", must be a module\'s name'),
        (["shell", "identity"], "0", 'shell.identity = "0", must be 32 hexadecimal digits'),
        (["hashes", "model"], 5, "hashes.model = 5, must be 64 hexadecimal digits"),
    ],
)
def test_a_forged_manifest_is_refused(folder, keys, value, said):
    def change(content):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    rewritten(folder, change)
    message = refusal(folder)
    assert message.startswith(f"{folder}/manifest.json: ")
    assert said in message
    assert message.endswith("; build it again")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["output"].update(scale=content["output"]["scale"] * 2),
        lambda content: content["input"].update(shape=[6, 4, 3]),
        lambda content: content.update(image=[6, 4, 3]),
        lambda content: content["labels"].extend(["a", "b", "c"]),
        lambda content: content.update(clock_mhz=400.0),
        lambda content: content["shell"].update(base_address=0),
        lambda content: content.update(cycles_per_frame=1),
    ],
)
def test_what_the_driver_trusts_is_in_the_identity(folder, change):
    rewritten(folder, change)
    assert ", but the model, the sources, the shell and what the driver uses give " in (
        refusal(folder)
    )


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members:
            target.writestr(name, content)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("../manifest.json", "{}")], "holds ../manifest.json, which is not a path below "),
        ([("/manifest.json", "{}")], "holds /manifest.json, which is not a path below a folder"),
        ([("manifest.json", "{}")] * 2, "holds manifest.json twice"),
        ([("a", b"0" * (2**30 + 1))], "holds 1,073,741,825 bytes, must be at most 1,073,741,824"),
        ([], "manifest.json: can't be read: No such file or directory; must be in a folder made"),
        ([("manifest.json", "[" * 10000)], "manifest.json: nests more than 64 deep; must be"),
        ([("manifest.json", "[]")], "manifest.json: has format None, must have format 6"),
        ([("manifest.json", b"\xff")], "manifest.json: is not UTF-8 text, byte 0 is 0xff"),
    ],
)
def test_messages_about_a_package_name_it(tmp_path, members, said):
    path = tmp_path / "package.zip"
    archive(path, members)
    with pytest.raises(UserError) as caught:
        Accelerator(path, device="sim")
    assert str(caught.value).startswith(f"{path}: {said}")


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (8, 1, "manifest.json is encrypted, must not be"),
        (10, 99, "manifest.json is compressed by method 99, must be stored or deflated"),
    ],
)
def test_packages_that_zip_files_can_be_and_ours_are_not(tmp_path, at, value, said):
    path = tmp_path / "package.zip"
    archive(path, [("manifest.json", "{}")])
    content = bytearray(path.read_bytes())
    for signature, shift in ((b"PK\1\2", 0), (b"PK\3\4", -2)):
        content[content.index(signature) + at + shift] = value
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        Accelerator(path, device="sim")
    assert str(caught.value).startswith(f"{path}: {said}")
