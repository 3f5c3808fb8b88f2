"""The trained networks that come with the package."""

import pytest
import torch

from irnet_hw.errors import UserError
from irnet_hw.train import zoo
from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.packed import is_packed
from irnet_hw.train.recipe import load_recipe

ENTRIES = zoo.entries()
LIMIT = 2_000_000

entries = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


@entries
def test_the_card_is_of_its_network(entry):
    trained, card = load_checkpoint(entry.path), entry.card
    assert (card.seed, card.epochs[-1]) == (trained.seed, trained.epoch)
    assert card.pytorch == trained.metrics["last_test_accuracy"]
    assert card.recipes[-1] == trained.recipe.name
    title = {"CIFAR-10": "cifar10", "MNIST": "mnist"}
    assert title[card.data] == trained.recipe.data


@entries
def test_a_name_says_whether_training_ended(entry):
    name, unfinished, epochs = entry.name.partition("-8epochs")
    assert bool(unfinished) != entry.card.complete
    if unfinished:
        assert (epochs, entry.card.epochs[0]) == ("", 8)
        assert "**Not trained to the end.**" in entry.card.text(entry.name, 1)
        # It goes when there is one that was.
        assert name not in {other.name for other in ENTRIES}


@entries
def test_is_small_packed_and_of_its_recipes_network(entry):
    trained = load_checkpoint(entry.path)
    assert entry.path.stat().st_size <= LIMIT
    assert is_packed(trained.state_dict)
    assert trained.recipe.model == load_recipe(entry.card.recipes[-1]).model
    assert (trained.recipe.data_folder, trained.recipe.start) == ("", "")
    height, width, channels = trained.recipe.model.image
    with torch.no_grad():
        logits = trained.model()(torch.randint(0, 256, (2, channels, height, width)).float())
    assert logits.shape == (2, 10)


def test_a_path_is_no_network_of_the_zoo():
    assert zoo.named("runs/zoo/last.pt") is None
    name = ENTRIES[0].name
    assert zoo.named(f"zoo:{name}") == zoo.find(name) == ENTRIES[0]


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(UserError) as error:
        zoo.find("resnet-20")
    assert str(error.value).startswith("zoo:resnet-20: no such network; the nearest: resnet20")
