"""End to end: from a user's own images to an accelerator, through the public commands."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from irnet_hw.cli import main as cli
from irnet_hw.data.own import DESCRIPTION
from irnet_hw.errors import UserError
from irnet_hw.train.recipe import load_recipe
from tests.data.photographs import parts, write_folders

NAMES = ["left turn", "no entry", "école"]
TINY = ["epochs=1", "batch_size=6", "shift=1", "model.widths=[4, 4]", "model.pools=[false, true]"]


def run(*words):
    """Run ``irnet-hw`` and return its error, if any."""
    return CliRunner().invoke(cli.group, list(map(str, words))).exception


def train(folder, *assignments, out="run"):
    given = [f"data_folder={folder / 'signs'}", "name=signs", *TINY, *assignments]
    settings = [word for value in given for word in ("--set", value)]
    return run("train", "--recipe", "folder-vgg", "--out", folder / out, *settings)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a network trained and built for 10x14 pixel images in three classes."""
    folder = tmp_path_factory.mktemp("own")
    write_folders(folder / "signs", parts(24, 9, shape=(10, 14, 3), classes=3), NAMES)
    model, built = folder / "run" / "model.onnx", folder / "built"
    assert train(folder) is None
    assert run("export", folder / "run" / "last.pt") is None
    board = ("--board", "zcu104", "--target-fps", "20000")
    assert run("build", *board, "--out", built, model) is None
    return folder


def test_the_run_says_what_was_taken_from_the_images(finished):
    model = load_recipe(str(finished / "run" / "recipe.toml")).model
    assert (model.image, model.classes) == ([10, 14, 3], 3)


def test_the_accelerator_has_their_shape_and_classes(finished):
    manifest = json.loads((finished / "built" / "manifest.json").read_text())
    assert manifest["labels"] == NAMES
    assert manifest["input"]["shape"] == [10, 14, 3]
    with np.load(finished / "run" / "heldout.npz") as heldout:
        assert heldout["images"].shape == (9, 10, 14, 3)
        assert heldout["labels"].tolist() == [0] * 3 + [1] * 3 + [2] * 3


def test_what_the_recipe_states_must_fit(finished):
    error = train(finished, "model.classes=4", out="other")
    assert isinstance(error, UserError)
    assert str(error) == f"model.classes: 4, must be 3, as in {finished / 'signs'}"


def test_without_a_folder_it_says_what_to_make():
    error = run("train", "--recipe", "folder-vgg")
    assert isinstance(error, UserError)
    assert str(error) == f"data_folder: is not set; {DESCRIPTION.how_to_get_it}"
