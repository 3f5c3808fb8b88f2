"""The report on networks that enlarge images."""

import json
import re
import shutil

import pytest
import torch
from click.testing import CliRunner

from irnet_hw import data
from irnet_hw.cli.report import command_train
from irnet_hw.data.metrics import psnr, ssim
from irnet_hw.errors import UserError
from irnet_hw.report.training import write
from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.loop import train
from irnet_hw.train.recipe import load_recipe
from irnet_hw.train.task import enlarged_by
from tests.report.runs import write_run
from tests.report.test_training import TrainPage

SMALL = ["model.image=[8,8,1]", "model.width=4", "model.blocks=1", "batch_size=4", "epochs=2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory, pairs_folder):
    out = tmp_path_factory.mktemp("runs") / "small"
    train(load_recipe("sr-x2", [f"data_folder={pairs_folder}", *SMALL]), out)
    return out


def test_every_set_is_measured_and_the_first_one_shown(run, pairs_folder, tmp_path):
    html, facts = write([run], tmp_path)
    (found,) = json.loads(facts.read_text())["runs"]
    network = load_checkpoint(run / "last.pt").model()
    for name, (pair,) in data.load_pairs(str(pairs_folder), 2, 8).held_out.items():
        enlarged = enlarged_by(network, torch.from_numpy(pair.low)[None, None])
        known = {"network": enlarged, "bicubic": pair.bicubic()}
        assert found["sets"][name] == {
            "images": 1,
            "psnr": {key: psnr(image, pair.high, 2) for key, image in known.items()},
            "ssim": {key: ssim(image, pair.high, 2) for key, image in known.items()},
        }
    assert found["last"]["test_psnr"] == found["sets"]["Set5"]["psnr"]["network"]
    assert found["best"].keys() == {"epoch", "test_psnr"}
    page = TrainPage(html)
    level = found["sets"]["Set5"]["psnr"]["network"]
    for text in (f"network, {level:.2f} dB", "Loss and PSNR", "Set5 1 ", "original"):
        assert text in page.text
    assert "accuracy" not in page.text
    assert len(re.findall("data:image/png", html.read_text())) == 4


def test_the_data_may_have_moved(run, pairs_folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(run, moved)
    recipe = moved / "recipe.toml"
    recipe.write_text(recipe.read_text().replace(str(pairs_folder), str(tmp_path / "gone")))
    with pytest.raises(UserError, match="gone: no such folder"):
        write([moved], tmp_path)
    arguments = [str(moved), "--data-folder", str(pairs_folder)]
    assert CliRunner().invoke(command_train, arguments, catch_exceptions=False).exit_code == 0


def test_tasks_are_reported_apart(run, tmp_path):
    with pytest.raises(UserError) as info:
        write([run, write_run(tmp_path / "digits")], tmp_path)
    assert str(info.value) == (
        "RUN: some runs classify and others enlarge images; report them apart"
    )
