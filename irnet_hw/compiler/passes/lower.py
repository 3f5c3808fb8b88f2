"""Lowering: turns layers into hardware ops, and the graph into NHWC.

Each convolution becomes a sliding window and a matrix-vector unit with transpositions around them.
A flattening becomes a width converter, and the weight rows behind it change from CHW to HWC order.
Then neighbouring transpositions cancel until none is left. The logits become integers; the graph's
metadata keeps their scale.
"""

import json
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from onnx import NodeProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.transformation.general import RemoveUnusedTensors, SortGraph

from irnet_hw.compiler.graph import (
    FINN_DOMAIN,
    TO_NCHW,
    Ints,
    add_constant,
    add_tensor,
    attribute,
    constant,
    int_array,
    name_kernels,
    reader,
    redeclare,
    rename,
    replace,
    shape,
)
from irnet_hw.compiler.nhwc import (
    from_nhwc,
    kernel,
    pixels_of,
    signed_type,
    to_nhwc,
    type_of,
)
from irnet_hw.compiler.numbers.accumulators import accumulator_range
from irnet_hw.compiler.numbers.chain import chain, layers
from irnet_hw.compiler.numbers.layer_input import Source, source
from irnet_hw.compiler.passes.node_checks import EXACT, FLATTENING, UNITS, UNITS_TEXT
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import label

#: Key of the graph's metadata for the value of one unit of the logits.
SCALE_KEY = "irnet_hw_output_scale"


def output_scale(model: ModelWrapper) -> float:
    """Return the scale of a lowered graph's integer logits."""
    return float(json.loads(model.get_metadata_prop(SCALE_KEY)))


class LowerLogits(Transformation):  # type: ignore[misc]
    """Turn the scale and bias behind the last layer into an integer bias and one scale."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model whose output is integer."""
        logits = model.graph.output[0].name
        layer = next(
            layer
            for layer in layers(model)
            if logits in [layer.output[0], *(node.output[0] for node in chain(model, layer))]
        )
        nodes = chain(model, layer)
        classes = shape(model, logits)[1]
        scale, bias = Fraction(1), [Fraction(0)] * classes
        for node in nodes:
            values = np.broadcast_to(constant(model, node.input[1]).reshape(-1), classes)
            exact = [Fraction(float(value)) for value in values]
            if node.op_type == "Mul":
                scale *= exact[0]
                if not UNITS[0] <= scale <= UNITS[1]:
                    raise UserError(
                        f"{label(node)}: makes the logits' scale {float(scale):g}, must be "
                        f"{UNITS_TEXT}, or float32 does not hold them exactly"
                    )
            else:
                bias = [total + value / scale for total, value in zip(bias, exact, strict=True)]
            if any(value.denominator != 1 or abs(value) >= EXACT for value in bias):
                raise UserError(
                    f"{label(node)}: must add multiples of the logits' scale {float(scale):g}, "
                    f"below {EXACT} times it"
                )
        low, high = accumulator_range(model, layer)
        whole = np.array([int(value) for value in bias], np.int64)
        datatype = signed_type((low + whole).min(), (high + whole).max())
        redeclare(model, logits, (1, classes), datatype)
        _lower(model, layer, nodes, logits, whole)
        model.set_metadata_prop(SCALE_KEY, json.dumps(float(scale)))
        return model, False


class LowerLayers(Transformation):  # type: ignore[misc]
    """Turn each other layer into a matrix-vector unit, behind a sliding window if needed."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model of hardware ops and transpositions."""
        for layer in layers(model):
            nodes = chain(model, layer)
            if nodes:
                (sign,) = nodes
                model.set_tensor_datatype(sign.output[0], DataType["BIPOLAR"])
                _lower(model, layer, nodes, sign.output[0], None)
            else:
                sums = layer.output[0]
                _lower(model, layer, [], sums, np.zeros(shape(model, sums)[1], np.int64))
        return model, False


class LowerFlatten(Transformation):  # type: ignore[misc]
    """Turn a flattening into a width converter, which keeps HWC order, and adapt the weights."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model without flattenings."""
        for node in [n for n in model.graph.node if n.op_type in FLATTENING]:
            before = node.input[0]
            _, channels, height, width = shape(model, before)
            datatype = model.get_tensor_datatype(before)
            stream, turn = to_nhwc(model, before)
            flat = shape(model, node.output[0])
            # The order differs from the network's, so the name must, too.
            after = add_tensor(model, f"{node.output[0]}_hwc", flat, datatype)
            converter = kernel(
                "WidthConverter",
                [stream],
                [after],
                node.name,
                (datatype, datatype),
                inShape=[1, height, width, channels],
                outShape=list(flat),
                inLanes=1,
                outLanes=1,
            )
            dense = reader(model, node.output[0])
            dense.input[0] = after
            weight = int_array(model, dense.input[1])
            rows = weight.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
            model.set_initializer(dense.input[1], rows.reshape(weight.shape).astype(np.float32))
            replace(model, [node], [*turn, converter])
        return model, False


class ChannelsLast(Transformation):  # type: ignore[misc]
    """Take the image as NHWC, and cancel transpositions."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model without transpositions."""
        image = model.graph.input[0].name
        _, channels, height, width = shape(model, image)
        turned = add_tensor(model, f"{image}_nchw", (1, channels, height, width), DataType["UINT8"])
        for node in model.graph.node:
            for i, name in enumerate(node.input):
                if name == image:
                    node.input[i] = turned
        redeclare(model, image, (1, height, width, channels), DataType["UINT8"])
        turn = helper.make_node("Transpose", [image], [turned], perm=TO_NCHW)
        model.graph.node.insert(0, turn)
        for node in [n for n in model.graph.node if n.op_type == "Transpose"]:
            if tuple(attribute(node, "perm", ())) == TO_NCHW:
                _cancel(model, node)
        left = [node.op_type for node in model.graph.node if node.domain != FINN_DOMAIN]
        assert not left, f"not lowered: {left}"
        return model.transform(RemoveUnusedTensors()).transform(SortGraph()), False


class Lower(Transformation):  # type: ignore[misc]
    """Turn the remaining layers into hardware ops, so that the graph has nothing else."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the graph of hardware ops, not yet specialised or folded."""
        for step in (LowerLogits(), LowerLayers(), LowerFlatten(), ChannelsLast()):
            model = model.transform(step)
        name_kernels(model)
        return model, False


def _cancel(model: ModelWrapper, node: NodeProto) -> None:
    """Drop a transposition to NCHW and the following one back to NHWC."""
    back = reader(model, node.output[0])
    assert back.op_type == "Transpose", f"{node.output[0]} is left in NCHW"
    first, last, between = node.input[0], back.output[0], node.output[0]
    after = reader(model, last)
    after.input[list(after.input).index(last)] = first
    model.graph.node.remove(node)
    model.graph.node.remove(back)
    if first != model.graph.input[0].name:
        # The stream takes the name of the network's tensor that it carries.
        rename(model, between, f"{between}_transposed")
        rename(model, first, between)


def _lower(
    model: ModelWrapper, layer: NodeProto, nodes: list[NodeProto], result: str, bias: Ints | None
) -> None:
    """Replace a layer and the nodes behind it by hardware ops.

    Args:
        model: the network.
        layer: the convolution or dense layer.
        nodes: its sign, or the nodes that make the logits.
        result: their output tensor.
        bias: added to the accumulators, which are the integer output; None if the output is signs,
            from the thresholds of ``nodes``.
    """
    reads = source(model, layer)
    weight = int_array(model, layer.input[1])
    # The binary unit adds no bias; the integer unit also takes weights of ±1.
    plain = bias is None or not np.any(bias)
    binary = reads.binary() and plain and bool(np.all(np.abs(weight) == 1))
    convolution = layer.op_type == "Conv"
    rows = weight.transpose(2, 3, 1, 0).reshape(-1, len(weight)) if convolution else weight
    border: dict[str, Any] = {}
    before: list[NodeProto] = []
    stream = reads.tensor
    if convolution:
        stream, border, before = _window(model, layer, reads)
    attributes: dict[str, Any] = {
        "MW": rows.shape[0],
        "MH": rows.shape[1],
        "SIMD": 1,
        "PE": 1,
        "numInputVectors": pixels_of(model, layer.output[0]),
        "noActivation": 0 if bias is None else 1,
    }
    matrix_type = DataType["BIPOLAR"] if binary else type_of(rows)
    inputs = [stream, add_constant(model, f"{layer.name}_weights", rows, matrix_type)]
    if bias is None:
        levels = int_array(model, nodes[0].input[1]).reshape(-1)
        inputs.append(add_constant(model, f"{layer.name}_levels", levels, DataType["INT32"]))
    elif not binary:
        inputs.append(add_constant(model, f"{layer.name}_bias", bias, DataType["INT32"]))
    if binary:
        attributes.update(border)
    else:
        attributes.update(InputZeroPoint=reads.zero, weightDataType=matrix_type.name)
        if convolution:
            attributes["ConvKernelDim"] = border["ConvKernelDim"]
    output, after = from_nhwc(model, result)
    types = (reads.datatype, model.get_tensor_datatype(result))
    kind = "BinaryMVAU" if binary else "IntMVAU"
    unit = kernel(kind, inputs, [output], layer.name, types, **attributes)
    subtraction = [] if reads.subtraction is None else [reads.subtraction]
    replace(model, [layer, *subtraction, *nodes], [*before, unit, *after])


def _window(
    model: ModelWrapper, layer: NodeProto, reads: Source
) -> tuple[str, dict[str, Any], list[NodeProto]]:
    """Return the stream of windows, the border's attributes, and the nodes that make it.

    A 1x1 convolution without padding reads the pixels themselves, or with a stride and of a stream,
    some of them.
    """
    _, channels, height, width = shape(model, reads.tensor)
    _, _, rows, columns = shape(model, layer.output[0])
    image = [height, width]
    size = list(attribute(layer, "kernel_shape", []))
    stride = list(attribute(layer, "strides", [1, 1]))
    padding = list(attribute(layer, "pads", [0, 0, 0, 0]))
    border = {"ConvKernelDim": size, "Stride": stride, "Padding": padding, "IFMDim": image}
    pixels, turn = to_nhwc(model, reads.tensor)
    types = (reads.datatype, reads.datatype)
    if size == stride == [1, 1] and not any(padding):
        return pixels, border, turn
    if size == [1, 1] and reads.is_stream() and not any(padding):
        taken = (1, rows, columns, channels)
        some = add_tensor(model, f"{layer.name}_pixels", taken, reads.datatype)
        subsample = kernel(
            "SubsamplePad",
            [pixels],
            [some],
            f"{layer.name}_pixels",
            types,
            IFMDim=image,
            IFMChannels=channels,
            Stride=stride,
            PadChannels=[0, 0],
            PE=1,
        )
        return some, border, [*turn, subsample]
    sizes = (1, rows, columns, prod(size) * channels)
    windows = add_tensor(model, f"{layer.name}_windows", sizes, reads.datatype)
    window = kernel(
        "SlidingWindow",
        [pixels],
        [windows],
        f"{layer.name}_window",
        types,
        **border,
        PadValue=-1 if reads.binary() else reads.zero,
        OFMDim=[rows, columns],
        IFMChannels=channels,
        SIMD=1,
    )
    return windows, border, [*turn, window]
