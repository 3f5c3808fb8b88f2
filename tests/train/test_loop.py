import csv
import dataclasses
import functools
import os
import signal

import pytest
import torch
from tensorboardX.proto.event_pb2 import Event

from irnet_hw import data, progress
from irnet_hw.errors import UserError
from irnet_hw.train import work
from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.loop import train
from irnet_hw.train.recipe import load_recipe
from irnet_hw.train.work import accuracy
from tests.train.conftest import SMALL

FILES = {"last.pt", "best.pt", "metrics.csv", "weights.csv", "recipe.toml"}


def same(a, b):
    """Return whether two checkpoints are bit-identical apart from the times taken."""
    weights = all(torch.equal(a.state_dict[key], b.state_dict[key]) for key in a.state_dict)
    momenta = [checkpoint.optimizer["state"][0]["momentum_buffer"] for checkpoint in (a, b)]
    metrics = [
        {**checkpoint.metrics, "history": untimed(checkpoint.metrics["history"])}
        for checkpoint in (a, b)
    ]
    return weights and torch.equal(*momenta) and metrics[0] == metrics[1] and a.epoch == b.epoch


def untimed(rows):
    return [{key: row[key] for key in row if key != "images_per_second"} for row in rows]


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def images(test_set):
    """Return batches in the form that accuracy takes."""
    pixels = torch.from_numpy(test_set.test_images).permute(0, 3, 1, 2)
    return [(pixels, torch.from_numpy(test_set.test_labels))]


def interrupt_after(steps, monkeypatch, number=signal.SIGINT):
    """Interrupt the training after some steps."""

    def interrupted(items, *_):
        for done, item in enumerate(items, 1):
            if done == steps:
                os.kill(os.getpid(), number)
            yield item

    monkeypatch.setattr(progress, "track", interrupted)


def test_leaves_what_is_documented(small, tmp_path):
    last = train(small, tmp_path / "run")
    assert last == tmp_path / "run" / "last.pt"
    names = {path.name.partition(".out.")[0] for path in (tmp_path / "run").iterdir()}
    assert names == {*FILES, "events"}
    assert load_recipe(str(tmp_path / "run" / "recipe.toml")) == small
    checkpoint = load_checkpoint(last)
    history = checkpoint.metrics["history"]
    rows = table(tmp_path / "run" / "metrics.csv")
    assert [{key: float(value) for key, value in row.items()} for row in rows] == history
    assert [(row["epoch"], row["t"], row["k"]) for row in history] == [
        (epoch + 1, *small.ede()(epoch)) for epoch in range(3)
    ]
    weights = table(tmp_path / "run" / "weights.csv")
    assert [(row["epoch"], row["layer"]) for row in weights] == [
        (str(epoch + 1), "block1.conv") for epoch in range(3)
    ]
    for row, weight in zip(history, weights, strict=True):
        assert row["weight_entropy"] == float(weight["entropy"])
        assert row["flip_rate"] == float(weight["flipped"])


def test_tensorboard_finds_the_metrics(small, tmp_path):
    checkpoint = load_checkpoint(train(small, tmp_path))
    (events,) = tmp_path.glob("events.out.tfevents.*")
    found = {}
    for record in records(events.read_bytes()):
        for value in Event.FromString(record).summary.value:
            found.setdefault(value.tag, []).append(value.simple_value)
    history = checkpoint.metrics["history"]
    assert found.keys() == history[0].keys()
    for key, values in found.items():
        assert values == pytest.approx([row[key] for row in history]), key


def records(content):
    """Yield the records of a TensorBoard file: length, checksum, content, checksum."""
    while content:
        size = int.from_bytes(content[:8], "little")
        yield content[12 : 12 + size]
        content = content[16 + size :]


def test_the_accuracies_are_those_of_the_saved_networks(small, tmp_path):
    last = load_checkpoint(train(small, tmp_path))
    best = load_checkpoint(tmp_path / "best.pt")
    batches = images(data.load("digits"))
    accuracies = [row["test_accuracy"] for row in last.metrics["history"]]
    assert last.epoch == 3
    assert last.metrics["last_test_accuracy"] == accuracy(last.model(), batches)
    assert last.metrics["last_test_accuracy"] == accuracies[-1]
    assert best.epoch == last.metrics["best_epoch"] == accuracies.index(max(accuracies)) + 1
    assert last.metrics["best_test_accuracy"] == max(accuracies)
    assert max(accuracies) == accuracy(best.model(), batches)


def test_the_same_recipe_gives_the_same_weights(small, tmp_path):
    torch.manual_seed(1)
    first = load_checkpoint(train(small, tmp_path / "a"))
    torch.manual_seed(2)
    second = load_checkpoint(train(small, tmp_path / "b"))
    other = load_checkpoint(train(dataclasses.replace(small, seed=1), tmp_path / "c"))
    assert same(first, second)
    assert not same(first, other)


# An epoch has 5 steps: between two of them, at the end of one, and in the last.
@pytest.mark.parametrize("steps", [3, 5, 12])
def test_an_interrupted_run_resumes_to_the_same_weights(small, tmp_path, monkeypatch, steps):
    whole = load_checkpoint(train(small, tmp_path / "whole"))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(steps, patch)
        train(small, tmp_path / "cut")
    cut = load_checkpoint(tmp_path / "cut" / "last.pt")
    assert (cut.epoch, cut.partial["step"]) == divmod(steps, 5)
    resumed = load_checkpoint(train(small, tmp_path / "cut", resume=True))
    assert same(whole, resumed)
    assert resumed.partial == {"step": 0, "loss": 0, "right": 0, "seconds": 0, "signs": {}}
    for name in ("weights.csv", "recipe.toml"):
        assert (tmp_path / "whole" / name).read_text() == (tmp_path / "cut" / name).read_text()
    rows = [untimed(table(tmp_path / name / "metrics.csv")) for name in ("whole", "cut")]
    assert rows[0] == rows[1]


def test_a_run_stops_after_its_time_and_resumes_to_the_same_weights(small, tmp_path):
    whole = load_checkpoint(train(small, tmp_path / "whole"))
    cut = load_checkpoint(train(small, tmp_path / "cut", seconds=0))
    assert (cut.epoch, cut.partial["step"]) == (0, 1)
    assert same(whole, load_checkpoint(train(small, tmp_path / "cut", resume=True)))


def test_a_termination_saves_too(small, tmp_path, monkeypatch):
    interrupt_after(7, monkeypatch, signal.SIGTERM)
    with pytest.raises(SystemExit) as exit_:
        train(small, tmp_path)
    assert exit_.value.code == 128 + signal.SIGTERM
    assert load_checkpoint(tmp_path / "last.pt").partial["step"] == 2


def test_the_second_interrupt_ends_at_once(small, tmp_path, monkeypatch):
    train(dataclasses.replace(small, epochs=1), tmp_path)
    before = (tmp_path / "last.pt").read_bytes()

    def interrupt(*_):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(work, "set_ede", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(small, tmp_path, resume=True)
    assert (tmp_path / "last.pt").read_bytes() == before
    names = {path.name.partition(".out.")[0] for path in tmp_path.iterdir()}
    assert names == {*FILES, "events"}


def test_signals_do_what_they_did_before(small, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    train(small, tmp_path)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(("native", "used"), [(True, "bf16-mixed"), (False, "32-true")])
def test_bfloat16_is_used_where_the_processor_has_it(small, monkeypatch, native, used):
    monkeypatch.setattr(work, "_computes_bf16", lambda _: native)
    recipe = dataclasses.replace(small, bf16=True)
    assert work.devices(recipe, 1, 1)._precision.precision == used


def test_compiled_training_in_bfloat16_learns_and_resumes(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    monkeypatch.setattr(work, "_computes_bf16", lambda _: True)
    recipe = load_recipe("digits-vgg", [*SMALL, "compile=true", "bf16=true"])
    whole = load_checkpoint(train(recipe, tmp_path / "whole"))
    history = whole.metrics["history"]
    assert history[-1]["loss"] < history[0]["loss"]
    assert all(value.dtype != torch.bfloat16 for value in whole.state_dict.values())
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(7, patch)
        train(recipe, tmp_path / "cut")
    assert same(whole, load_checkpoint(train(recipe, tmp_path / "cut", resume=True)))


def test_starts_from_another_runs_weights(small, tmp_path):
    before = load_checkpoint(train(small, tmp_path / "paper"))
    start = str(tmp_path / "paper" / "last.pt")
    recipe = dataclasses.replace(small, start=start, learning_rate=1e-30, weight_decay=0)
    after = load_checkpoint(train(recipe, tmp_path / "on"))
    for name, _ in before.model().named_parameters():
        assert torch.equal(before.state_dict[name], after.state_dict[name])


def test_refuses_to_start_from_another_network(small, tmp_path):
    start = train(dataclasses.replace(small, epochs=1), tmp_path / "paper")
    model = dataclasses.replace(small.model, widths=[4, 8])
    with pytest.raises(UserError) as error:
        train(dataclasses.replace(small, model=model, start=str(start)), tmp_path / "on")
    assert str(error.value).startswith(f"start: {start} has block1.")
    model = dataclasses.replace(small.model, hidden=[10])
    with pytest.raises(UserError) as error:
        train(dataclasses.replace(small, model=model, start=str(start)), tmp_path / "on")
    assert str(error.value) == (
        f"start: {start} has no hidden0.dense.weight, which the recipe's network needs"
    )


def test_a_finished_run_resumes_to_itself(small, tmp_path):
    last = train(small, tmp_path)
    before = last.read_bytes()
    assert train(small, tmp_path, resume=True).read_bytes() == before


def test_resuming_needs_the_same_recipe(small, tmp_path):
    last = train(small, tmp_path)
    with pytest.raises(UserError) as error:
        train(dataclasses.replace(small, epochs=2), tmp_path, resume=True)
    assert str(error.value) == (
        f"{last}: was trained with epochs = 3 (now 2); "
        "--resume needs the same recipe, in which only epochs may be raised"
    )


def test_resuming_names_each_key_that_differs(small, tmp_path):
    last = train(small, tmp_path)
    model = dataclasses.replace(small.model, widths=[8, 8])
    with pytest.raises(UserError) as error:
        train(dataclasses.replace(small, seed=9, model=model), tmp_path, resume=True)
    assert str(error.value) == (
        f"{last}: was trained with seed = {small.seed} (now 9), "
        f"model.widths = {list(small.model.widths)} (now [8, 8]); "
        "--resume needs the same recipe, in which only epochs may be raised"
    )


def test_resuming_needs_a_run(small, tmp_path):
    with pytest.raises(UserError) as error:
        train(small, tmp_path, resume=True)
    assert str(error.value).startswith(
        f"{tmp_path / 'last.pt'}: can't be read: No such file or directory; "
    )


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (
            "model.image=[8,9,1]",
            "model.image: [8, 9, 1], must be [8, 8, 1], like the images of digits",
        ),
        ("model.classes=9", "model.classes: 9, must be 10, as in digits"),
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
    assert str(error.value).endswith(" in epoch 1; try a smaller learning rate")


def test_learns_the_digits(tmp_path):
    recipe = load_recipe("digits-vgg", ["epochs=6"])
    checkpoint = load_checkpoint(train(recipe, tmp_path))
    assert checkpoint.metrics["last_test_accuracy"] >= 0.9
