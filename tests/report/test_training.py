import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from irnet_hw.cli.report import command_train
from irnet_hw.errors import UserError
from irnet_hw.quant import EDE
from irnet_hw.report.training import gradient, write
from tests.report.runs import LAYERS, write_run
from tests.report.test_report import Page


class TrainPage(Page):
    VOID = Page.VOID | {"polyline", "circle"}


def written(folders, out=None):
    page, data = write(folders, out)
    return TrainPage(page), json.loads(data.read_text())


def test_one_run(tmp_path):
    folder = write_run(tmp_path / "digits", 5)
    page, data = written([folder])
    assert {path.name for path in folder.glob("train-report.*")} == {
        *("train-report.html", "train-report.json"),
    }
    for text in (
        "Training of digits",
        "Test accuracy is that of the last epoch, on the whole test set. The best epoch was "
        "chosen on the test images, so its accuracy is optimistic.",
        "digits-vgg 0 5 60.00 % 75.00 %, epoch 2 40.00 % 1,003",
        "Training loss",
        "EDE, t from 0.1 to 10.0",
        "epoch 1: t = 0.1, k = 10",
        *LAYERS,
    ):
        assert text in page.text
    (run,) = data["runs"]
    assert run["name"] == "digits"
    assert run["epochs"] == {"done": 5, "planned": 5}
    assert run["last"]["test_accuracy"] == 0.6
    assert run["best"] == {"epoch": 2, "test_accuracy": 0.75}
    assert run["images_per_second"] == 1003
    assert [layer["layer"] for layer in run["layers"]] == list(LAYERS)
    assert len(run["ede"]["t"]) == len(run["ede"]["k"]) == 5
    assert data["differences"] == {}


def test_several_runs_and_what_differs(tmp_path):
    folders = [
        write_run(tmp_path / "both", 5),
        write_run(tmp_path / "plain", 3, "model.libra=false", "model.ede=false"),
        write_run(tmp_path / "slow", 4, "learning_rate=0.01", "seed=7", "name=slow"),
        write_run(tmp_path / "late", 4, "t_min=0.001"),
    ]
    page, data = written(folders, tmp_path / "out")
    assert data["differences"] == {
        "learning_rate": [0.1, 0.1, 0.01, 0.1],
        "t_min": [0.1, 0.1, 0.1, 0.001],
        "model.libra": [True, False, True, True],
        "model.ede": [True, False, True, True],
    }
    for text in (
        "4 training runs",
        "both digits-vgg 0.1 0.1 true true 0 5 60.00 %",
        "plain digits-vgg 0.1 0.1 false false 0 3 of 5 62.50 %",
        "slow slow 0.01 0.1 true true 7 4 of 5 70.00 %",
        "EDE, t from 0.1 to 10.0: both, slow",
        "EDE, t from 0.001 to 10.0: late",
        "plain: no EDE; the gradient is 1 from −1 to 1 and 0 beyond, in every epoch.",
    ):
        assert text in page.text
    assert data["runs"][1]["ede"] is False


def test_pages_need_nothing_from_elsewhere(tmp_path):
    page, _ = write([write_run(tmp_path / "run")])
    content = page.read_text()
    for word in ("<script", "http://", "https://", "@import", "url("):
        assert word not in content


def test_a_run_after_its_first_epoch(tmp_path):
    page, data = written([write_run(tmp_path / "run", 1)])
    assert "0 1 of 5 50.00 % 50.00 %, epoch 1" in page.text
    assert data["runs"][0]["best"]["epoch"] == 1


def test_runs_of_the_same_name_are_told_apart_by_their_paths(tmp_path):
    folders = [write_run(tmp_path / name / "run") for name in ("a", "b")]
    _, data = written(folders, tmp_path)
    assert [run["name"] for run in data["runs"]] == [str(folder) for folder in folders]


def test_different_networks(tmp_path):
    other = write_run(tmp_path / "other", 4, "model.precision=paper", "model.hidden=[5]")
    page, data = written([write_run(tmp_path / "one"), other], tmp_path)
    assert data["differences"] == {
        "model.hidden": [[], [5]],
        "model.precision": ["hardware", "paper"],
    }
    assert '[5] "paper"' in page.text


def refusal(folders):
    with pytest.raises(UserError) as error:
        write(folders)
    return str(error.value)


def test_the_same_run_twice(tmp_path):
    folder = write_run(tmp_path / "run")
    again = folder / ".." / "run"
    assert refusal([folder, again]) == f"RUN: {folder}, {again}: each run must be given once"


def test_more_runs_than_colours(tmp_path):
    assert refusal([tmp_path / str(i) for i in range(9)]) == "RUN: 9 runs, must be at most 8"


def test_a_damaged_run_leaves_no_report(tmp_path):
    folder = write_run(tmp_path / "run")
    (folder / "metrics.csv").unlink()
    assert (
        refusal([folder]) == f"{folder / 'metrics.csv'}: can't be read: No such file or directory"
    )
    assert not list(folder.glob("train-report*"))


def test_the_drawn_gradient_is_the_quantizers():
    x = torch.linspace(-3, 3, 101, requires_grad=True)
    ede = EDE()
    ede.t.fill_(2.0)
    ede.k.fill_(1.5)
    ede(x).sum().backward()
    found = gradient(x.detach().double().numpy(), 2.0, 1.5)
    assert np.allclose(found, x.grad.numpy(), atol=1e-6)
    assert math.isclose(found.max(), 3.0)


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = [str(write_run(tmp_path / name)) for name in ("a", "b")]
    result = CliRunner().invoke(command_train, folders)
    assert result.exit_code == 0
    assert result.stderr == "wrote train-report.html and train-report.json\n"
    assert (tmp_path / "train-report.html").is_file()


@pytest.mark.parametrize("command", ["train-report", "pack"])
def test_help_does_not_wait_for_torch(command):
    code = (
        "import sys\n"
        "from irnet_hw.cli import main as cli\n"
        f"try: cli.group.main(['{command}', '--help'])\n"
        "except SystemExit: print('torch' in sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "False"
