"""Training in a folder that is not empty."""

import dataclasses
import subprocess
import sys

import pytest

from irnet_hw.errors import UserError
from irnet_hw.files import claimed
from irnet_hw.train import table
from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.folder import run_folder
from irnet_hw.train.loop import train
from tests.train.test_loop import interrupt_after

#: Holds a folder as a training does, until its input ends.
HOLD = """
import sys
from pathlib import Path
from irnet_hw.train.recipe import load_recipe
from irnet_hw.train.folder import run_folder
with run_folder(Path(sys.argv[1]), load_recipe("digits-vgg"), False, False):
    print("held", flush=True)
    sys.stdin.read()
"""


def refused(*arguments, **options):
    with pytest.raises(UserError) as error:
        train(*arguments, **options)
    return str(error.value)


def test_a_finished_run_is_not_lost(small, tmp_path):
    last = train(small, tmp_path)
    before = last.read_bytes()
    assert refused(small, tmp_path) == (
        f"{last}: belongs to a finished run of 3 epochs; use --resume with more epochs to extend "
        "it, --force to start over, or --out for another folder"
    )
    assert last.read_bytes() == before


def test_an_unfinished_run_is_not_lost(small, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(7, patch)
        train(small, tmp_path)
    assert refused(small, tmp_path) == (
        f"{tmp_path / 'last.pt'}: belongs to a run with 1 of 3 epochs done; use --resume to "
        "continue it, --force to start over, or --out for another folder"
    )


def test_force_starts_over_and_keeps_other_files(small, tmp_path):
    train(small, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    again = load_checkpoint(train(dataclasses.replace(small, epochs=1), tmp_path, force=True))
    assert [row["epoch"] for row in again.metrics["history"]] == [1]
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 2
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_resuming_with_more_epochs_extends_the_run(small, tmp_path, capsys):
    train(small, tmp_path)
    longer = dataclasses.replace(small, epochs=5)
    history = load_checkpoint(train(longer, tmp_path, resume=True)).metrics["history"]
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5]
    for epoch, row in enumerate(history):
        recipe = small if epoch < 3 else longer
        assert row["learning_rate"] == recipe.rate(epoch, 0)
        assert (row["t"], row["k"]) == recipe.ede()(epoch)
    assert "epochs = 5\n" in (tmp_path / "recipe.toml").read_text()
    assert (
        "epochs: 5, raised from 3; from here on the learning rate and EDE's gradient follow the "
        "schedule of 5 epochs" in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["last.pt", "best.pt", "metrics.csv", "weights.csv"])
def test_others_files_are_not_overwritten(small, tmp_path, name):
    (tmp_path / name).write_text("mine")
    for resume in (False, True):
        assert refused(small, tmp_path, resume=resume) == (
            f"{tmp_path / name}: was not written by irnet-hw, or was changed since; choose another "
            "place, or overwrite it with --force"
        )
    assert [path.name for path in tmp_path.iterdir()] == [name]
    train(small, tmp_path, force=True)


def test_a_recipe_with_comments_is_not_overwritten(small, tmp_path):
    text = table.write(table.table(small))
    path = tmp_path / "recipe.toml"
    path.write_text("# why\n" + text)
    assert refused(dataclasses.replace(small, seed=5), tmp_path).startswith(f"{path}: was not ")
    train(small, tmp_path)
    assert path.read_text() == "# why\n" + text


def test_a_folder_in_the_place_of_a_file(small, tmp_path):
    (tmp_path / "last.pt").mkdir()
    assert refused(small, tmp_path, force=True) == (
        f"{tmp_path / 'last.pt'}: is a folder, must be a file"
    )


def test_a_run_without_its_last_checkpoint_is_not_lost(small, tmp_path):
    train(small, tmp_path).unlink()
    assert refused(small, tmp_path).startswith(
        f"{tmp_path}: contains best.pt of a run, but no last"
    )


def test_a_recipe_written_before_a_key_was_added_is_ours(small, tmp_path):
    lines = table.write(table.table(small)).splitlines(keepends=True)
    (tmp_path / "recipe.toml").write_text(
        "".join(line for line in lines if not line.startswith("nesterov"))
    )
    with run_folder(tmp_path, dataclasses.replace(small, seed=5), resume=True, force=False):
        pass


@pytest.mark.slow
def test_two_trainings_in_one_folder(small, tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert other.stdout.readline() == b"held\n"
    for options in ({}, {"resume": True}, {"force": True}):
        assert refused(small, tmp_path / "run", **options) == (
            f"{tmp_path / 'run' / 'recipe.toml'}: another irnet-hw process is working there; wait "
            "until it is done, or choose another place"
        )
    other.kill()
    other.wait()
    # A lock dies with its process, and nothing of it is left.
    train(small, tmp_path / "run")
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]


def test_a_lock_of_another_station_is_no_obstacle(small, tmp_path):
    with claimed(tmp_path, {"train-report.html": bool}):
        train(small, tmp_path)
