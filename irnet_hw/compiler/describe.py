"""What a kernel is, in words and figures for people, and its parameters for programs."""

from collections.abc import Callable, Mapping
from typing import Any

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import kind, op

_UNITS = ("BinaryMVAU", "IntMVAU")


def describe(model: ModelWrapper, node: NodeProto) -> str:
    """Return a line about a kernel: "3x3 convolution, 32 to 32 channels, 1 bit"."""
    return _TEXTS[kind(node)](parameters(model, node))


def parameters(model: ModelWrapper, node: NodeProto) -> dict[str, Any]:
    """Return what a kernel is beside its folding: sizes, channels, bits."""
    if kind(node) in _UNITS:
        return _unit(model, node)
    kernel = op(node)
    facts: dict[str, Any] = {}
    for fact, attribute in _ATTRIBUTES[kind(node)].items():
        value = kernel.get_nodeattr(attribute)
        single = isinstance(value, int | float | str)
        facts[fact] = value if single else [int(entry) for entry in value]
    if "shift" in facts:
        facts["multiplier"] = "DSP" if kernel.in_dsp() else "LUT"
    return facts


def _unit(model: ModelWrapper, node: NodeProto) -> dict[str, Any]:
    """Return what a matrix-vector unit is; a kernel's size and channels if it convolves."""
    kernel = op(node)
    facts = {
        "inputs": kernel.number("MW"),
        "outputs": kernel.number("MH"),
        "weight_bits": int(kernel.weight_bits()),
        "threshold": bool(kernel.thresholds()),
    }
    if len(kernel.numbers("numInputVectors")) == 1:
        return facts
    before = model.find_producer(node.input[0])
    if before is None or kind(before) != "SlidingWindow":
        return {**facts, "kernel": [1, 1]}
    window = op(before)
    return {
        **facts,
        "inputs": window.number("IFMChannels"),
        "kernel": list(window.numbers("ConvKernelDim")),
    }


def _unit_text(facts: Mapping[str, Any]) -> str:
    bits = _count(facts["weight_bits"], "bit")
    if "kernel" in facts:
        channels = _count(facts["outputs"], "channel")
        return f"{_times(facts['kernel'])} convolution, {facts['inputs']} to {channels}, {bits}"
    return f"dense layer, {facts['inputs']} to {facts['outputs']}, {bits}"


def _subsample_text(facts: Mapping[str, Any]) -> str:
    zeros = sum(facts["zeros"])
    more = f", and {zeros} of zeros" if zeros else ""
    return f"1 of {_times(facts['stride'])} pixels of {_times(facts['image'])}, {_of(facts)}{more}"


def _of(facts: Mapping[str, Any]) -> str:
    return _count(facts["channels"], "channel")


def _times(sizes: list[int]) -> str:
    return "x".join(str(size) for size in sizes)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


_DYADIC = {
    "channels": "NumChannels",
    "input": "inputDataType",
    "output": "outputDataType",
    "shift": "shift",
}
#: For each op but the matrix-vector units, its parameters' names and its attributes'.
_ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "BitMaxPool": {"kernel": "PoolDim", "image": "IFMDim", "channels": "IFMChannels"},
    "GlobalSumPool": {"image": "IFMDim", "channels": "NumChannels"},
    "RegisterSlice": {},
    "Requantise": _DYADIC,
    "ResidualJoin": {**_DYADIC, "skip": "skipDataType", "skip_shift": "skipShift"},
    "SlidingWindow": {
        "kernel": "ConvKernelDim",
        "stride": "Stride",
        "padding": "Padding",
        "image": "IFMDim",
        "channels": "IFMChannels",
        "parallel": "parallel_window",
    },
    "StreamFIFO": {"depth": "depth"},
    "StreamFork": {"signs": "signs"},
    "SubsamplePad": {
        "image": "IFMDim",
        "channels": "IFMChannels",
        "stride": "Stride",
        "zeros": "PadChannels",
    },
    "WidthConverter": {"from": "inLanes", "to": "outLanes"},
}
_TEXTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "BinaryMVAU": _unit_text,
    "BitMaxPool": lambda facts: f"{_times(facts['kernel'])} max-pooling on bits, {_of(facts)}",
    "GlobalSumPool": lambda facts: f"sum over {_times(facts['image'])} pixels, {_of(facts)}",
    "IntMVAU": _unit_text,
    "RegisterSlice": lambda _: "register slice",
    "Requantise": lambda facts: f"requantise, {_of(facts)}, {facts['input']} to {facts['output']}",
    "ResidualJoin": lambda facts: (
        f"join, {_of(facts)}, {facts['input']} requantised and {facts['skip']} to {facts['output']}"
    ),
    "SlidingWindow": lambda facts: (
        f"{_times(facts['kernel'])} windows of {_times(facts['image'])} pixels, {_of(facts)}"
    ),
    "StreamFIFO": lambda facts: f"FIFO of {facts['depth']} beats",
    "StreamFork": lambda facts: (
        f"fork: {', '.join('signs' if sign else 'unchanged' for sign in facts['signs'])}"
    ),
    "SubsamplePad": _subsample_text,
    "WidthConverter": lambda facts: (
        f"width converter, {facts['from']} to {_count(facts['to'], 'lane')}"
    ),
}
