"""What building again does with what is in the folder."""

import json
import shutil
from pathlib import Path

import pytest

from irnet_hw.artifact import manifest
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError

RESULTS = {
    "simulation.json": '{"kind": "sim"}',
    "synthesis.json": '{"kind": "synth"}',
    "synthesis.log": "# Written by irnet-hw.\nYosys",
    "report.html": '<!DOCTYPE html>\n<meta name="generator" content="irnet-hw">',
}


@pytest.fixture
def folder(least_dir):
    """An accelerator's folder, beside its model."""
    shutil.copyfile(least_dir / "model.onnx", least_dir.parent / "network.onnx")
    return least_dir


def again(folder, board="pynq-z2", **options):
    return build(folder.parent / "network.onnx", board, folder, 200_000, **options)


def refused(folder, **options):
    before = contents(folder)
    with pytest.raises(UserError) as error:
        again(folder, **options)
    assert contents(folder) == before
    assert sorted(path.name for path in folder.parent.iterdir()) == ["least", "network.onnx"]
    return str(error.value)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def test_the_same_build_changes_nothing(folder):
    write(folder, {**RESULTS, "notes.txt": "mine", "rtl/notes.txt": "mine"})
    write(folder, {"bitstream/irnet.bit": "hours"})
    before = contents(folder)
    again(folder)
    assert contents(folder) == before


def test_another_design_keeps_what_is_not_ours_and_drops_what_was_said_of_the_former(folder):
    former = manifest.load(folder).shell.identity
    others = {"notes.txt": "mine", "rtl/notes.txt": "mine", "report.json": "[]"}
    write(folder, {**RESULTS, **others, "bitstream/irnet.bit": "hours"})
    content = again(folder, "zcu104")
    assert content.shell.identity != former
    assert not [name for name in RESULTS if (folder / name).exists()]
    assert {name: (folder / name).read_text() for name in others} == others
    assert not (folder / "bitstream").exists()
    assert (folder / f"bitstream-{former[:8]}" / "irnet.bit").read_text() == "hours"
    known = {f"rtl/{path.name}" for path in (folder / "rtl").iterdir()}
    assert known == {*content.sources, *content.data, "rtl/notes.txt"}


def test_a_bitstream_set_aside_does_not_overwrite_another(folder):
    for board in ("zcu104", "pynq-z2", "zcu104"):
        write(folder, {"bitstream/irnet.bit": board})
        again(folder, board)
    kept = sorted(path for path in folder.glob("bitstream-*"))
    assert len(kept) == 3
    assert {(path / "irnet.bit").read_text() for path in kept} == {"zcu104", "pynq-z2"}


@pytest.mark.parametrize(
    "files",
    [
        {"manifest.json": '{"name": "a web app", "icons": []}'},
        {"manifest.json": "{"},
        {"manifest.json": "[]"},
        {"index.html": "<html>"},
    ],
    ids=["web app", "damaged", "list", "other"],
)
def test_a_folder_of_something_else_is_refused(folder, files):
    shutil.rmtree(folder)
    folder.mkdir()
    write(folder, {**files, "app.js": "mine"})
    assert refused(folder).startswith(f"{folder}: contains files, but is not as irnet-hw build ")
    again(folder, force=True)
    assert (folder / "app.js").read_text() == "mine"
    assert manifest.load(folder).name


@pytest.mark.parametrize("name", ["model.onnx", "rtl/accelerator.sv", "shell/irnet_board.sv"])
def test_changed_files_are_not_lost(folder, name):
    with (folder / name).open("a") as file:
        file.write("// mine\n")
    assert "was changed since the build" in refused(folder)
    again(folder, force=True)
    assert "// mine" not in (folder / name).read_text(errors="replace")


def test_an_edited_folding_config_is_not_lost_unless_it_is_given(folder):
    config = folder / "folding_config.json"
    edited = json.dumps(json.loads(config.read_text()))
    config.write_text(edited)
    assert refused(folder) == (
        f"{config}: was not written by irnet-hw, or was changed since; move it, or overwrite it "
        "with --force"
    )
    again(folder, folding_config=config)
    assert config.read_text() != edited
    again(folder)


def test_an_edited_test_of_the_users_ci_is_not_lost(folder):
    (folder / "cocotb" / "Makefile").write_text("mine:\n")
    assert "cocotb/Makefile: was not written by irnet-hw, or was changed since" in refused(folder)


def test_a_build_into_the_folder_of_its_own_model(folder):
    build(folder / "model.onnx", "pynq-z2", folder, 200_000)
    assert manifest.load(Path(folder))
