"""Networks that enlarge images, trained by the public command on drawn images."""

import csv
import dataclasses

import numpy as np
import pytest
import torch

from irnet_hw import data
from irnet_hw.cli.main import run
from irnet_hw.cli.train import command
from irnet_hw.data.metrics import psnr
from irnet_hw.errors import UserError
from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.loop import train
from irnet_hw.train.pack import pack
from irnet_hw.train.recipe import load_recipe
from irnet_hw.train.task import enlarged_by

SMALL = ["model.image=[8,8,1]", "model.width=8", "model.blocks=2", "batch_size=4", "epochs=2"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, pairs_folder):
    out = tmp_path_factory.mktemp("run") / "whole"
    keys = [f"data_folder={pairs_folder}", *SMALL]
    arguments = [word for key in keys for word in ("--set", key)]
    with pytest.raises(SystemExit) as exit_:
        run(command, args=["--recipe", "sr-x2", *arguments, "--out", str(out)], prog_name="train")
    assert exit_.value.code == 0
    return out


def test_it_learns_and_measures(trained, pairs_folder):
    rows = list(csv.DictReader((trained / "metrics.csv").open()))
    checkpoint = load_checkpoint(trained / "last.pt")
    assert len(rows) == checkpoint.epoch == 2
    assert "test_accuracy" not in rows[0]
    (pair,) = data.load_pairs(str(pairs_folder), 2, 8).held_out["Set5"]
    enlarged = enlarged_by(checkpoint.model(), torch.from_numpy(pair.low)[None, None])
    assert float(rows[-1]["test_psnr"]) == psnr(enlarged, pair.high, 2)
    assert checkpoint.metrics["last_test_psnr"] == float(rows[-1]["test_psnr"])
    best = max(rows, key=lambda row: float(row["test_psnr"]))
    assert checkpoint.metrics["best_epoch"] == int(best["epoch"])
    assert load_checkpoint(trained / "best.pt").epoch == int(best["epoch"])


def test_a_resumed_run_gives_the_same_weights(trained, tmp_path):
    recipe = load_checkpoint(trained / "last.pt").recipe
    train(recipe, tmp_path, seconds=0)  # saved in the middle of the first epoch
    assert load_checkpoint(tmp_path / "last.pt").partial["step"] == 1
    train(recipe, tmp_path, resume=True)
    whole, resumed = (load_checkpoint(path / "last.pt") for path in (trained, tmp_path))
    assert all(
        torch.equal(resumed.state_dict[name], whole.state_dict[name]) for name in whole.state_dict
    )
    for one, other in zip(
        *(each.optimizer["state"].values() for each in (whole, resumed)), strict=True
    ):
        assert all(torch.equal(one[key], other[key]) for key in ("step", "exp_avg", "exp_avg_sq"))


def test_adams_state_is_checked(trained, tmp_path):
    content = torch.load(trained / "last.pt", weights_only=True)
    content["optimizer"]["state"][0]["exp_avg_sq"] = torch.zeros(3)
    torch.save(content, tmp_path / "last.pt")
    with pytest.raises(UserError, match=r"the momentum: .* \(exp_avg_sq\) is torch.float32"):
        train(load_checkpoint(trained / "last.pt").recipe, tmp_path, resume=True)


def test_a_packed_network_enlarges_alike(trained, tmp_path):
    pack(trained / "last.pt", tmp_path / "small.pt")
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 1, 9, 13), np.uint8)).float()
    networks = [
        load_checkpoint(path).model() for path in (trained / "last.pt", tmp_path / "small.pt")
    ]
    assert torch.equal(*(network(x) for network in networks))


@pytest.mark.parametrize("name", ["sr-x3", "sr-x4"])
def test_other_scales_train(name, pairs_folder, tmp_path):
    small = [key.replace("[8,8,1]", "[4,4,1]") for key in SMALL]
    recipe = load_recipe(name, [f"data_folder={pairs_folder}", *small, "epochs=1"])
    checkpoint = load_checkpoint(train(recipe, tmp_path))
    scale = int(name[-1])
    enlarged = checkpoint.model()(torch.zeros(1, 1, 5, 7))
    assert enlarged.shape == (1, 1, 5 * scale, 7 * scale)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("data=digits", "data: 'digits', must be 'super-resolution' if and only if model.name is"),
        ("shift=1", "shift: 1, must not be set for a network that enlarges images"),
        ("teacher=a.pt", "teacher: 'a.pt', must not be set for a network that enlarges images"),
        (
            "label_smoothing=0.1",
            "label_smoothing: 0.1, must not be set for a network that enlarges",
        ),
        ("nesterov=true", "nesterov: true, must be false with optimizer 'adam'"),
        ("compile=true", "compile: true, must be false with model.rounded"),
    ],
)
def test_recipes_are_refused(assignment, message):
    with pytest.raises(UserError) as info:
        load_recipe("sr-x2", [assignment])
    assert message in str(info.value)


def test_a_batch_of_more_crops_than_there_are_is_refused(pairs_folder, tmp_path):
    recipe = load_recipe("sr-x2", [f"data_folder={pairs_folder}", *SMALL])
    with pytest.raises(UserError) as info:
        train(dataclasses.replace(recipe, batch_size=11), tmp_path)
    assert str(info.value) == (
        f"batch_size: 11, must be at most the 10 crops of the training images of {pairs_folder}"
    )
