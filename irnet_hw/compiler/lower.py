"""Pass 7: layers become the hardware's ops, and the graph becomes NHWC.

Each convolution turns into a sliding window and a matrix-vector unit with transpositions around
them; a flattening turns into a width converter, and the weight rows behind it change from CHW to
HWC order. Then neighbouring transpositions cancel, and none is left. The logits become integers;
their scale is kept in the graph's metadata.
"""

import json
from math import prod
from typing import Any

import numpy as np
from onnx import NodeProto, helper
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.transformation.general import RemoveUnusedTensors

from irnet_hw.compiler.accumulators import Ints, accumulator_range
from irnet_hw.compiler.chain import chain, layers
from irnet_hw.compiler.check import EXACT, FLATTENING
from irnet_hw.compiler.graph import (
    FINN_DOMAIN,
    TO_NCHW,
    TO_NHWC,
    add_constant,
    add_tensor,
    attribute,
    constant,
    consumer,
    int_array,
    label,
    redeclare,
    rename,
    replace,
    shape,
)
from irnet_hw.compiler.integer_input import zero_point
from irnet_hw.errors import UserError

#: Where the graph's metadata has the value of one unit of the logits.
SCALE_KEY = "irnet_hw_output_scale"


def output_scale(model: ModelWrapper) -> float:
    """Return by what the integer logits of a lowered graph are multiplied."""
    return float(json.loads(model.get_metadata_prop(SCALE_KEY)))


class LowerLogits(Transformation):  # type: ignore[misc]
    """The scale and bias behind the last layer become an integer bias and one scale."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model whose output is integer."""
        layer = layers(model)[-1]
        nodes = chain(model, layer)
        logits = model.graph.output[0].name
        classes = shape(model, logits)[1]
        scale, shift = 1.0, np.zeros(classes)
        for node in nodes:
            value = constant(model, node.input[1]).astype(np.float64)
            if node.op_type == "Mul":
                scale, shift = scale * float(value.flat[0]), shift * float(value.flat[0])
            else:
                shift = shift + value.reshape(-1)
        bias = shift / scale
        if np.any(bias % 1) or np.any(np.abs(bias) >= EXACT):
            adder = next(node for node in nodes if node.op_type == "Add")
            raise UserError(
                f"{label(adder)}: must add multiples of the logits' scale {scale:g}, "
                f"below {EXACT} times it"
            )
        steps = _layer_ops(model, layer, layer.output[0], logits, bias.astype(np.int64))
        replace(model, [*_subtraction(model, layer), layer, *nodes], steps)
        model.set_metadata_prop(SCALE_KEY, json.dumps(scale))
        return model, False


class LowerLayers(Transformation):  # type: ignore[misc]
    """Each layer with a sign becomes a matrix-vector unit, behind a sliding window if need be."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model of hardware ops and transpositions."""
        for layer in layers(model):
            (sign,) = chain(model, layer)
            steps = _layer_ops(model, layer, layer.output[0], sign.output[0], None)
            replace(model, [*_subtraction(model, layer), layer, sign], steps)
        return model, False


class LowerFlatten(Transformation):  # type: ignore[misc]
    """A flattening becomes a width converter, which keeps HWC order; the weights follow."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model without flattenings."""
        for node in [n for n in model.graph.node if n.op_type in FLATTENING]:
            before, after = node.input[0], node.output[0]
            _, channels, height, width = shape(model, before)
            datatype = model.get_tensor_datatype(before)
            nhwc = (1, height, width, channels)
            stream = add_tensor(model, f"{before}_nhwc", nhwc, datatype)
            flat = shape(model, after)
            redeclare(model, after, flat, datatype)
            converter = _node(
                "WidthConverter",
                [stream],
                after,
                node.name,
                (datatype, datatype),
                inShape=list(nhwc),
                outShape=list(flat),
                inLanes=1,
                outLanes=1,
            )
            dense = consumer(model, after)
            assert dense is not None
            weight = int_array(model, dense.input[1])
            rows = weight.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
            model.set_initializer(dense.input[1], rows.reshape(weight.shape).astype(np.float32))
            turn = helper.make_node("Transpose", [before], [stream], perm=TO_NHWC)
            replace(model, [node], [turn, converter])
        return model, False


class ChannelsLast(Transformation):  # type: ignore[misc]
    """The image comes as NHWC, and transpositions cancel."""

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
        return model.transform(RemoveUnusedTensors()), False


class Lower(Transformation):  # type: ignore[misc]
    """Turn a graph of convolutions, dense layers and integer signs into one of hardware ops."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the graph of hardware ops, not yet specialised or folded."""
        for step in (LowerLogits(), LowerLayers(), LowerFlatten(), ChannelsLast()):
            model = model.transform(step)
        return model, False


def _cancel(model: ModelWrapper, node: NodeProto) -> None:
    """Drop a transposition to NCHW and the one back to NHWC behind it."""
    back = consumer(model, node.output[0])
    assert back is not None and back.op_type == "Transpose"
    first, last, between = node.input[0], back.output[0], node.output[0]
    after = consumer(model, last)
    assert after is not None
    after.input[0] = first
    model.graph.node.remove(node)
    model.graph.node.remove(back)
    if first != model.graph.input[0].name:
        # The stream takes the name of the network's tensor that it carries.
        rename(model, between, f"{between}_transposed")
        rename(model, first, between)


def _subtraction(model: ModelWrapper, layer: NodeProto) -> list[NodeProto]:
    """Return the node that takes the zero point from the layer's input, if there is one."""
    return [] if zero_point(model, layer) is None else [model.find_producer(layer.input[0])]


def _layer_ops(
    model: ModelWrapper, layer: NodeProto, product: str, result: str, bias: Ints | None
) -> list[NodeProto]:
    """Return the ops that make ``result`` of the layer's input; with a bias, integers."""
    zero = zero_point(model, layer)
    entry = layer.input[0] if zero is None else model.find_producer(layer.input[0]).input[0]
    source = DataType["BIPOLAR"] if zero is None else DataType["UINT8"]
    weight = int_array(model, layer.input[1])
    # The binary unit adds no bias; the other one takes weights of +-1 too.
    plain = bias is None or not np.any(bias)
    binary = zero is None and plain and bool(np.all(np.abs(weight) == 1))
    low, high = accumulator_range(model, layer)
    convolution = layer.op_type == "Conv"
    rows = weight.transpose(2, 3, 1, 0).reshape(-1, len(weight)) if convolution else weight
    border: dict[str, Any] = {}
    before: list[NodeProto] = []
    vectors, stream = [1], entry
    if convolution:
        stream, vectors, border, before = _window(model, layer, entry, source, zero)
    attributes: dict[str, Any] = {
        "MW": rows.shape[0],
        "MH": rows.shape[1],
        "SIMD": 1,
        "PE": 1,
        "numInputVectors": vectors,
        "noActivation": 0 if bias is None else 1,
    }
    matrix_type = DataType["BIPOLAR"] if binary else _signed_type(rows.min(), rows.max())
    inputs = [stream, add_constant(model, f"{layer.name}_weights", rows, matrix_type)]
    target = DataType["BIPOLAR"]
    if bias is None:
        sign = consumer(model, product)
        assert sign is not None
        levels = int_array(model, sign.input[1]).reshape(-1)
        inputs.append(add_constant(model, f"{layer.name}_levels", levels, DataType["INT32"]))
    elif binary:
        target = _signed_type(-rows.shape[0], rows.shape[0])
    else:
        target = _signed_type((low + bias).min(), (high + bias).max())
        inputs.append(add_constant(model, f"{layer.name}_bias", bias, DataType["INT32"]))
    if binary:
        attributes.update(border)
    else:
        attributes.update(InputZeroPoint=zero or 0, weightDataType=matrix_type.name)
    output = result
    after = []
    if convolution:
        _, channels, height, width = shape(model, result)
        output = add_tensor(model, f"{result}_nhwc", (1, height, width, channels), target)
        after = [helper.make_node("Transpose", [output], [result], perm=TO_NCHW)]
    redeclare(model, result, shape(model, result), target)
    kind = "BinaryMVAU" if binary else "IntMVAU"
    unit = _node(kind, inputs, output, layer.name, (source, target), **attributes)
    return [*before, unit, *after]


def _window(
    model: ModelWrapper, layer: NodeProto, entry: str, source: BaseDataType, zero: int | None
) -> tuple[str, list[int], dict[str, Any], list[NodeProto]]:
    """Return the stream of windows, its vectors, the border's attributes, the nodes that make it.

    A 1x1 convolution without stride and padding reads the pixels themselves.
    """
    _, channels, height, width = shape(model, entry)
    _, _, rows, columns = shape(model, layer.output[0])
    kernel = list(attribute(layer, "kernel_shape", []))
    stride = list(attribute(layer, "strides", [1, 1]))
    padding = list(attribute(layer, "pads", [0, 0, 0, 0]))
    border = {
        "ConvKernelDim": kernel,
        "Stride": stride,
        "Padding": padding,
        "IFMDim": [height, width],
    }
    pixels = add_tensor(model, f"{entry}_nhwc", (1, height, width, channels), source)
    turn = helper.make_node("Transpose", [entry], [pixels], perm=TO_NHWC)
    vectors = [1, rows, columns]
    if kernel == stride == [1, 1] and not any(padding):
        return pixels, vectors, border, [turn]
    sizes = (1, rows, columns, prod(kernel) * channels)
    windows = add_tensor(model, f"{layer.name}_windows", sizes, source)
    window = _node(
        "SlidingWindow",
        [pixels],
        windows,
        f"{layer.name}_window",
        (source, source),
        **border,
        PadValue=-1 if zero is None else zero,
        OFMDim=[rows, columns],
        IFMChannels=channels,
        SIMD=1,
    )
    return windows, vectors, border, [turn, window]


def _node(
    kind: str,
    inputs: list[str],
    output: str,
    name: str,
    types: tuple[BaseDataType, BaseDataType],
    **attributes: Any,
) -> NodeProto:
    """Return a node of the FINN op ``kind``."""
    return helper.make_node(
        kind,
        inputs,
        [output],
        name=name,
        domain=FINN_DOMAIN,
        backend="fpgadataflow",
        inputDataType=types[0].name,
        outputDataType=types[1].name,
        **attributes,
    )


def _signed_type(low: int, high: int) -> BaseDataType:
    """Return the narrowest signed type, of at least 2 bits, from ``low`` to ``high``."""
    bits = 2
    while -(1 << (bits - 1)) > low or (1 << (bits - 1)) <= high:
        bits += 1
    return DataType[f"INT{bits}"]
