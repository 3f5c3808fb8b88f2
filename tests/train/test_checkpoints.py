"""The trained networks that come with the package."""

import pytest
import torch

from irnet_hw.share import share
from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.packed import is_packed
from irnet_hw.train.recipe import load_recipe

FOLDER = share("train") / "checkpoints"
PATHS = sorted(FOLDER.glob("*.pt"))
LIMIT = 2_000_000

paths = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def test_there_are_those_of_the_readme():
    rows = [line for line in (FOLDER / "README.md").read_text().splitlines() if line[:3] == "| `"]
    assert sorted(row.split("`")[1] for row in rows) == [path.name for path in PATHS]
    assert [path.stem for path in PATHS] == ["cnv", "resnet20-hardware", "vgg-small-hardware"]


@paths
def test_the_readme_states_seed_and_accuracy(path):
    trained = load_checkpoint(path)
    (row,) = [
        line for line in (FOLDER / "README.md").read_text().splitlines() if f"`{path.name}`" in line
    ]
    _, _, _, seed, epochs, accuracy, _ = (cell.strip() for cell in row.split("|"))
    assert seed == str(trained.seed)
    assert epochs.split()[-1] == str(trained.epoch)
    assert accuracy == f"{trained.metrics['last_test_accuracy']:.2%}"


@paths
def test_is_small_packed_and_of_its_recipes_network(path):
    trained = load_checkpoint(path)
    assert path.stat().st_size <= LIMIT
    assert is_packed(trained.state_dict)
    assert trained.recipe.model == load_recipe(path.stem).model
    assert (trained.recipe.data_folder, trained.recipe.start) == ("", "")
    with torch.no_grad():
        logits = trained.model()(torch.randint(0, 256, (2, 3, 32, 32)).float())
    assert logits.shape == (2, 10)
