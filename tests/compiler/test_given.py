"""Networks as other exporters write them, built as they are: no value may differ."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from irnet_hw import spec
from irnet_hw.artifact.names import GIVEN, MODEL
from irnet_hw.compiler.emission.reference import dataflow_run
from irnet_hw.compiler.front import with_input_scale
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError
from irnet_hw.runtime import tail
from tests.compiler.given import Given, pixels
from tests.compiler.random_given import network

IMAGE = (1, 3, 6, 7)
CHANNELS = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def same(net: Given, path: Path, moved: bool = False, scale: Fraction | None = None) -> None:
    """Build a network, and compare its output with the file's; the build compares all streams.

    Args:
        net: the network.
        path: an empty folder.
        moved: whether the specification has scales behind layers, so that the file is another one.
        scale: of pixels.
    """
    file = path / "network.onnx"
    net.model().save(str(file))
    built = build(file, "zcu104", path / "built", 1.0, input_scale=scale)
    right = spec.load(path / "built" / MODEL)
    if not moved:
        right = with_input_scale(spec.load(file), scale)
    assert (path / "built" / GIVEN).exists() == (moved or scale is not None)
    images = pixels(net.entry)
    (expected,) = spec.run(right, images).values()
    assert len(np.unique(expected, axis=0)) > 1, "the images must differ"
    found = tail.outputs(built, dataflow_run(path / "built", images)[-1])
    assert tail.equal(built.tail, found, expected).all()


Change = Callable[[Given], object]


def ended(net: Given) -> Given:
    """Add a binary layer and the classes."""
    if len(net.shape) > 2:
        net.conv(4).norm().sign().flatten()
    else:
        net.dense(5, "MatMul").norm().sign()
    return net.dense(3)


def both(name: str, write: Change, moved: bool = False, **more: object) -> object:
    return pytest.param(write, moved, id=name, **more)


# ------------------------------------------------------------------ input

INPUTS = [
    both("pixels", lambda net: net.conv(4).norm().sign(), False),
    both("255ths", lambda net: net.op("Div", 255.0).conv(4).norm().sign(), True),
    both("255ths by a factor", lambda net: net.op("Mul", 1 / 255).conv(4).norm().sign(), True),
    both("256ths", lambda net: net.op("Div", 256.0).conv(4).norm().sign()),
    both("less 128", lambda net: net.op("Sub", 128.0).op("Mul", 2.0**-7).conv(4).norm().sign()),
    both(
        "2x - 1",
        lambda net: net.op("Div", 255.0).op("Mul", 2.0).op("Sub", 1.0).conv(4).norm().sign(),
        True,
    ),
    both("normalised, 8 bits", lambda net: normalised(net).quant(8, 2.0**-5)),
    both("normalised, 8 bits of 0.02", lambda net: normalised(net).quant(8, 0.02), True),
    both("normalised, 4 bits", lambda net: normalised(net).quant(4, 0.25)),
    both("normalised, 2 bits", lambda net: normalised(net).quant(2, 1.0, narrow=1)),
    both("normalised, signs", lambda net: normalised(net).sign()),
    both("BN, 8 bits", lambda net: net.op("Div", 255.0).norm().quant(8, 2.0**-4)),
    both("BN, signs", lambda net: net.op("Div", 255.0).norm(mean=0.5).sign()),
    both("half a step", lambda net: net.op("Sub", 127.5).conv(4, bits=4).norm().sign()),
    both("8 bits, unsigned", lambda net: net.op("Div", 255.0).quant(8, 2.0**-8, signed=0)),
    both("8 bits with a zero point", lambda net: net.quant(8, 1.0, signed=0, zero=100.0)),
    both("offset before a pool", lambda net: net.op("Sub", 99.0).pool("AveragePool", 2).sign()),
    both("offset before a max-pool", lambda net: net.op("Sub", 99.0).pool("MaxPool", 2)),
    both("grows and falls", lambda net: net.op("Sub", 100.0).node("Abs").quant(4, 16.0)),
    both("signs of falling pixels", lambda net: net.op("Mul", -1.0).op("Add", 99.0).sign()),
]


def normalised(net: Given) -> Given:
    mean, deviation = (values[: net.shape[1]] for values in CHANNELS)
    return net.op("Div", 255.0).op("Sub", mean).op("Div", deviation)


@pytest.mark.parametrize(("write", "moved"), INPUTS)
def test_input(write: Change, moved: bool, tmp_path: Path) -> None:
    net = Given(*IMAGE)
    write(net)
    same(ended(net), tmp_path, moved)


@pytest.mark.parametrize("shape", [(1, 1, 8, 5), (1, 2, 5, 12), (1, 1, 20), (1, 3, 11)], ids=str)
@pytest.mark.parametrize("form", ["signs", "8 bits"])
def test_grey_images_and_signals(shape: tuple[int, ...], form: str, tmp_path: Path) -> None:
    net = Given(*shape).op("Sub", 128.0)
    net = net.sign() if form == "signs" else net.op("Mul", 2.0**-7)
    net.conv(4, 3, 1).norm().sign().pool("MaxPool", 2, 1).conv(5, 2, stride=2).norm().sign()
    same(net.flatten("1,-1").dense(3), tmp_path)


@pytest.mark.parametrize(
    ("write", "moved"),
    [
        both("pixels", lambda net: net.dense(6).norm().sign()),
        both("255ths", lambda net: net.op("Div", 255.0).dense(6).norm().sign(), True),
        both("bits", lambda net: net.op("Sub", 0.5).sign().dense(6).norm().sign()),
        both("few bits", lambda net: net.quant(2, 1.0, signed=0).dense(6, bits=2).norm().sign()),
        both("per element", lambda net: net.op("Sub", np.arange(90.0, 99.0)).sign()),
    ],
)
def test_vectors(write: Change, moved: bool, tmp_path: Path) -> None:
    net = Given(1, 9)
    write(net)
    same(ended(net), tmp_path, moved)


@pytest.mark.parametrize("by", ["option", "metadata"])
@pytest.mark.parametrize("scale", ["1/255", "1/256", "2"])
def test_scale_of_pixels(by: str, scale: str, tmp_path: Path) -> None:
    net = ended(Given(*IMAGE).quant(4, 2.0**-3 if scale != "2" else 32.0))
    if by == "option":
        same(net, tmp_path, scale=Fraction(scale))
        return
    model = net.model()
    model.set_metadata_prop("irnet_hw", json.dumps({"input_scale": scale, "name": "scaled"}))
    model.save(str(tmp_path / "network.onnx"))
    built = build(tmp_path / "network.onnx", "zcu104", tmp_path / "built", 1.0)
    images = pixels(net.entry)
    (expected,) = spec.run(with_input_scale(net.model(), Fraction(scale)), images).values()
    found = tail.outputs(built, dataflow_run(tmp_path / "built", images)[-1])
    assert np.array_equal(found, expected)
    # What the simulation takes as the specification reads pixels, and so does a build of it.
    saved = spec.load(tmp_path / "built" / MODEL)
    assert np.array_equal(*spec.run(saved, images).values(), expected)
    assert "input_scale" not in spec.metadata(saved)
    assert built.name == "scaled"


# ------------------------------------------------------------------ graph

CHAINS = [
    both("BN", lambda net: net.norm().sign()),
    both("BN, pool", lambda net: net.norm().pool().sign()),
    both("pool, BN", lambda net: net.pool().norm().sign()),
    both("pool, BN, pool", lambda net: net.pool("MaxPool", 2, 1).norm().pool().sign()),
    both("sign, pool", lambda net: net.norm().sign().pool("MaxPool", 3, 2)),
    both("padded pool", lambda net: net.norm(gamma=1.0).pool("MaxPool", 3, 1, 1).sign()),
    both(
        "padded pool, a channel of zeros",
        lambda net: (
            net.norm(beta=[0.5, -900.0, 0.0, 0.0])
            .node("Relu")
            .pool("MaxPool", 3, 1, 1)
            .quant(2, 0.5)
        ),
    ),
    both("pool of falling", lambda net: net.norm(gamma=-1.0).pool("MaxPool", 3, 2, 1).sign()),
    both("ReLU", lambda net: net.norm().node("Relu").op("Sub", 0.5).sign()),
    both("PReLU", lambda net: net.prelu(np.linspace(0.0, 1.5, 4)).op("Sub", 3.0).sign(-1.0)),
    both("LeakyReLU", lambda net: net.node("LeakyRelu", alpha=0.1).norm().sign()),
    both("Clip", lambda net: net.norm().clip().sign()),
    both("Tanh", lambda net: net.op("Mul", 0.01).norm().node("Tanh").sign()),
    both("Sigmoid", lambda net: net.op("Mul", 0.01).node("Sigmoid").op("Sub", 0.5).sign()),
    both("HardSigmoid", lambda net: net.op("Mul", 0.01).node("HardSigmoid").op("Sub", 0.4).sign()),
    both("Neg", lambda net: net.node("Neg").norm().sign()),
    both("Max", lambda net: net.op("Max", 3.0).op("Sub", 5.0).sign()),
    both("constants first", lambda net: net.op("Mul", 0.3, False).op("Sub", 2.0, False).sign()),
    both(
        "never",
        lambda net: net.op("Mul", [0.0, 0.0, 1.0, -1.0]).op("Add", [-1.0, 1.0, 9.0, 0.0]).sign(),
    ),
    both("scale 0.5", lambda net: net.norm().sign(0.5)),
    both("scale 0.1", lambda net: net.norm().sign(0.1), True),
    both("scale -0.5", lambda net: net.norm().sign(-0.5)),
    both("scale -0.1", lambda net: net.norm().sign(-0.1), True),
    both("one scale in all channels", lambda net: net.norm().sign(np.full(4, 0.25))),
    both("Dropout, Identity", lambda net: net.norm().node("Dropout").node("Identity").sign()),
    both("2 bits", lambda net: net.op("Mul", 0.02).quant(2, 1.0)),
    both("2 bits of 0.1", lambda net: net.op("Mul", 0.002).quant(2, 0.1), True),
    both("2 bits of -0.1", lambda net: net.op("Mul", 0.002).quant(2, -0.1), True),
    both("ReLU of 2 bits", lambda net: net.norm().node("Relu").quant(2, 0.5, signed=0)),
    both("4 bits, rounded up", lambda net: net.op("Mul", 0.02).quant(4, 0.25, rounding="CEIL")),
    both("8 bits", lambda net: net.op("Mul", 0.07).norm().quant(8, 2.0**-4)),
    both("8 bits, narrow", lambda net: net.op("Mul", -0.07).quant(8, 0.5, narrow=1)),
    both("zero point", lambda net: net.op("Mul", 0.02).quant(3, 0.5, signed=0, zero=3.0)),
    both("bits, then a pool", lambda net: net.norm().quant(3, 0.5).pool("MaxPool", 3, 2)),
    both(
        "pool, bits, pool",
        lambda net: net.pool("MaxPool", 2, 1).quant(3, 8.0).pool("MaxPool", 2, 1),
    ),
    both("pool, then bits", lambda net: net.norm().pool("MaxPool", 2).quant(3, 0.5)),
    both("bits, then signs", lambda net: net.norm().quant(4, 0.5).op("Add", 0.75).sign()),
    both("signs, then bits", lambda net: net.norm().sign().op("Mul", 0.7).quant(3, 0.5)),
]


@pytest.mark.parametrize(("write", "moved"), CHAINS)
def test_between_layers(write: Change, moved: bool, tmp_path: Path) -> None:
    net = Given(1, 2, 7, 8).op("Sub", 128.0).conv(4, bits=3)
    write(net)
    net.conv(5, 2).norm(mean=0.0).sign().flatten()
    same(net.dense(3, bits=2), tmp_path, moved)


@pytest.mark.parametrize("form", ["Flatten", "0,-1", "1,N", "1,-1", "-1,N"])
@pytest.mark.parametrize("where", ["before a quantizer", "behind it", "of one pixel"])
def test_flattening(form: str, where: str, tmp_path: Path) -> None:
    net = Given(1, 2, 5, 6).op("Sub", 128.0).conv(3, 5 if where == "of one pixel" else 3, bits=3)
    if where == "of one pixel":
        net.pool("MaxPool", [1, 2])
    net.norm()
    net = net.flatten(form).sign() if where == "before a quantizer" else net.sign().flatten(form)
    same(net.dense(4, "MatMul").norm().quant(2, 1.0).dense(3), tmp_path)


@pytest.mark.parametrize("form", ["Gemm", "MatMul"])
@pytest.mark.parametrize("kind", ["quantizer", "initializer"])
@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize(
    "scale",
    [1.0, -0.5, 0.1, [0.5, 2.0, 0.25, 1.0], [0.1, 0.3, 1.0, 0.7], "zero"],
    ids=str,
)
def test_weights(form: str, kind: str, bits: int, scale: object, tmp_path: Path) -> None:
    """Scales other than powers of two move, whether of a quantizer or of a Mul."""
    net = Given(1, 6, seed=3).op("Sub", 127.0).sign()
    if scale == "zero":
        net.dense(4, form, bits=2, kind="zero").op("Add", 0.5)
        scale = 1.0
    else:
        scale = abs(scale) if bits > 1 and not isinstance(scale, list) else scale
        net.dense(4, form, bits=bits, scale=scale, kind=kind)
    net.norm().sign().dense(3, form, bits=3, bias=[1.0, 0.5, -2.0])
    file = tmp_path / "network.onnx"
    net.model().save(str(file))
    build(file, "zcu104", tmp_path / "built", 1.0)
    odd = np.any(np.mod(np.log2(np.abs(scale)), 1))
    assert (tmp_path / "built" / GIVEN).exists() == odd


def test_initializers_among_the_inputs(tmp_path: Path) -> None:
    net = ended(Given(*IMAGE, opset=11).op("Sub", 128.0).sign())
    model = net.model()
    model.graph.input.extend(
        helper.make_tensor_value_info(each.name, each.data_type, each.dims)
        for each in model.graph.initializer
    )
    model.save(str(tmp_path / "network.onnx"))
    built = build(tmp_path / "network.onnx", "zcu104", tmp_path / "built", 1.0)
    images = pixels(net.entry)
    (expected,) = spec.run(net.model(), images).values()
    found = tail.outputs(built, dataflow_run(tmp_path / "built", images)[-1])
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("kind", ["initializer", "quantizer"])
def test_quantized_constants(kind: str, tmp_path: Path) -> None:
    """Brevitas quantizes biases, and constants of scales behind layers, if asked to."""
    net = Given(*IMAGE).op("Sub", 128.0).conv(4, bias=[0.3, -1.1, 3.7, 7.0], kind=kind).quantize(2)
    net.op("Mul", [0.2, 1.3, -0.7, 0.5]).quantize(1).sign().flatten()
    net.dense(3, bias=[1.2, 0.4, -2.0]).quantize(2)
    same(net, tmp_path)


@pytest.mark.parametrize(("bits", "scale", "moved"), [(1, 0.5, False), (3, [0.1, 0.3, 0.7], True)])
def test_scales_behind_the_quantizer_of_weights(
    bits: int, scale: object, moved: bool, tmp_path: Path
) -> None:
    net = Given(*IMAGE).op("Sub", 128.0).sign()
    constants = [net.weights([3, 3, 2, 2], bits=bits), net.constant(scale)]
    net.constants[constants[1]] = np.reshape(net.constants[constants[1]], [-1, 1, 1, 1])
    net.nodes.append(helper.make_node("Mul", constants, ["scaled"]))
    net.node("Conv", "scaled", shape=[1, 3, 5, 6]).norm().sign().flatten()
    same(net.dense(3), tmp_path, moved)


# ------------------------------------------------------------------ layers

LAYERS = [
    both("1x1", lambda net: net.conv(5, 1)),
    both("1x1, stride 2", lambda net: net.conv(5, 1, stride=2)),
    both("5x5, padded", lambda net: net.conv(3, 5, 2)),
    both("2x3, stride 2x1", lambda net: net.conv(3, [2, 3], stride=[2, 1])),
    both("more padding", lambda net: net.conv(3, 3, [0, 1, 2, 1])),
    both("dilated", lambda net: net.conv(3, 3, 1, dilation=2)),
    both("dilated, 4 bits", lambda net: net.conv(3, [3, 2], 1, dilation=[1, 3], bits=4)),
    both("groups", lambda net: net.conv(6, 3, 1, group=2)),
    both("depthwise", lambda net: net.conv(4, 3, 1, group=4)),
    both("depthwise, two each", lambda net: net.conv(8, 3, group=4, bits=3)),
    both("ternary, padded", lambda net: net.conv(3, 3, 1, bits=2)),
    both("SAME_UPPER", lambda net: net.conv(3, 2, stride=2, pad="SAME_UPPER")),
    both("SAME_LOWER", lambda net: net.conv(3, 4, pad="SAME_LOWER")),
    both("VALID", lambda net: net.conv(3, 3, pad="VALID")),
    both("one output", lambda net: net.conv(1, 3, 1)),
    both("a bias", lambda net: net.conv(3, bias=[0.5, -1.0, 3.0])),
    both("a bias of any number", lambda net: net.conv(3, bias=[0.3, -1.1, 3.7]), True),
    both("average pool", lambda net: net.pool("AveragePool", 2).quant(3, 0.25).conv(3)),
    both("of threes", lambda net: net.pool("AveragePool", 3, 1).quant(3, 0.25).conv(3)),
    both("padded", lambda net: net.pool("AveragePool", 3, 2, 1).quant(3, 0.25).conv(3)),
    both("mean of signs", lambda net: net.pool("AveragePool", 2).conv(3)),
    both("mean of nine signs", lambda net: net.pool("AveragePool", 3, 1).op("Add", 0.01).sign()),
]


@pytest.mark.parametrize(("write", "moved"), LAYERS)
@pytest.mark.parametrize("before", ["signs", "3 bits"])
def test_layers(write: Change, moved: bool, before: str, tmp_path: Path) -> None:
    net = Given(1, 4, 7, 6).op("Sub", 127.0)
    net = net.sign() if before == "signs" else net.op("Div", 64.0).quant(3, 0.5)
    write(net)
    net.norm().sign().flatten()
    same(net.dense(3), tmp_path, moved)


def test_mean_of_a_signal_as_an_image(tmp_path: Path) -> None:
    net = Given(1, 2, 16).op("Sub", 127.0).conv(4, 3, 1).norm().sign()
    axis = net.constant([-2], np.int64)
    net.node("Unsqueeze", axis, shape=[1, 4, 1, 16])
    net.node("ReduceMean", axes=[-1, -2], keepdims=1, shape=[1, 4, 1, 1])
    net.node("Squeeze", axis, shape=[1, 4, 1]).flatten()
    same(net.dense(3), tmp_path)


def test_pad_node(tmp_path: Path) -> None:
    net = Given(1, 2, 5, 6).op("Sub", 128.0).sign()
    pads = net.constant([0, 0, 1, 2, 0, 0, 1, 0], np.int64)
    net.node("Pad", pads, shape=[1, 2, 7, 8]).conv(4).norm().sign().flatten()
    same(net.dense(3), tmp_path)


def residual(net: Given, between: Change) -> Given:
    """Add what a convolution makes of a stream to the stream."""
    skip = net.here
    between(net.conv(net.shape[1], 3, 1))
    return net.add(skip)


def added(net: Given, *sides: tuple[int, float], signed: int = 1) -> Given:
    """Add what quantizers of some bits and scales make of two convolutions."""
    start, ends = net.sign().here, []
    for bits, scale in sides:
        net.back(start).conv(3, 3, 1).norm()
        ends.append((net.sign(scale) if bits == 1 else net.quant(bits, scale, signed=signed)).here)
    return net.add(ends[0])


def factors(net: Given) -> Given:
    """Add bits to bits behind a batch norm."""
    skip = net.quant(3, 0.5).here
    return net.conv(2, 3, 1).norm().quant(3, 0.41).norm().add(skip).sign()


def pooled_sum(net: Given, scale: float) -> Given:
    return added(net, (4, scale), (3, 0.6)).pool("AveragePool", 2, 1).norm().sign()


BRANCHES = [
    both("streams", lambda net: residual(net.quant(4), lambda net: net.norm().quant(4)).sign()),
    both("signs", lambda net: residual(net.sign(), lambda net: net.norm().sign()).op("Add", 1.0)),
    both("signs and bits", lambda net: residual(net.sign(), lambda net: net.quant(3, 0.5))),
    both("sums", lambda net: residual(net.sign(), lambda net: net).norm().quant(4, 0.5)),
    both(
        "sums in halves",
        lambda net: residual(net.quant(4, 0.5), lambda net: net).quant(5, 1.0, rounding="FLOOR"),
    ),
    both(
        "factors",
        lambda net: residual(net.quant(4, 1.0), lambda net: net.norm()).quant(6, 2.0**-2),
    ),
    both(
        "a finer stream",
        lambda net: residual(net.quant(8, 2.0**-3), lambda net: net.norm()).quant(
            6, 0.5, rounding="FLOOR"
        ),
    ),
    both("concatenation", lambda net: joined(net.sign(), lambda net: net.norm().sign())),
    both("of bits", lambda net: joined(net.quant(3, 0.5), lambda net: net.norm().quant(3, 0.5))),
    both(
        "signs of 0.1", lambda net: residual(net.sign(0.1), lambda net: net.norm().sign(0.1)), True
    ),
    both(
        "joined, of 0.1", lambda net: joined(net.sign(0.1), lambda net: net.norm().sign(0.1)), True
    ),
    both(
        "bits of 0.3",
        lambda net: joined(net.quant(3, 0.3), lambda net: net.norm().quant(3, 0.3)),
        True,
    ),
    both("scales of 0.3", lambda net: added(net, (4, 0.3), (4, 0.3)).norm().sign()),
    both(
        "0.3 and 0.41",
        lambda net: added(net, (4, 0.3), (4, 0.41), signed=0).node("Relu").quant(2, 2.0),
    ),
    both(
        "0.3 and 0.41, added and pooled",
        lambda net: added(net, (4, 0.3), (4, 0.41)).norm(gamma=0.7).pool("MaxPool", 3, 2, 1).sign(),
    ),
    both(
        "sums, added and pooled",
        lambda net: (
            residual(net.quant(4, 1.0), lambda net: net.norm())
            .pool("MaxPool", 2, 1)
            .node("Relu")
            .quant(6, 2.0**-2, signed=0, rounding="FLOOR")
        ),
    ),
    both("8 bits of any scales", lambda net: added(net, (8, 0.03), (8, 0.0413)).norm().sign()),
    both(
        "signs of 0.1 and 0.12", lambda net: added(net, (1, 0.1), (1, 0.12)).op("Add", 0.2).sign()
    ),
    both("0.3 and a half", lambda net: added(net, (4, 0.3), (3, 0.5)).norm().quant(4, 0.5)),
    both("a factor for each channel", lambda net: factors(net)),
    both("0.6, added and pooled", lambda net: pooled_sum(net, 0.6), True),
    both("0.3 and 0.6, added and pooled", lambda net: pooled_sum(net, 0.3), True),
    both("0.3 and ties", lambda net: added(net, (8, 0.3), (8, 0.3)).quant(4, 0.6).sign(), True),
    both("of other types", lambda net: joined(net.sign(), lambda net: net.norm().quant(3, 0.25))),
]


def joined(net: Given, between: Change) -> Given:
    """Join what a convolution makes of a stream and the stream."""
    skip = net.here
    between(net.conv(3, 3, 1))
    return net.concat(skip)


@pytest.mark.parametrize(("write", "moved"), BRANCHES)
def test_branches(write: Change, moved: bool, tmp_path: Path) -> None:
    net = Given(1, 2, 5, 6, seed=1).op("Sub", 127.0).op("Div", 16.0)
    write(net)
    net.conv(4).norm().sign().flatten()
    same(net.dense(3), tmp_path, moved)


def test_joined_vectors(tmp_path: Path) -> None:
    net = Given(1, 2, 4, 5).op("Sub", 128.0).sign()
    start = net.here
    net.conv(3).norm().sign().flatten()
    one = net.here
    net.back(start).conv(2, 2).norm().quant(2, 1.0).flatten().concat(one)
    same(net.dense(4).norm().sign().dense(3), tmp_path)


# ------------------------------------------------------------------ ends

ENDS = [
    both("logits", lambda net: net.flatten().dense(3)),
    both("a scale of 0.1", lambda net: net.flatten().dense(3, scale=0.1), True),
    both("scales", lambda net: net.flatten().dense(3, scale=[0.5, 0.1, 2.0]), True),
    both("8 bits", lambda net: net.flatten().dense(3, bits=8, scale=2.0**-7)),
    both("a bias inside", lambda net: net.flatten().dense(3, bias=[0.5, 2.0, -1.0])),
    both("any bias inside", lambda net: net.flatten().dense(3, bias=[0.3, 2.1, -1.7]), True),
    both("any bias behind", lambda net: net.flatten().dense(3).op("Add", [0.3, 2.1, -1.7])),
    both("BN", lambda net: net.flatten().dense(3).norm()),
    both("TensorNorm", lambda net: net.flatten().dense(3).op("Sub", 0.7).op("Mul", 0.37)),
    both("Softmax", lambda net: net.flatten().dense(3).op("Mul", 0.1).node("Softmax", axis=1)),
    both("Sigmoid", lambda net: net.flatten().dense(3).op("Mul", 0.1).node("Sigmoid")),
    both("Exp", lambda net: net.flatten().dense(3).op("Mul", 0.1).node("Exp")),
    both("Elu", lambda net: net.flatten().dense(3).op("Mul", 0.1).node("Elu", alpha=0.7)),
    both("PReLU", lambda net: net.flatten().dense(3).prelu([0.1, -0.3, 1.7])),
    both("signs", lambda net: net.flatten().dense(3).sign()),
    both("one output", lambda net: net.flatten().dense(1)),
    both("TopK", lambda net: topk(net.flatten().dense(5))),
    both("ArgMax", lambda net: argmax(net.flatten().dense(5))),
    both("convolution", lambda net: net.conv(3, 1)),
    both("padded convolution, bias", lambda net: net.conv(3, 3, 1, bias=[0.5, 2.0, -1.0])),
    both("convolution, mean", lambda net: net.conv(3, 1).mean().flatten(), True),
    both("convolution of the image", lambda net: net.conv(3, net.shape[2:]).flatten().norm()),
    both("mean", lambda net: net.mean().flatten(), True),
    both("convolution of 0.1, mean", lambda net: net.conv(3, 1, scale=0.1).mean().flatten(), True),
    both(
        "batch norm, mean, dense",
        lambda net: reduced(net.conv(3, 1).norm()).norm().quant(4, 0.5).dense(3),
        True,
    ),
    both(
        "a bias, pools, batch norm",
        lambda net: (
            net.conv(4, 2, scale=0.1, bias=0.3)
            .pool("AveragePool", 2, 1)
            .norm(mean=0.0, var=0.01)
            .quant(4, 0.5)
            .flatten()
            .dense(3)
        ),
        True,
    ),
    both(
        "the whole image, dense",
        lambda net: net.pool("AveragePool", net.shape[2:]).flatten().dense(3),
        True,
    ),
    both("a flattening, batch norm", lambda net: net.conv(3, 2).flatten().norm().sign().dense(3)),
    both(
        "a flattening, a factor for each element",
        lambda net: net.conv(2).op("Mul", 0.5).flatten().norm().quant(3, 0.5).dense(3),
    ),
    both("mean, dense", lambda net: net.mean().flatten().dense(3), True),
    both("average pool, dense", lambda net: net.pool("AveragePool", 2).flatten().dense(3)),
    both(
        "average pool of 0.1, dense",
        lambda net: net.sign(0.1).pool("AveragePool", 2).flatten().dense(3),
        True,
    ),
    both(
        "average pool of 8 bits, dense",
        lambda net: net.norm().quant(8, 0.25).pool("AveragePool", 2).flatten().dense(3, bits=4),
    ),
    both("a mean of 8 bits, dense", lambda net: wide(net, 8, None), True),
    both("sums beyond float32", lambda net: wide(net, 160, None), True),
    both("sums beyond float32, and a bias", lambda net: wide(net, 160, [0.5, 2.0, -1.0]), True),
    both("8 bits before", lambda net: net.conv(4).quant(8, 0.5).flatten().dense(3)),
]


def wide(net: Given, channels: int, bias: list[float] | None) -> Given:
    """Means of 8 bits, which take 12, times weights of 8 bits."""
    net.conv(channels, 1).norm().quant(8, 2.0**-5).mean().flatten()
    return net.dense(3, bits=8, scale=2.0**-6, bias=bias)


def reduced(net: Given) -> Given:
    """The mean of an image, as a vector."""
    return net.node("ReduceMean", axes=[2, 3], keepdims=0, shape=net.shape[:2])


def topk(net: Given) -> Given:
    k = net.constant([2], np.int64)
    net.node("TopK", k, axis=1, largest=1, sorted=1, outputs=2, shape=[1, 2])
    net.type = TensorProto.INT64
    return net


def argmax(net: Given) -> Given:
    net.node("ArgMax", axis=1, keepdims=0, shape=[1])
    net.type = TensorProto.INT64
    return net


@pytest.mark.parametrize(("write", "moved"), ENDS)
def test_ends(write: Change, moved: bool, tmp_path: Path) -> None:
    net = Given(1, 3, 5, 6, seed=2).op("Sub", 128.0).conv(4).norm().sign()
    write(net)
    same(net, tmp_path, moved)


def test_builds_the_specification_of_a_build_that_sums_in_float64(tmp_path: Path) -> None:
    net = Given(1, 3, 5, 6, seed=2).op("Sub", 128.0).conv(4).norm().sign()
    same(wide(net, 160, [0.5, 2.0, -1.0]), tmp_path, True)
    again = tmp_path / "again.onnx"
    again.write_bytes((tmp_path / "built" / MODEL).read_bytes())
    build(again, "zcu104", tmp_path / "again", 1.0)
    images = pixels(net.entry)
    runs = [spec.run(spec.load(tmp_path / each / MODEL), images) for each in ("built", "again")]
    assert np.array_equal(*(run[net.at] for run in runs))


def test_a_batch_of_any_size(tmp_path: Path) -> None:
    net = ended(Given(*IMAGE).op("Sub", 128.0).sign())
    model = net.model().model
    for each in (*model.graph.input, *model.graph.output):
        each.type.tensor_type.shape.dim[0].dim_param = "batch"
    (tmp_path / "network.onnx").write_bytes(model.SerializeToString())
    built = build(tmp_path / "network.onnx", "zcu104", tmp_path / "built", 1.0)
    images = pixels(net.entry)
    found = tail.outputs(built, dataflow_run(tmp_path / "built", images)[-1])
    assert np.array_equal(found, *spec.run(net.model(), images).values())


def test_sizes_of_a_pad_that_nodes_compute(tmp_path: Path) -> None:
    """As PyTorch's TorchScript exporter writes them."""
    net = Given(1, 2, 5, 6).op("Sub", 128.0).sign()
    image = net.here
    net.at = net.constant([0, 0, 1, 2], np.int64)
    net.node("Concat", net.constant([0, 0, 1, 0], np.int64), axis=0)
    net.node("Cast", to=TensorProto.INT64)
    pads = net.at
    net.back(image).node("Pad", pads, shape=[1, 2, 7, 8]).conv(4).norm().sign().flatten()
    same(net.dense(3), tmp_path)


def test_pads_of_channels_as_attributes(tmp_path: Path) -> None:
    """As until opset 10."""
    net = Given(1, 2, 5, 6, opset=9).op("Sub", 128.0).sign()
    net.node("Pad", pads=[0, 1, 0, 0, 0, 2, 0, 0], shape=[1, 5, 5, 6]).conv(4).norm().sign()
    same(net.flatten().dense(3, "MatMul"), tmp_path)


@pytest.mark.parametrize("keep", [0, 1])
def test_refuses_means_along_one_axis(keep: int, tmp_path: Path) -> None:
    net = Given(1, 3, 5, 6).op("Sub", 128.0).conv(4, 2).norm().sign()
    net.node("ReduceMean", axes=[2], keepdims=keep, shape=[1, 4, *[1] * keep, 5]).flatten()
    net.dense(3).model().save(str(tmp_path / "network.onnx"))
    with pytest.raises(UserError, match="must be all pixels"):
        build(tmp_path / "network.onnx", "zcu104", tmp_path / "built", 1.0)


def test_refuses_a_network_of_pools(tmp_path: Path) -> None:
    Given(1, 3, 6, 6).quant(4, 1.0).pool().model().save(str(tmp_path / "network.onnx"))
    with pytest.raises(UserError, match="has no convolution"):
        build(tmp_path / "network.onnx", "zcu104", tmp_path / "built", 1.0)


@settings(max_examples=20, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(seed=st.integers(0, 2**32 - 1))
@example(seed=517981)  # a zero point where another result is added
def test_random_networks(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """They are built exactly, or refused; a seed is chosen as a whole, so nothing shrinks."""
    random = np.random.default_rng(seed)
    net = network(lambda some: some[int(random.integers(len(some)))], seed)
    path = tmp_path_factory.mktemp("random")
    file = path / "network.onnx"
    net.model().save(str(file))
    try:
        built = build(file, "zcu104", path / "built", 1.0)
    except UserError as error:
        assert str(error).startswith(f"{file}: ")
        assert not (path / "built").exists()
        return
    images = pixels(net.entry, 12, seed)
    (expected,) = spec.run(spec.load(path / "built" / MODEL), images).values()
    found = tail.outputs(built, dataflow_run(path / "built", images)[-1])
    assert tail.equal(built.tail, found, expected).all()
