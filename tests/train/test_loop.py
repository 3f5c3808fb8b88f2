import csv
import dataclasses

import pytest
import torch

from irnet_hw import data, progress
from irnet_hw.errors import UserError
from irnet_hw.train import load_checkpoint, load_recipe, loop, train
from irnet_hw.train.loop import accuracy


def same(a, b):
    """Say whether two checkpoints hold the same, to the bit."""
    weights = all(torch.equal(a.state_dict[key], b.state_dict[key]) for key in a.state_dict)
    momenta = [checkpoint.optimizer["state"][0]["momentum_buffer"] for checkpoint in (a, b)]
    return weights and torch.equal(*momenta) and a.metrics == b.metrics and a.epoch == b.epoch


def test_leaves_what_is_documented(small, tmp_path):
    last = train(small, tmp_path / "run")
    assert last == tmp_path / "run" / "last.pt"
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"last.pt", "best.pt", "metrics.csv", "recipe.toml"}
    assert load_recipe(str(tmp_path / "run" / "recipe.toml")) == small
    checkpoint = load_checkpoint(last)
    history = checkpoint.metrics["history"]
    with (tmp_path / "run" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [{key: float(value) for key, value in row.items()} for row in rows] == history
    assert [(row["epoch"], row["t"], row["k"]) for row in history] == [
        (epoch + 1, *small.schedule()(epoch)) for epoch in range(3)
    ]


def test_the_accuracies_are_those_of_the_saved_networks(small, tmp_path):
    last = load_checkpoint(train(small, tmp_path))
    best = load_checkpoint(tmp_path / "best.pt")
    digits = data.load("digits")
    images = torch.from_numpy(digits.test_images).permute(0, 3, 1, 2)
    labels = torch.from_numpy(digits.test_labels)
    accuracies = [row["test_accuracy"] for row in last.metrics["history"]]
    assert last.epoch == 3
    assert last.metrics["last_test_accuracy"] == accuracy(last.model(), images, labels)
    assert last.metrics["last_test_accuracy"] == accuracies[-1]
    assert best.epoch == last.metrics["best_epoch"] == accuracies.index(max(accuracies)) + 1
    assert last.metrics["best_test_accuracy"] == max(accuracies)
    assert max(accuracies) == accuracy(best.model(), images, labels)


def test_the_same_recipe_gives_the_same_weights(small, tmp_path):
    torch.manual_seed(1)
    first = load_checkpoint(train(small, tmp_path / "a"))
    torch.manual_seed(2)
    second = load_checkpoint(train(small, tmp_path / "b"))
    other = load_checkpoint(train(dataclasses.replace(small, seed=1), tmp_path / "c"))
    assert same(first, second)
    assert not same(first, other)


@pytest.mark.parametrize("epochs", [1, 2])
def test_an_interrupted_run_resumes_to_the_same_weights(small, tmp_path, monkeypatch, epochs):
    whole = load_checkpoint(train(small, tmp_path / "whole"))

    def interrupted(items, *_):
        for done, item in enumerate(items):
            if done == epochs:
                raise KeyboardInterrupt
            yield item

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(progress, "track", interrupted)
        train(small, tmp_path / "cut")
    assert load_checkpoint(tmp_path / "cut" / "last.pt").epoch == epochs
    resumed = load_checkpoint(train(small, tmp_path / "cut", resume=True))
    assert same(whole, resumed)
    for name in ("metrics.csv", "recipe.toml"):
        assert (tmp_path / "whole" / name).read_text() == (tmp_path / "cut" / name).read_text()


def test_an_interrupt_within_an_epoch_leaves_the_last_whole_one(small, tmp_path, monkeypatch):
    train(dataclasses.replace(small, epochs=1), tmp_path)
    before = (tmp_path / "last.pt").read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "accuracy", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(small, tmp_path)
    assert (tmp_path / "last.pt").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best.pt",
        "last.pt",
        "metrics.csv",
        "recipe.toml",
    ]


def test_a_finished_run_resumes_to_itself(small, tmp_path):
    last = train(small, tmp_path)
    before = last.read_bytes()
    assert train(small, tmp_path, resume=True).read_bytes() == before


def test_resuming_needs_the_same_recipe(small, tmp_path):
    last = train(small, tmp_path)
    with pytest.raises(UserError) as error:
        train(dataclasses.replace(small, epochs=4), tmp_path, resume=True)
    assert str(error.value) == (
        f"{last}: was trained with epochs = 3, and the recipe says 4; "
        "--resume needs the same recipe"
    )


def test_resuming_needs_a_run(small, tmp_path):
    with pytest.raises(UserError) as error:
        train(small, tmp_path, resume=True)
    assert str(error.value) == f"{tmp_path / 'last.pt'}: can't be read: No such file or directory"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (
            "model.image=[8,9,1]",
            "model.image: [8, 9, 1], must be [8, 8, 1], as the images of digits",
        ),
        ("model.classes=9", "model.classes: 9, must be 10, as digits has"),
        (
            "batch_size=1438",
            "batch_size: 1438, must be at most the 1437 training images of digits",
        ),
    ],
)
def test_the_recipe_must_fit_the_data(tmp_path, assignment, message):
    with pytest.raises(UserError) as error:
        train(load_recipe("digits-vgg", [assignment]), tmp_path / "run")
    assert str(error.value) == message
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_ends_the_training(small, tmp_path):
    with pytest.raises(UserError) as error:
        train(dataclasses.replace(small, learning_rate=1e38), tmp_path)
    assert str(error.value).startswith("learning_rate: 1e+38, the loss is ")
    assert str(error.value).endswith(" in epoch 1; a smaller learning rate would be right")


def test_learns_the_digits(tmp_path):
    recipe = load_recipe("digits-vgg", ["epochs=6"])
    checkpoint = load_checkpoint(train(recipe, tmp_path))
    assert checkpoint.metrics["last_test_accuracy"] >= 0.93
