"""A hardware graph with a branch, and the network whose tensors its streams carry."""

import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

import irnet_hw.kernels  # noqa: F401 (registers the ops)
from irnet_hw.compiler.passes.emit import OUTPUT_KEY, UNITS_KEY, Output

FINN = "finn.custom_op.fpgadataflow"
QONNX = "qonnx.custom_op.general"
STEP = 2.0**-7
#: Scale of the logits.
SCALE = 2.0**-9
IMAGE = (1, 4, 4, 2)
PIXELS = (1, 4, 4, 4)


def _value(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


class _Writer:
    """Writes nodes and constants."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants = [], {}

    def constant(self, name, low, high, *shape):
        self.constants[name] = self.random.integers(low, high, shape).astype(np.float32)
        return name

    def node(self, kind, inputs, outputs, types, **attributes):
        source, target = types
        self.nodes.append(
            helper.make_node(
                kind,
                inputs,
                outputs,
                name=kind if kind not in [node.name for node in self.nodes] else f"{kind}_2",
                domain=FINN,
                backend="fpgadataflow",
                inputDataType=source,
                outputDataType=target,
                **attributes,
            )
        )

    def unit(self, kind, inputs, outputs, types, width, lanes, **attributes):
        sizes = {"MW": width, "MH": 4, "SIMD": lanes, "PE": 2, "numInputVectors": [1, 4, 4]}
        self.node(kind, inputs, outputs, types, **sizes, noActivation=1, **attributes)


def graph(seed=0, depth=32, join="ResidualJoin"):
    """Return a graph in which a stream forks into itself and its signs, which join again.

    Args:
        seed: of the constants.
        depth: of the FIFO in which the stream waits for the branch of its signs.
        join: how. With ConcatStreams, the branch has the stream's maxima instead of its signs.
    """
    pooled = join == "ConcatStreams"
    w = _Writer(seed)
    buffer = {"shape": list(PIXELS), "lanes": 2}
    dyadic = {"NumChannels": 4, "numInputVectors": [1, 4, 4], "PE": 2, "mBits": 5, "bBits": 12}
    byte = ("INT8", "INT8")
    w.node("RegisterSlice", ["image"], ["pixels"], ("UINT8", "UINT8"), shape=IMAGE, lanes=2)
    weights = [w.constant("w0", -7, 8, 2, 4), w.constant("w1", 0, 2, 36, 4)]
    w.constants["w1"] = 2 * w.constants["w1"] - 1
    w.unit(
        "IntMVAU",
        ["pixels", weights[0]],
        ["sums"],
        ("UINT8", "INT13"),
        2,
        2,
        weightDataType="INT4",
        InputZeroPoint=128,
    )
    m, b = w.constant("m0", -9, 10, 4), w.constant("b0", -900, 900, 4)
    w.node("Requantise", ["sums", m, b], ["stream"], ("INT13", "INT8"), **dyadic, shift=6)
    w.node("StreamFIFO", ["stream"], ["buffered"], byte, **buffer, depth=2)
    w.node("StreamFork", ["buffered"], ["skip", "sign"], byte, **buffer, signs=[0, int(not pooled)])
    border = {"ConvKernelDim": [3, 3], "Padding": [1, 1, 1, 1], "IFMDim": [4, 4]}
    w.node(
        "SlidingWindow",
        ["sign"],
        ["windows"],
        byte if pooled else ("BIPOLAR", "BIPOLAR"),
        **border,
        Stride=[1, 1],
        PadValue=-128 if pooled else -1,
        OFMDim=[4, 4],
        IFMChannels=4,
        SIMD=2,
    )
    if pooled:
        lanes = {"NumChannels": 4, "SIMD": 2, "PoolDim": [3, 3], "OFMDim": [4, 4]}
        mask = w.constant("mask", 0, 1, 4)
        w.node("WindowPool", ["windows", mask], ["counts"], byte, **lanes, mode="max")
    else:
        types = ("BIPOLAR", "INT7")
        w.unit("BinaryMVAU", ["windows", weights[1]], ["counts"], types, 36, 2, **border)
    w.node("StreamFIFO", ["skip"], ["waiting"], byte, **buffer, depth=depth)
    m, b = w.constant("m1", -9, 10, 4), w.constant("b1", -90, 90, 4)
    vectors = {"numInputVectors": [1, 4, 4], "PE": 2}
    branches = ["counts", "waiting"]
    bits, channels = 8, 4
    if join == "ResidualJoin":
        more = {"shift": 1, "skipDataType": "INT8", "skipShift": 1}
        w.node(join, [*branches, m, b], ["joined"], ("INT7", "INT8"), **dyadic, **more)
    elif join == "AddStreams":
        bits, more = 10, {"NumChannels": 4, "secondDataType": "INT8", "shiftB": 1}
        w.node(join, branches, ["joined"], ("INT7", "INT10"), **vectors, **more)
    else:
        channels = 8
        w.node(join, branches, ["joined"], byte, **vectors, ChannelsPerStream=[4, 4])
    types = (f"INT{bits}", f"INT{bits + 4}")
    pool = {"IFMDim": [4, 4], "NumChannels": channels, "PE": 2}
    w.node("GlobalSumPool", ["joined"], ["total"], types, **pool)
    end = {"shape": [1, channels], "lanes": 2}
    w.node("RegisterSlice", ["total"], ["logits"], (types[1], types[1]), **end)
    proto = helper.make_graph(
        w.nodes,
        "hardware",
        [_value("image", IMAGE)],
        [_value("logits", (1, channels))],
        [numpy_helper.from_array(value, name) for name, value in w.constants.items()],
    )
    model = ModelWrapper(qonnx_make_model(proto))
    units = {"image": 1.0, "stream": STEP, "sign": 1.0, "joined": STEP / 2}
    model.set_metadata_prop(UNITS_KEY, json.dumps(units))
    output = Output("logits", SCALE)
    model.set_metadata_prop(OUTPUT_KEY, json.dumps(output._asdict()))
    return model


def network():
    """Return the network that the graph's names refer to; its nodes are never run."""
    steps = {"stream": STEP, "sign": 1.0, "joined": STEP / 2}
    kinds = {"stream": "Quant", "sign": "BipolarQuant", "joined": "Quant"}
    nodes = [
        helper.make_node(kinds[name], [source, f"{name}_step"], [name], domain=QONNX)
        for source, name in (("image", "stream"), ("stream", "sign"), ("total", "joined"))
    ]
    nodes += [
        helper.make_node("Add", ["stream", "sign"], ["counts"]),
        helper.make_node("MaxPool", ["joined"], ["logits"]),
    ]
    proto = helper.make_graph(
        nodes,
        "network",
        [_value("image", (1, 2, 4, 4))],
        [_value("logits", (1, 4))],
        [numpy_helper.from_array(np.float32(step), f"{name}_step") for name, step in steps.items()],
    )
    return ModelWrapper(qonnx_make_model(proto))


def images(count, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (count, *IMAGE[1:])).astype(np.uint8)
