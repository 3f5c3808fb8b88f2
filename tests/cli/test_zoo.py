"""The commands that take networks of the zoo."""

import json
import shutil

import pytest
from click.testing import CliRunner

from irnet_hw.cli.main import group
from irnet_hw.errors import UserError
from irnet_hw.train import zoo
from irnet_hw.train.pack import pack
from tests.export.networks import tiny_checkpoint, tiny_network


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A zoo of a tiny network, and an empty folder to work in."""
    folder = tmp_path / "train" / "checkpoints"
    folder.mkdir(parents=True)
    pack(tiny_checkpoint(tmp_path / "last.pt", tiny_network()), folder / "tiny.pt")
    (card,) = [entry.path.with_suffix(".toml") for entry in zoo.entries()][:1]
    shutil.copy(card, folder / "tiny.toml")
    monkeypatch.setattr(zoo, "share", lambda name: tmp_path / name)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def command(*words):
    return CliRunner().invoke(group, [str(word) for word in words])


def test_lists_every_network():
    lines = command("zoo").stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == [entry.name for entry in zoo.entries()]
    for line, entry in zip(lines, zoo.entries(), strict=True):
        assert f"{entry.card.pytorch:.2%}" in line
        assert entry.card.trained() in line


def test_shows_a_card():
    entry = zoo.entries()[0]
    text = command("zoo", entry.name).stdout
    assert text == entry.card.text(entry.name, entry.path.stat().st_size) + "\n"
    assert entry.card.terms in text


@pytest.mark.parametrize(
    "words",
    [["zoo", "tinny"], ["export", "zoo:tinny"], ["build", "--board", "pynq-z2", "zoo:tinny"]],
    ids=" ".join,
)
def test_an_unknown_name(tiny, words):
    error = command(*words).exception
    assert isinstance(error, UserError)
    assert str(error) == ("zoo:tinny: no such network; the nearest: tiny (irnet-hw zoo lists all)")
    assert list(tiny.iterdir()) == []


@pytest.mark.slow
def test_builds_from_the_name(tiny):
    done = command("build", "--board", "pynq-z2", "zoo:tiny")
    assert done.exit_code == 0, done.output
    assert "building zoo:tiny for pynq-z2" in done.stderr
    assert [path.name for path in tiny.iterdir()] == ["tiny-pynq-z2"]
    built = json.loads((tiny / "tiny-pynq-z2" / "manifest.json").read_text())
    assert "accuracy" not in built["metadata"]


@pytest.mark.slow
def test_exports_with_and_without_the_data(tiny):
    done = command("export", "zoo:tiny")
    assert done.exit_code == 0, done.output
    assert "checked on 64 drawn images: the QONNX run equals PyTorch in all " in done.stderr
    names = {"export.json", "golden.npz", "model.onnx"}
    assert {path.name for path in (tiny / "tiny").iterdir()} == names
    with_data = command("export", "zoo:tiny", "--data-folder", "unused")
    assert with_data.exit_code == 0, with_data.output
    assert {path.name for path in (tiny / "tiny").iterdir()} == {*names, "heldout.npz"}
    again = command("export", "zoo:tiny")
    assert again.exit_code == 0, again.output
    assert {path.name for path in (tiny / "tiny").iterdir()} == names
