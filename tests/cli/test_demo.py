"""End to end: a tiny network through the public commands and through the demo."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from irnet_hw.cli import demo
from irnet_hw.report.facts import gather
from irnet_hw.runtime import package
from irnet_hw.train.recipe import load_recipe
from tests.report import example

ROOT = Path(__file__).parent.parent.parent
TINY = ("epochs=2", "model.widths=[4, 4]", "model.pools=[false, true]", "batch_size=128")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which every command has run, and the output of each command."""
    folder = tmp_path_factory.mktemp("path")
    settings = [word for value in TINY for word in ("--set", value)]
    commands = {
        "train": ["irnet_hw.train", "--recipe", "digits-vgg", *settings],
        "export": ["irnet_hw.cli.main", "export", "runs/digits-vgg/last.pt"],
        "build": [
            *("irnet_hw.cli.main", "build", "--board", "zcu104", "--target-fps", "20000"),
            *("--out", "built", "runs/digits-vgg/model.onnx"),
        ],
        "simulate": [
            *("irnet_hw.cli.main", "simulate", "built", "--images", "runs/digits-vgg/heldout.npz"),
        ],
        "report": ["irnet_hw.cli.main", "report", "built"],
    }
    printed = {}
    for name, command in commands.items():
        result = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{name}:\n{result.stdout}\n{result.stderr}"
        printed[name] = result.stdout
    return folder, printed


def test_every_image_is_bit_exact(finished):
    folder, printed = finished
    simulation = json.loads((folder / "built" / "simulation.json").read_text())
    assert simulation["images"] == 360
    assert simulation["logits_compared"] == 3600
    assert simulation["differences"] == 0
    assert printed["simulate"].startswith("360 images: 3600 logits and ")


def test_accuracy_is_the_same_at_every_station(finished):
    folder, _ = finished
    report = json.loads((folder / "built" / "report.json").read_text())
    assert [row["who"] for row in report["accuracy"]] == [
        "PyTorch, after training",
        "QONNX, at export",
        "QONNX, in this simulation",
        "RTL, simulated",
    ]
    _, *exact = {row["who"]: row["accuracy"] for row in report["accuracy"]}.values()
    assert len(set(exact)) == 1
    assert {row["images"] for row in report["accuracy"]} == {360}


def test_model_states_the_cycles_that_the_simulation_takes(finished):
    folder, _ = finished
    throughput = json.loads((folder / "built" / "report.json").read_text())["throughput"]
    cycles = throughput["cycles_per_frame"]
    assert cycles["model"] == cycles["sim"]
    assert throughput["frames_per_second"]["sim"] >= 20000


def test_demo_twice_into_one_folder(tmp_path):
    recipe = load_recipe("digits-vgg", TINY)
    for _ in range(2):
        result = demo.demo(recipe, tmp_path / "demo", "pynq-z2", 20000.0)
    assert list(result["seconds"]) == [
        "train",
        "export",
        "build",
        "simulate",
        "synthesise",
        "report",
        "package",
    ]
    assert result["report"]["verdict"]["bit_exact"] is True
    assert set(result["report"]["area"]["LUT"]) == {*("title", "board", "usable", "model", "synth")}
    assert json.loads((tmp_path / "demo" / "demo.json").read_text()) == result
    assert (tmp_path / "demo" / "accelerator" / "report.html").is_file()
    with package.opened(tmp_path / "demo" / "accelerator.zip") as unpacked:
        assert package.load(unpacked).name == "digits-vgg"
        with np.load(unpacked / "golden.npz") as golden:
            assert golden["images"].shape == (64, 8, 8, 1)
    assert "Bit-exact: 360 images, 3,600 logits, 0 differences; " in demo.table(result)


def test_table(tmp_path):
    facts = gather(example.write_folder(tmp_path / "build"))
    table = demo.table({"seconds": {"train": 10.0, "export": 2.5}, "report": facts})
    assert table == (
        "\n"
        "tiny on pynq-z2 at 100 MHz\n"
        "Bit-exact: 4 images, 8 logits, 0 differences; between layers 1,152 values of 4 images, "
        "0 differences.\n"
        "\n"
        "PyTorch, after training    75.00% of 4 images\n"
        "QONNX, at export           75.00% of 4 images\n"
        "QONNX, in this simulation  75.00% of 4 images\n"
        "RTL, simulated             75.00% of 4 images\n"
        "logits compared            8 of 4 images\n"
        "differences                0\n"
        "cycles a frame             144 (model), 144 (sim)\n"
        "frames a second            694,444 (model), 694,444 (sim)\n"
        "latency in cycles          180 (model), 170 (sim)\n"
        "LUT                        2,468 (model), 2,600 (synth) of 53,200\n"
        "FF                         400 (model), 420 (synth) of 106,400\n"
        "BRAM18                     0 (model), 2 (synth) of 280\n"
        "DSP                        4 (model), 4 (synth) of 220\n"
        "time to train              10.0 s\n"
        "time to export             2.5 s\n"
        "total time                 12.5 s"
    )


def test_a_difference_ends_in_1(tmp_path, monkeypatch):
    facts = gather(example.write_folder(tmp_path / "build", differences=2))
    monkeypatch.setattr(demo, "demo", lambda *_: {"seconds": {}, "report": facts})
    result = CliRunner().invoke(demo.command, ["--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "NOT bit-exact: 4 images, 8 logits, 2 differences" in result.output
    assert result.output.endswith(
        f"\n\nreport: {tmp_path}/accelerator/report.html\npackage: {tmp_path}/accelerator.zip\n"
    )
