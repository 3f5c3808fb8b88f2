"""What a kernel is, in words and figures for people, and its parameters for programs."""

from typing import Any

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import op


def describe(model: ModelWrapper, node: NodeProto) -> str:
    """Return a line about a kernel: "3x3 convolution, 32 to 32 channels, 1 bit"."""
    kernel, facts = op(node), parameters(model, node)
    if "outputs" in facts:
        bits = facts["weight_bits"]
        width = _count(bits, "bit")
        if "kernel" in facts:
            size = _times(facts["kernel"])
            channels = _count(facts["outputs"], "channel")
            return f"{size} convolution, {facts['inputs']} to {channels}, {width}"
        return f"dense layer, {facts['inputs']} to {facts['outputs']}, {width}"
    kind = node.op_type.removesuffix("_rtl")
    if kind == "SlidingWindow":
        channels = _count(facts["channels"], "channel")
        return f"{_times(facts['kernel'])} windows of {_times(facts['image'])} pixels, {channels}"
    if kind == "BitMaxPool":
        channels = _count(facts["channels"], "channel")
        return f"{_times(facts['kernel'])} max-pooling on bits, {channels}"
    if kind == "WidthConverter":
        return f"width converter, {kernel.lanes_in()} to {_count(kernel.lanes_out(), 'lane')}"
    if kind == "StreamFIFO":
        return f"FIFO of {facts['depth']} beats"
    return "register slice"


def parameters(model: ModelWrapper, node: NodeProto) -> dict[str, Any]:
    """Return what a kernel is beside its folding: sizes, channels, bits."""
    kernel = op(node)
    number = kernel.number
    kind = node.op_type.removesuffix("_rtl")

    def numbers(name: str) -> list[int]:
        return list(kernel.numbers(name))

    if kind == "SlidingWindow":
        return {
            "kernel": numbers("ConvKernelDim"),
            "stride": numbers("Stride"),
            "padding": numbers("Padding"),
            "image": numbers("IFMDim"),
            "channels": number("IFMChannels"),
        }
    if kind == "BitMaxPool":
        return {
            "kernel": numbers("PoolDim"),
            "image": numbers("IFMDim"),
            "channels": number("IFMChannels"),
        }
    if kind in ("BinaryMVAU", "IntMVAU"):
        facts = {
            "inputs": number("MW"),
            "outputs": number("MH"),
            "weight_bits": int(kernel.weight_bits()),
            "threshold": bool(kernel.thresholds()),
        }
        if len(numbers("numInputVectors")) == 1:
            return facts
        before = model.find_producer(node.input[0])
        if before is None or not before.op_type.startswith("SlidingWindow"):
            return {**facts, "kernel": [1, 1]}
        window = op(before)
        return {
            **facts,
            "inputs": window.number("IFMChannels"),
            "kernel": list(window.numbers("ConvKernelDim")),
        }
    if kind == "StreamFIFO":
        return {"depth": number("depth")}
    return {}


def _times(sizes: list[int]) -> str:
    return "x".join(str(size) for size in sizes)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
