"""A data set is used with a checkpoint only if both have the same classes in the same order."""

import dataclasses

import pytest
import torch

from irnet_hw import data
from irnet_hw.errors import UserError
from irnet_hw.export.station import export
from irnet_hw.train.checkpoint import load_checkpoint, save_checkpoint
from irnet_hw.train.loop import train


@pytest.fixture
def last(small, tmp_path):
    model = dataclasses.replace(small.model, precision="hardware")
    recipe = dataclasses.replace(small, epochs=2, model=model, learning_rate=1e-20, weight_decay=0)
    return train(recipe, tmp_path / "run")


@pytest.fixture
def renamed(monkeypatch):
    """Renames the digits' classes."""
    digits = data.BUNDLED["digits"]

    def rename(labels):
        changed = dataclasses.replace(digits(), labels=labels)
        monkeypatch.setitem(data.BUNDLED, "digits", lambda: changed)

    return rename


OTHERS = {
    "another order": (list("0132456789"), "class 2 is '3', but '2' in "),
    "one other name": ([*list("012345678"), "nine"], "class 9 is 'nine', but '9' in "),
}


def refusal(do, *arguments, **options):
    with pytest.raises(UserError) as error:
        do(*arguments, **options)
    return str(error.value)


@pytest.mark.parametrize(("labels", "message"), OTHERS.values(), ids=OTHERS)
def test_other_classes_are_refused_everywhere(last, renamed, tmp_path, labels, message):
    renamed(labels)
    before = last.read_bytes()
    recipe = load_checkpoint(last).recipe
    assert refusal(export, last, tmp_path / "out").startswith(f"digits: {message}{last}")
    assert not (tmp_path / "out").exists()
    again = dataclasses.replace(recipe, epochs=2)
    assert refusal(train, again, last.parent, resume=True).startswith(f"digits: {message}{last}")
    assert last.read_bytes() == before
    on = dataclasses.replace(recipe, start=str(last))
    assert refusal(train, on, tmp_path / "on").startswith(f"start: digits: {message}{last}")


def test_a_network_of_another_task_gives_all_but_its_last_layer(last, renamed, tmp_path, capsys):
    renamed(list("abcdefghij"))
    before = load_checkpoint(last)
    recipe = dataclasses.replace(before.recipe, start=str(last), seed=1)
    after = load_checkpoint(train(recipe, tmp_path / "on"))
    assert after.labels == list("abcdefghij")
    for name, _ in before.model().named_parameters():
        alike = torch.allclose(before.state_dict[name], after.state_dict[name], atol=1e-6)
        assert alike != name.startswith("dense."), name
    assert (
        f"start: digits: class 0 is 'a', but '0' in {last}; the layer dense is newly "
        "initialised" in capsys.readouterr().err
    )


def test_a_network_of_another_task_may_have_another_number_of_classes(last, tmp_path):
    checkpoint = load_checkpoint(last)
    model = dataclasses.replace(checkpoint.recipe.model, classes=3)
    state = dict(checkpoint.state_dict)
    for name in [name for name in state if name.startswith("dense.") and state[name].dim()]:
        state[name] = state[name][:3].clone()
    other = dataclasses.replace(
        checkpoint,
        recipe=dataclasses.replace(checkpoint.recipe, model=model),
        state_dict=state,
        labels=["cat", "dog", "owl"],
    )
    path = tmp_path / "pets.pt"
    save_checkpoint(other, path)
    train(dataclasses.replace(checkpoint.recipe, start=str(path)), tmp_path / "on")


def test_images_of_another_size_are_refused(last, monkeypatch):
    digits = data.load("digits")
    large = dataclasses.replace(digits, test_images=digits.test_images.repeat(2, axis=1))
    monkeypatch.setitem(data.BUNDLED, "digits", lambda: large)
    assert refusal(export, last) == (
        f"digits: images are [16, 8, 1], must be [8, 8, 1], as in {last}"
    )
