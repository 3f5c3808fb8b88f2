"""Several processes training together give the result of one process."""

import os
import subprocess
import sys

import pytest
import torch

from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.loop import train
from irnet_hw.train.recipe import load_recipe

#: One epoch of one step, after which the momentum equals the gradient.
ONE_STEP = [
    *("epochs=1", "batch_size=1436", "weight_decay=0"),
    *("model.widths=[8,8]", "model.pools=[true,true]"),
]


def run(module, assignments, out, environment=None):
    """Run a training like ``python -m`` does, and return how it ended."""
    words = [word for assignment in assignments for word in ("--set", assignment)]
    return subprocess.run(
        [sys.executable, "-m", *module, "--recipe", "digits-vgg", "--out", str(out), *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Return the checkpoint of two processes that shared every batch."""
    out = tmp_path_factory.mktemp("together")
    launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]
    process = run([*launcher, "irnet_hw.train"], ONE_STEP, out)
    assert process.returncode == 0, process.stderr
    assert process.stderr.count("the network after 1 epochs") == 1
    return load_checkpoint(out / "last.pt")


def test_two_processes_have_the_gradients_of_one_with_the_doubled_batch(together, tmp_path):
    alone = load_checkpoint(train(load_recipe("digits-vgg", ONE_STEP), tmp_path))
    for index, state in alone.optimizer["state"].items():
        gradient = state["momentum_buffer"]
        found = together.optimizer["state"][index]["momentum_buffer"]
        assert gradient.abs().max() > 0
        torch.testing.assert_close(found, gradient, rtol=0, atol=1e-4 * float(gradient.abs().max()))
    for name, value in alone.state_dict.items():
        torch.testing.assert_close(together.state_dict[name], value, rtol=1e-4, atol=1e-5)


def test_two_processes_report_what_one_does(together, tmp_path):
    alone = load_checkpoint(train(load_recipe("digits-vgg", ONE_STEP), tmp_path))
    for key, value in alone.metrics["history"][0].items():
        if key != "images_per_second":
            assert together.metrics["history"][0][key] == pytest.approx(value, rel=1e-4), key


def test_the_batch_must_be_shared_evenly(tmp_path):
    environment = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "1"}
    process = run(["irnet_hw.train"], ["batch_size=63"], tmp_path, environment)
    assert process.returncode == 2
    assert process.stderr.splitlines()[-1] == (
        "error: batch_size: 63, must be a multiple of the 2 processes that share it"
    )
