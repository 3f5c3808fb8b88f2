"""Packed pixels from the command line to the driver, against the network's file."""

import numpy as np
import pytest
from click.testing import CliRunner

from irnet_hw import spec
from irnet_hw.artifact import manifest
from irnet_hw.artifact.names import MODEL, SIMULATION
from irnet_hw.artifact.results import read_simulation
from irnet_hw.cli.main import group
from irnet_hw.runtime import Accelerator
from tests.compiler.given import Given, pixels


def signs():
    """One channel; 30 bits leave padding in a frame."""
    net = Given(1, 1, 5, 6).op("Sub", 128.0).sign().conv(4, 3, 1).norm().sign().flatten()
    return net.dense(3)


def channels():
    """Each channel has its own 3-bit codes."""
    net = Given(1, 2, 4, 4).op("Div", 255.0).norm(gamma=[2.0, -1.0], mean=0.5, var=0.1)
    return net.quant(3, 0.5).conv(3, 3, 1).norm().sign().flatten().dense(3)


def dense():
    """Beats cross pixels, and are words of memory."""
    net = Given(1, 1, 16, 16).op("Sub", 100.0).sign().flatten().dense(8).norm().sign()
    return net.dense(3)


@pytest.mark.parametrize(
    ("write", "bits", "size"), [(signs, 1, 4), (channels, 3, 12), (dense, 1, 32)]
)
def test_the_driver_gives_what_the_file_gives(write, bits, size, tmp_path):
    net = write()
    net.model().save(str(tmp_path / "network.onnx"))
    images = pixels(net.entry, 40)
    np.savez(tmp_path / "images.npz", images=images)
    model, folder = str(tmp_path / "network.onnx"), str(tmp_path / "built")
    run("build", "--board", "pynq-z2", "--max-fps", "--packed-pixels", "--out", folder, model)
    (expected,) = spec.run(spec.load(tmp_path / "built" / MODEL), images).values()
    assert len(np.unique(expected, axis=0)) > 2
    with Accelerator(folder, device="sim") as accelerator:
        assert np.array_equal(accelerator.logits(images), expected)
    run("simulate", folder, "--images", str(tmp_path / "images.npz"))
    run("report", folder)
    built = manifest.load(tmp_path / "built")
    assert read_simulation(tmp_path / "built" / SIMULATION, built).differences == 0
    assert built.input.bits == bits * built.input.lanes
    assert built.input.beats * built.input.tdata_bits == 8 * size


def run(*arguments):
    result = CliRunner().invoke(group, arguments)
    assert result.exit_code == 0, result.output
