"""The table of accuracies, on drawn images."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.accuracy import main, markdown
from irnet_hw.train.checkpoint import load_checkpoint
from tests.data.photographs import mnist_files, parts, write_cifar10, write_files

ROOT = Path(__file__).parents[2]

RESNET20 = [
    *("batch_size=10", "threads=1", "compile=false", "bf16=false"),
    *("model.widths=[4,8]", "model.blocks=[1,1]"),
    *("resnet20:epochs=2", "resnet20-hardware:epochs=1", "resnet20-rounded:epochs=1"),
]
TFC = ["batch_size=20", "threads=1", "epochs=2", "model.hidden=[8,8]"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_cifar10(folder / "cifar10")
    write_files(folder / "mnist", mnist_files(parts(shape=(28, 28, 1))))
    return folder


def run(row, images, out, keys, *options):
    keys = [word for key in keys for word in ("--set", key)]
    arguments = ["--rows", row, "--data", str(images), "--out", str(out), *keys, *options]
    return CliRunner().invoke(main, arguments)


def entry(out, row):
    return json.loads((out / "accuracy.json").read_text())["rows"][row]


def cells(out):
    (line,) = (out / "accuracy.md").read_text().splitlines()[2:]
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_a_row_of_three_recipes_stops_at_its_budget_and_goes_on(tmp_path, images):
    spent = run("resnet20", images, tmp_path, RESNET20, "--budget", "0")
    assert spent.exit_code == 0, spent.output
    assert entry(tmp_path, "resnet20")["runs"] == []
    assert cells(tmp_path) == ["ResNet-20 1/1", *[""] * 5, "86.5% (IR-Net)", "", "", ""]
    done = run("resnet20", images, tmp_path, RESNET20, "--images", "0")
    assert done.exit_code == 0, done.output
    assert "resnet20: 2 of 2 epochs left, each 4 steps of " in done.stderr
    assert "resnet20-hardware: 1 of 1 epochs left" in done.stderr
    paper, hardware, rounded = (
        load_checkpoint(tmp_path / name / "last.pt")
        for name in ("resnet20", "resnet20-hardware", "resnet20-rounded")
    )
    assert rounded.recipe.start == str(tmp_path / "resnet20-hardware" / "last.pt")
    assert hardware.recipe.start == str(tmp_path / "resnet20" / "last.pt")
    first, second, third = entry(tmp_path, "resnet20")["runs"]
    precisions = [run["precision"] for run in (first, second, third)]
    assert precisions == ["paper", "hardware", "hardware"]
    assert (first["epochs"], first["planned"], second["epochs"]) == (2, 2, 1)
    assert first["changes"]["model.widths"] == "[4, 8]"
    accuracy, best = (paper.metrics[f"{which}_test_accuracy"] for which in ("last", "best"))
    found = cells(tmp_path)
    assert found[2:6] == [
        "0",
        "2 of 2, then 1 of 1, then 1 of 1",
        f"{accuracy:.2%}",
        f"{best:.2%} ({paper.metrics['best_epoch']})",
    ]
    assert found[7:] == [f"{rounded.metrics['last_test_accuracy']:.2%}", "", ""]
    again = run("resnet20", images, tmp_path, RESNET20, "--images", "0")
    assert "resnet20: all 2 epochs are done" in again.stderr
    assert load_checkpoint(tmp_path / "resnet20" / "last.pt").metrics == paper.metrics


def test_a_finished_network_is_simulated(tmp_path, images):
    done = run("tfc", images, tmp_path, TFC, "--images", "5")
    assert done.exit_code == 0, done.output
    proof = entry(tmp_path, "tfc")["proof"]
    assert proof["qonnx"]["images"] == 20
    assert proof["rtl"]["images"] == 5
    assert proof["rtl"]["values that differ from QONNX's"] == 0
    assert cells(tmp_path)[8:] == [
        f"{proof['qonnx']['accuracy']:.2%} of 20",
        f"{proof['rtl']['accuracy']:.2%} of 5",
    ]
    again = run("tfc", images, tmp_path, TFC, "--images", "5")
    assert "simulating" not in again.stderr
    assert entry(tmp_path, "tfc")["proof"] == proof


@pytest.mark.parametrize(
    ("rows", "keys", "message"),
    [
        ("resnet21", [], "--rows: 'resnet21', must be some of resnet20, resnet20-1w32a, "),
        ("tfc", ["cnv:epochs=1"], "--set cnv:epochs=1: cnv is not a recipe of these rows"),
        ("tfc", ["seed=1", *TFC], "was trained with seed = 0 (now 1); --resume needs "),
    ],
)
def test_refuses(tmp_path, images, rows, keys, message):
    if "seed=1" in keys:
        run(rows, images, tmp_path, TFC, "--images", "0")
    found = run(rows, images, tmp_path, keys)
    assert found.exit_code == 1
    assert message in found.stderr


def test_the_readmes_table_is_of_our_runs():
    rows = json.loads((ROOT / "benchmarks" / "training" / "accuracy.json").read_text())["rows"]
    assert markdown(rows) in (ROOT / "README.md").read_text()
