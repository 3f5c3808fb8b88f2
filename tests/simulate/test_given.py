"""Networks of other exporters in Verilator, behind the driver, against their files' run."""

import numpy as np
import pytest
from onnx import TensorProto

from irnet_hw import spec
from irnet_hw.artifact.names import MODEL
from irnet_hw.compiler.pipeline import build
from irnet_hw.runtime import Accelerator, tail
from tests.compiler.given import Given, pixels


def pools():
    """Signs for weights, two bits for activations, pools that overlap, pixels as ToTensor's."""
    net = Given(1, 2, 7, 6).op("Div", 255.0).quant(8, 2.0**-7).conv(4, 3, 1, scale=0.1)
    net.norm(mean=0.0, var=0.02).node("Relu").pool("MaxPool", 3, 2, 1).quant(2, 0.5, signed=0)
    net.conv(4, 2, scale=0.1).norm(mean=0.1, var=0.05).quant(2, 0.5).pool(
        "AveragePool", 2, 1
    ).flatten("1,-1")
    return net.dense(5, bits=2)


def branches():
    """Channels are joined, and signs are added, in an image whose sides differ."""
    net = Given(1, 1, 5, 6).op("Sub", 128.0).conv(2, 3, 1).norm().sign()
    first = net.here
    net.conv(3, 3, 1).norm().sign()
    net.concat(first).conv(5, 1).norm().sign()
    skip = net.here
    net.conv(5, 3, 1, group=5).norm().sign().add(skip)
    return net.quant(2, 1.0).flatten().dense(3)


def signal():
    """One axis, a kernel that is dilated, and classes as the output."""
    net = Given(1, 2, 14).op("Sub", 127.0).sign().conv(4, 3, 2, dilation=2).norm().sign()
    net.pool("MaxPool", 3, 2).conv(3, 2, stride=2, bits=2).norm(mean=0.0).sign().flatten()
    net.dense(4).norm().node("ArgMax", axis=1, keepdims=0, shape=[1])
    net.type = TensorProto.INT64
    return net


def vector():
    """Dense layers of both kinds, and a tail of float32."""
    net = Given(1, 12).op("Mul", 1 / 255).norm(mean=0.5, var=0.05).quant(4, 0.25)
    net.dense(8, bits=2, scale=0.5).norm(mean=0.0).sign().dense(6, "MatMul").op("Sub", 0.5).sign()
    return net.dense(3, bias=[0.3, -1.1, 0.7]).norm().node("Softmax", axis=1)


def residuals():
    """Codes of other scales are added: once as pairs for a table, once multiplied by tables."""
    net = Given(1, 1, 5, 4).op("Sub", 128.0).conv(2, 3, 1).norm().sign()
    for bits, scale, signed, level in ((4, 0.41, 0, 2.0), (8, 0.0413, 1, 0.3)):
        start = net.here
        skip = net.conv(2, 3, 1).norm().quant(bits, 0.75 * scale - 0.001, signed=signed).here
        net.back(start).conv(2, 3, 1).norm().quant(bits, scale, signed=signed).add(skip)
        net.op("Sub", level).sign()
    return net.flatten().dense(3)


@pytest.mark.parametrize("write", [pools, branches, residuals, signal, vector])
def test_the_driver_gives_what_the_file_gives(write, tmp_path):
    net = write()
    net.model().save(str(tmp_path / "network.onnx"))
    built = build(tmp_path / "network.onnx", "pynq-z2", tmp_path / "built", 100_000.0)
    images = pixels(net.entry, 12)
    (expected,) = spec.run(spec.load(tmp_path / "built" / MODEL), images).values()
    assert len(np.unique(expected, axis=0)) > 2
    with Accelerator(tmp_path / "built", device="sim") as accelerator:
        found = accelerator.logits(images)
    assert tail.equal(built.tail, found, expected).all()
