"""Recipe keys for what was found after IR-Net: distillation, two stages, shifts and others."""

import dataclasses

import pytest
import torch
from torch.nn import functional

from irnet_hw import data
from irnet_hw.errors import UserError
from irnet_hw.models import ResNet, build
from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.feed import ResidentFeed
from irnet_hw.train.loop import train
from irnet_hw.train.recipe import load_recipe
from irnet_hw.train.run import Run, optimizer_of

KEYS = [
    *("data=digits", "data_folder=", "batch_size=256", "epochs=2", "threads=1", "compile=false"),
    *("bf16=false", "shift=1", "model.image=[8,8,1]", "model.widths=[4,8]", "model.blocks=[1,1]"),
]


def tiny(*keys):
    return load_recipe("resnet20", [*KEYS, *keys])


def state(path):
    return load_checkpoint(path).state_dict


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    recipe = tiny("model.weight_bits=32", "model.activation_bits=32")
    return train(recipe, tmp_path_factory.mktemp("teacher"))


@pytest.mark.training
@pytest.mark.parametrize("share", [1.0, 0.25])
def test_the_loss_is_the_teachers_and_the_labels(tmp_path, teacher, share):
    keys = [f"teacher={teacher}", f"teacher_share={share}", "label_smoothing=0.1", "shift=0"]
    recipe = tiny(*keys, "flip=false", "batch_size=1437", "epochs=1")
    found = load_checkpoint(train(recipe, tmp_path)).metrics["history"][0]["loss"]
    dataset = data.load("digits")
    # In the order of the training, on which float32 sums depend, and so some signs.
    images, labels = next(ResidentFeed(dataset, recipe, torch.device("cpu"), 0, 1).train(0))
    pixels = images.float()
    with torch.no_grad():
        logs = Run.fresh(recipe, 1, dataset.labels).model.train()(pixels).log_softmax(1)
        wanted = load_checkpoint(teacher).model()(pixels).softmax(1)
    learnt = -(wanted * logs).sum(1).mean()
    own = functional.nll_loss(logs, labels) * 0.9 - logs.mean() * 0.1
    assert found == pytest.approx(float(share * learnt + (1 - share) * own), rel=1e-5)


@pytest.mark.training
def test_a_run_with_all_keys_resumes_to_the_same_weights(tmp_path, teacher):
    recipe = tiny(
        *(f"teacher={teacher}", "decay_norms=false", "weight_decay=0.1", "model.shifts=true"),
        *("model.gain=4", "warmup=1", "label_smoothing=0.1"),
    )
    whole = state(train(recipe, tmp_path / "whole"))
    train(recipe, tmp_path / "cut", seconds=0)
    cut = state(train(recipe, tmp_path / "cut", resume=True))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    other = state(train(dataclasses.replace(recipe, decay_norms=True), tmp_path / "other"))
    assert not torch.equal(whole["norm.weight"], other["norm.weight"])


@pytest.mark.training
def test_the_second_stage_starts_from_weights_in_float(tmp_path):
    first = train(tiny("model.weight_bits=32"), tmp_path / "first")
    second = tiny(f"start={first}", "learning_rate=1e-20", "weight_decay=0")
    trained = state(train(second, tmp_path / "second"))
    assert trained.keys() == state(first).keys()
    name = "stage0.0.body.conv0.weight"
    assert torch.equal(trained[name], state(first)[name])


def test_norms_biases_and_shifts_do_not_decay():
    recipe = tiny("decay_norms=false", "model.shifts=true")
    model = build(recipe.model)
    decaying, others = optimizer_of(recipe, model).param_groups
    assert (decaying["weight_decay"], others["weight_decay"]) == (recipe.weight_decay, 0)
    names = {parameter: name for name, parameter in model.named_parameters()}
    assert {names[each].rpartition(".")[2] for each in decaying["params"]} == {"weight"}
    found = {names[each] for each in others["params"]}
    assert {"norm.weight", "norm.bias", "dense.bias", "stage0.0.body.shift.shift"} <= found
    assert len(found) + len(decaying["params"]) == len(names)


def test_a_gain_changes_no_output():
    labels = data.load("digits").labels
    plain, larger = (
        Run.fresh(tiny(f"model.gain={gain}"), 1, labels).model.eval() for gain in (1, 4)
    )
    pixels = torch.randint(0, 256, (4, 1, 8, 8)).float()
    assert torch.equal(4 * plain.stage0[0].body.conv0.weight, larger.stage0[0].body.conv0.weight)
    assert torch.equal(plain.stem.conv.weight, larger.stem.conv.weight)
    assert torch.equal(plain(pixels), larger(pixels))


def test_weights_in_float_have_the_same_names_and_shapes():
    both = [build(tiny(f"model.weight_bits={bits}").model).state_dict() for bits in (1, 32)]
    assert {name: value.shape for name, value in both[0].items()} == {
        name: value.shape for name, value in both[1].items()
    }


@pytest.mark.training
def test_a_teacher_of_other_images_is_refused(teacher):
    recipe = load_recipe("digits-vgg", ["model.image=[8,8,1]", f"teacher={teacher}"])
    other = dataclasses.replace(recipe.model, image=[8, 16, 1])
    with pytest.raises(UserError, match=rf"^teacher: {teacher} takes images \[8, 8, 1\], must "):
        Run.fresh(dataclasses.replace(recipe, model=other), 1, data.load("digits").labels)
    with pytest.raises(UserError, match=r"^teacher: "):
        Run.fresh(recipe, 1, [str(digit) for digit in range(9, -1, -1)])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("teacher_share=0", "teacher_share: 0.0, must be above 0 and at most 1"),
        ("model.weight_bits=8", "model.weight_bits: 8, must be 1 or 32"),
        ("model.gain=0", "model.gain: 0.0, must be above 0"),
    ],
)
def test_refuses(key, message):
    with pytest.raises(UserError, match=rf": {message}$"):
        tiny(key)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"weight_bits": 32, "precision": "hardware"}, "must be 1 with precision 'hardware'"),
        ({"activation_bits": 32, "shifts": True}, "must be false with activations in float"),
    ],
)
def test_refuses_together(keys, message):
    keys = {"activation_bits": 1, **keys}
    with pytest.raises(UserError, match=message):
        ResNet("resnet", [8, 8, 1], 10, "bireal", **keys)
