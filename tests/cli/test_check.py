"""``irnet-hw check``: what it prints, and its exit codes."""

import numpy as np
import pytest
from click.testing import CliRunner

from irnet_hw.cli.check import command
from irnet_hw.errors import UserError
from tests.compiler.given import Given


def good():
    net = Given(1, 1, 5, 5).op("Sub", 128.0).conv(2).norm().sign().flatten()
    return net.dense(3)


def check(net, tmp_path, *options):
    """Run the command on a network; return the lines that it printed, and its error."""
    path = tmp_path / "network.onnx"
    net.model().save(str(path))
    found = CliRunner().invoke(command, [str(path), *options])
    assert found.exception is None or isinstance(found.exception, UserError)
    error = str(found.exception or "").replace(f"{tmp_path}/", "")
    return found.stderr.replace(f"{tmp_path}/", "").splitlines(), error


def test_a_network_that_can_be_built(tmp_path):
    assert check(good(), tmp_path) == (["network.onnx: can be built"], "")
    assert not [path for path in tmp_path.iterdir() if path.name != "network.onnx"]


def test_one_problem(tmp_path):
    (line,), error = check(good().node("Hardmax", axis=1), tmp_path)
    assert line.startswith("1. node hardmax")
    assert "(Hardmax): is not supported after the last layer" in line
    assert error == "network.onnx: can't be built because of 1 problem"


def test_all_problems_at_once(tmp_path):
    """A convolution of floats, one of wide codes, and a branch of neither."""
    net = Given(1, 2, 8, 8).op("Sub", 128.0)
    net.conv(2, scale=0.37)
    name = net.constant(net.random.normal(size=(2, 2, 3, 3)))
    net.nodes[-1].input[1] = name
    net.norm().sign()
    net.conv(2).norm().conv(2).norm().sign().node("InstanceNormalization", *norm(net)).sign()
    lines, error = check(net.flatten().dense(3), tmp_path)
    assert [line.split(" (")[0].rstrip("0123456789") for line in lines] == [
        "1. node conv",
        "2. tensor batchnormalization7_out, of node batchnormalization",
        "3. node instancenormalization",
    ]
    assert error == "network.onnx: can't be built because of 3 problems"


def norm(net):
    return [net.constant(np.ones(net.shape[1])) for _ in range(2)]


def test_the_scale_of_pixels_counts(tmp_path):
    net = Given(1, 1, 4, 4).op("Mul", 2.0**60).conv(2).sign().flatten().dense(2)
    assert check(net, tmp_path) == (["network.onnx: can be built"], "")
    (line,), _ = check(net, tmp_path, "--input-scale", str(2**60))
    assert "must be 2^-126 to 2^103" in line


@pytest.mark.parametrize("scale", ["0", "dark"])
def test_a_wrong_scale(scale, tmp_path):
    _, error = check(good(), tmp_path, "--input-scale", scale)
    assert error.startswith(f"input-scale: {scale}, must be ")
