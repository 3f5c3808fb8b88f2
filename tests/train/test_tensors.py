"""NaN and infinity are found in training and in files, although the sign hides them."""

import dataclasses
import math

import pytest
import torch

from irnet_hw import models
from irnet_hw.errors import UserError
from irnet_hw.export.station import export
from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.loop import train
from irnet_hw.train.pack import pack
from irnet_hw.train.tensors import difference, not_finite, require_tensors, wrong_weights
from irnet_hw.train.work import Work

NETWORK = models.VGG("vgg", [8, 8, 1], 10, widths=[2, 3], pools=[True, True])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from irnet_hw.train.recipe import load_recipe
    from tests.train.conftest import SMALL

    recipe = load_recipe("digits-vgg", [*SMALL, "epochs=1"])
    return train(recipe, tmp_path_factory.mktemp("run"))


def refusal(do, *arguments, **options):
    with pytest.raises(UserError) as error:
        do(*arguments, **options)
    return str(error.value)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_first_that_is_not_finite_is_named(bad):
    tensors = {"a": torch.zeros(2), "n": torch.tensor([2**62]), "b": torch.tensor([1.0, bad])}
    assert not_finite(tensors) == "b"
    assert not_finite({**tensors, "b": torch.zeros(3)}) == ""


def test_weights_too_large_for_a_standard_deviation():
    """Libra-PB would treat all of them as 0 and turn each into +1."""
    network = models.build(NETWORK)
    assert wrong_weights(network) == ""
    with torch.no_grad():
        network.block1.conv.weight *= 1e30
    assert wrong_weights(network) == (
        "block1.conv.weight is too large for float32 to have a standard deviation"
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.0, "is a float, must be a tensor"),
        (torch.zeros(2, dtype=torch.complex64), "is of torch.complex64, must be one of "),
        (torch.zeros(2, dtype=torch.float16), "is of torch.float16, must be one of "),
        (torch.eye(2).to_sparse(), "is a tensor of layout torch.sparse_coo on cpu, must be dense"),
        (torch.zeros(2, device="meta"), "is a tensor of layout torch.strided on meta, must be"),
        (torch.zeros(1).expand(10**15), f"has shape [{10**15}], which needs more values "),
        (torch.tensor(math.nan), "holds NaN or infinity"),
    ],
)
def test_what_is_no_tensor_to_compute_with(value, reason):
    assert refusal(require_tensors, {"a": value}, "f.pt").startswith(f"f.pt: a {reason}")


def test_what_differs_between_networks_is_said_in_a_line():
    wanted = models.build(NETWORK).state_dict()
    found = models.build(dataclasses.replace(NETWORK, widths=[2, 4], hidden=[5])).state_dict()
    assert difference(wanted, wanted) == ""
    assert difference(found, wanted).startswith(
        "hidden0.dense.weight is unknown; hidden0.norm.weight is unknown; "
    )
    assert difference(found, wanted).endswith(" more")
    assert difference({**wanted, "dense.bias": wanted["dense.bias"][1:].long()}, wanted) == (
        "dense.bias is torch.int64 of shape [9], must be torch.float32 of shape [10]"
    )


def spoil(monkeypatch, change):
    """Change something after every epoch of a training run, before it is checked."""
    found = Work._measured

    def measured(work):
        with torch.no_grad():
            change(work._run)
        return found(work)

    monkeypatch.setattr(Work, "_measured", measured)


def in_weight(run):
    run.model.block1.conv.weight[0, 0, 0, 0] = math.nan


def in_statistics(run):
    run.model.block1.norm.running_var[1] = math.inf


def in_momentum(run):
    run.optimizer.state[run.model.block1.conv.weight]["momentum_buffer"][0, 0, 0, 0] = math.nan


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (in_weight, "block1.conv.weight holds"),
        (in_statistics, "block1.norm.running_var holds"),
        (in_momentum, "the momentum of block1.conv.weight holds"),
    ],
)
def test_training_ends_with_what_is_not_finite(small, tmp_path, monkeypatch, change, named):
    train(dataclasses.replace(small, epochs=1), tmp_path)
    before = (tmp_path / "last.pt").read_bytes()
    spoil(monkeypatch, change)
    message = refusal(train, dataclasses.replace(small, epochs=2), tmp_path, resume=True)
    assert message == (
        f"learning_rate: {small.learning_rate}, {named} NaN or infinity in epoch 2; "
        "try a smaller learning rate"
    )
    assert (tmp_path / "last.pt").read_bytes() == before


def changed(trained, tmp_path, change):
    content = torch.load(trained, weights_only=True)
    change(content)
    path = tmp_path / "last.pt"
    torch.save(content, path)
    return path


def test_a_file_with_nan_is_refused_everywhere(trained, tmp_path):
    def change(content):
        content["state_dict"]["block1.conv.weight"][0, 0, 0, 0] = math.nan

    path = changed(trained, tmp_path, change)
    recipe = load_checkpoint(trained).recipe
    named = f"{path}: state_dict: block1.conv.weight holds NaN or infinity"
    assert refusal(load_checkpoint, path) == named
    assert refusal(export, path) == named
    assert refusal(pack, path, tmp_path / "packed.pt") == named
    assert refusal(train, recipe, tmp_path, resume=True) == named
    started = dataclasses.replace(recipe, start=str(path))
    assert refusal(train, started, tmp_path / "on") == named
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


def test_nan_in_the_momentum_is_refused_where_training_goes_on(trained, tmp_path):
    def change(content):
        content["optimizer"]["state"][2]["momentum_buffer"].flatten()[0] = math.nan

    path = changed(trained, tmp_path, change)
    recipe = load_checkpoint(path).recipe
    assert refusal(train, recipe, tmp_path, resume=True).startswith(f"{path}: the momentum: ")


def test_nan_in_a_packed_file_is_refused(trained, tmp_path):
    packed = tmp_path / "packed.pt"
    pack(trained, packed)
    content = torch.load(packed, weights_only=True)
    content["state_dict"]["block1.norm.weight"][0] = math.inf
    torch.save(content, packed)
    assert refusal(load_checkpoint, packed) == (
        f"{packed}: state_dict: block1.norm.weight holds NaN or infinity"
    )


def put(key, value):
    return lambda content: content.update({key: value})


def shared():
    inner = []
    inner.append(inner)
    return inner


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("recipe", []), "recipe = [], must be an object"),
        (put("recipe", {"model": 3}), "model: must be a table [model]"),
        (put("recipe", {"model": {"name": shared()}}), "recipe.model.name holds one list"),
        (put("recipe", {"a": torch.zeros(1)}), "recipe.a holds a Tensor, which is not a plain "),
        (put("epoch", -1), "epoch = -1, must be an integer of at least 0"),
        (put("epoch", "1"), 'epoch = "1", must be an integer of at least 0'),
        (put("epoch", 2**70), "epoch holds an integer that does not fit 64 bits"),
        (put("seed", 1.5), "seed = 1.5, must be an integer of at least 0"),
        (put("labels", None), "labels = null, must be a list"),
        (put("labels", [1, 2]), "labels[0] = 1, must be a string"),
        (put("labels", ["a"]), "has 1 labels, must be 10, like model.classes"),
        (put("labels", ["\ud800"] * 10), "labels holds a string that is not Unicode"),
        (put("metrics", 3), "metrics = 3, must be an object"),
        (put("metrics", {"history": math.nan}), "metrics.history holds nan, must be a finite"),
        (put("partial", None), "partial = null, must be an object"),
        (put("partial", {"signs": 3}), "partial.signs must be tensors by their names"),
        (put("partial", {"step": 3}), "partial: loss is missing"),
        (put("optimizer", []), "optimizer is a list, must be a table"),
        (put("versions", {3: "a"}), "versions has a key that isn't a string"),
        (put("state_dict", None), "state_dict must be tensors by their names"),
        (put("state_dict", {"a": 3}), "state_dict: a is a int, must be a tensor"),
    ],
)
def test_fields_of_other_types_are_refused(trained, tmp_path, change, message):
    path = changed(trained, tmp_path, change)
    assert refusal(load_checkpoint, path).startswith(f"{path}: {message}")


def resuming(key, value):
    def change(content):
        content["metrics"] = content["metrics"] | {key: value}

    return change


def momentum(value):
    return lambda content: content["optimizer"].update({"state": value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (resuming("history", []), "metrics.history must cover the 1 completed epochs"),
        (resuming("history", {}), "metrics: history = {}, must be a list"),
        (resuming("weights", [{}]), "metrics: weights[0].epoch is missing"),
        (momentum(3), "optimizer.state must match the network's "),
        (momentum({99: {}}), "optimizer.state must match the network's "),
        (momentum({0: {"momentum_buffer": torch.zeros(3)}}), "the momentum: "),
        (momentum({0: {"momentum_buffer": "x"}}), "the momentum: "),
    ],
)
def test_what_a_run_can_not_go_on_from_is_refused(trained, tmp_path, change, message):
    path = changed(trained, tmp_path, change)
    recipe = load_checkpoint(path).recipe
    assert refusal(train, recipe, tmp_path, resume=True).startswith(f"{path}: {message}")


def test_the_recipe_decides_about_the_optimiser(trained, tmp_path):
    """The optimiser follows the recipe, not the checkpoint."""
    from irnet_hw.train.run import Run

    def change(content):
        content["optimizer"]["param_groups"][0]["weight_decay"] = 5

    path = changed(trained, tmp_path, change)
    checkpoint = load_checkpoint(path)
    run = Run.resumed(checkpoint.recipe, 1, path, checkpoint.labels)
    (group,) = run.optimizer.param_groups
    assert group["weight_decay"] == checkpoint.recipe.weight_decay
    assert all(momentum.any() for momentum in run.momenta().values())
