"""The measurements of what was found after IR-Net, on drawn images."""

import json

import pytest
from click.testing import CliRunner

from benchmarks.beyond import VARIANTS, main, markdown
from irnet_hw.train.checkpoint import load_checkpoint
from tests.data.photographs import write_cifar10

KEYS = [
    *("batch_size=20", "threads=1", "compile=false", "bf16=false"),
    *("model.widths=[2,4]", "model.blocks=[1,1]"),
]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_cifar10(folder / "cifar10")
    return folder


def run(images, out, *options):
    keys = [word for key in KEYS for word in ("--set", key)]
    arguments = ["--data", str(images), "--out", str(out), "--epochs", "4", *keys, *options]
    return CliRunner().invoke(main, arguments)


def test_every_variant_trains_as_long_and_otherwise(tmp_path, images):
    done = run(images, tmp_path)
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "beyond.json").read_text())["rows"]
    assert [row["variant"] for row in rows] == list(VARIANTS)
    assert {row["images"] for row in rows} == {20}
    assert done.stdout == markdown(rows)
    found = {path.parent.name: load_checkpoint(path) for path in tmp_path.glob("*/last.pt")}
    steps = {
        step.name or f"{name} {i}" for name, all_ in VARIANTS.items() for i, step in enumerate(all_)
    }
    assert len(found) == len(steps)
    assert found["teacher-1-4-0"].recipe.teacher == str(tmp_path / "float-4-0" / "last.pt")
    assert found["from-float-1-4-0"].recipe.start == str(tmp_path / "float-4-0" / "last.pt")
    assert [found[f"two-stages-{i}-4-0"].epoch for i in (0, 1)] == [2, 2]
    states = [checkpoint.state_dict for checkpoint in found.values()]
    weights = [tuple(state["stage0.0.body.conv0.weight"].flatten().tolist()) for state in states]
    assert len(set(weights)) == len(found)


def test_a_second_seed_joins_the_first(tmp_path, images):
    for seed in ("0", "1"):
        assert run(images, tmp_path, "--variants", "irnet,gain", "--seeds", seed).exit_code == 0
    rows = json.loads((tmp_path / "beyond.json").read_text())["rows"]
    assert [(row["variant"], row["seed"]) for row in rows] == [
        (name, seed) for seed in (0, 1) for name in ("irnet", "gain")
    ]


def test_the_table_compares_the_same_seeds():
    rows = [
        {"variant": name, "epochs": 20, "seed": seed, "accuracy": accuracy}
        for name, seed, accuracy in (
            ("irnet", 0, 0.7),
            ("irnet", 1, 0.72),
            ("irnet", 2, 0.1),
            ("gain", 0, 0.71),
            ("gain", 1, 0.75),
        )
    ]
    assert markdown(rows).splitlines()[3] == "| gain, 20 epochs | 0, 1 | 73.00% | +2.00 points |"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--variants", "gains"), "--variants: 'gains', must be some of irnet, "),
        (("--seeds", "a"), "--seeds: a, must be integers, such as 0,1,2"),
    ],
)
def test_refuses(tmp_path, images, options, message):
    found = run(images, tmp_path, *options)
    assert found.exit_code == 1
    assert message in found.stderr
