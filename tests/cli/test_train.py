import os
import signal
import subprocess
import sys
import time

import pytest

from irnet_hw.cli.main import run
from irnet_hw.cli.train import command
from irnet_hw.train.checkpoint import load_checkpoint
from tests.train.conftest import SMALL

SET = [word for assignment in SMALL for word in ("--set", assignment)]


def exit_code(*arguments):
    with pytest.raises(SystemExit) as exit_:
        run(command, args=list(arguments), prog_name="train")
    return exit_.value.code


def test_trains_into_runs(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert exit_code("--recipe", "digits-vgg", *SET, "--set", "name=tiny") == 0
    assert load_checkpoint(tmp_path / "runs" / "tiny" / "last.pt").epoch == 3
    lines = capfd.readouterr().err.splitlines()
    assert lines[-2].startswith("training: 15/15, ")
    accuracy = load_checkpoint(tmp_path / "runs" / "tiny" / "last.pt").metrics["last_test_accuracy"]
    assert "epoch 3/3, loss " in lines[-2]
    assert lines[-2].endswith(f"held-out accuracy {accuracy:.2%}")
    assert lines[-1] == "runs/tiny/last.pt: the network after 3 epochs"


def test_resumes(tmp_path):
    arguments = ["--recipe", "digits-vgg", *SET, "--out", str(tmp_path)]
    assert exit_code(*arguments) == 0
    assert exit_code(*arguments, "--resume") == 0


def test_a_users_error_is_one_line(tmp_path, capfd):
    assert exit_code("--recipe", str(tmp_path / "no.toml")) == 2
    assert capfd.readouterr().err == (
        f"error: {tmp_path / 'no.toml'}: can't be read: No such file or directory\n"
    )


def test_an_output_folder_that_is_a_file(tmp_path, capfd):
    (tmp_path / "file").touch()
    assert exit_code("--recipe", "digits-vgg", *SET, "--out", str(tmp_path / "file")) == 2
    assert capfd.readouterr().err == (
        f"error: {tmp_path / 'file' / 'recipe.toml'}: can't be written: Not a directory\n"
    )


def test_an_interrupt_saves(tmp_path):
    arguments = ["--recipe", "digits-vgg", *SET, "--set", "epochs=100000", "--out", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "irnet_hw.train", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    give_up = time.monotonic() + 300
    while not (tmp_path / "last.pt").is_file():
        assert process.poll() is None and time.monotonic() < give_up
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.splitlines()[-3:] == [
        f"{tmp_path / 'last.pt'} is saved; continue with --resume",
        "",
        "interrupted",
    ]
    assert "Traceback" not in errors
    assert load_checkpoint(tmp_path / "last.pt").epoch >= 1
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
