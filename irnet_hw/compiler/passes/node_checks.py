"""Checks of single nodes: their weights, attributes and constants."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import attribute, constant, readers, shape
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import QUANTIZERS, label

CONVOLUTIONS = ("Conv",)
DENSE = ("MatMul", "Gemm")
LAYERS = (*CONVOLUTIONS, *DENSE)
#: Operations whose float32 evaluation is monotone in each channel.
MONOTONE = ("Mul", "Add", "Sub", "Div", "BatchNormalization", "Clip")
FLATTENING = ("Flatten", "Reshape")
#: Float32 is exact for integers up to 2^24: half for an accumulator and half for a bias.
EXACT = 2**23
#: What the units of sums and of streams lie between: fewer than 2^24 of them are a normal float32.
UNITS = (2.0**-126, 2.0**103)
UNITS_TEXT = "2^-126 to 2^103"
#: So many integers of 8 bits have a sum that float32 holds.
MOST_PIXELS = EXACT // 2**7


def check_weights(model: ModelWrapper, layer: NodeProto) -> None:
    """Check that the weights are 1 bit, or 2 to 8 bits, with powers of two as scales."""
    maker = model.find_producer(layer.input[1])
    if maker is None or maker.op_type not in QUANTIZERS:
        raise UserError(f"{label(layer)}: its weights must come from Quant or BipolarQuant")
    users = readers(model, layer.input[1])
    if len(users) > 1:
        raise UserError(
            f"{label(maker)}: is read by {', '.join(map(label, users))}; "
            "every layer needs its own weights"
        )
    for name in maker.input:
        if model.get_initializer(name) is None:
            raise UserError(f"{label(maker)}: {name} must be constant")
    raw = constant(model, maker.input[0])
    if not np.all(np.isfinite(raw)):
        raise UserError(f"{label(maker)}: {maker.input[0]} holds a value that is not finite")
    scale = constant(model, maker.input[1])
    if not power_of_two(scale):
        raise UserError(
            f"{label(maker)}: scale {listed(scale)}, must be powers of two, {UNITS_TEXT}"
        )
    sizes = raw.shape
    axis = 1 if layer.op_type == "MatMul" or not attribute(layer, "transB", 0) else 0
    if layer.op_type in CONVOLUTIONS:
        axis = 0
    per_output = [1] * len(sizes)
    per_output[axis] = sizes[axis]
    found, wanted = shape(model, layer.input[0])[1], sizes[1 if axis == 0 else 0]
    if found != wanted:
        raise UserError(f"{label(layer)}: its input has {found} channels, its weights {wanted}")
    padded = [1] * (len(sizes) - scale.ndim) + list(scale.shape)
    if scale.size != 1 and padded != per_output:
        raise UserError(
            f"{label(maker)}: scale of shape {list(scale.shape)}, must be one for all weights "
            f"or one per output channel, {per_output}"
        )
    if maker.op_type == "Quant":
        zero, bits = constant(model, maker.input[2]), constant(model, maker.input[3])
        if np.any(zero != 0):
            raise UserError(f"{label(maker)}: zero point {listed(zero)}, must be 0")
        if bits.size != 1 or not 2 <= bits.item() <= 8 or bits.item() % 1:
            raise UserError(f"{label(maker)}: {listed(bits)} bits, must be 2 to 8")
        if not attribute(maker, "signed", 1):
            raise UserError(f"{label(maker)}: unsigned, must be signed")


def check_unit(model: ModelWrapper, layer: NodeProto, step: float) -> None:
    """Check that all sums of a layer are normal float32 numbers.

    Args:
        model: the network.
        layer: whose weights have been checked.
        step: of the layer's input.
    """
    scale = constant(model, model.find_producer(layer.input[1]).input[1])
    units = scale.astype(np.float64) * step
    if not power_of_two(units):
        raise UserError(
            f"{label(layer)}: its weights' scale times its input's is {listed(units)}, must be "
            f"{UNITS_TEXT}, or float32 does not hold its sums exactly"
        )


def check_convolution(model: ModelWrapper, node: NodeProto, signs: bool) -> None:
    """Check a convolution's attributes.

    Args:
        model: the network.
        node: the convolution.
        signs: whether it reads signs.
    """
    if len(node.input) > 2 and node.input[2]:
        raise UserError(f"{label(node)}: has a bias; it must be an Add node of its own")
    if len(shape(model, node.input[1])) != 4:
        raise UserError(f"{label(node)}: must have two dimensions in space")
    _plain(node, group=1, auto_pad="NOTSET", dilations=[1, 1])
    padded = any(attribute(node, "pads", [0, 0, 0, 0]))
    maker = model.find_producer(node.input[1])
    if padded and signs and maker.op_type == "Quant":
        raise UserError(
            f"{label(node)}: zero padding of 1-bit activations needs 1-bit weights "
            "(BipolarQuant), and its weights come from Quant"
        )


def check_dense(model: ModelWrapper, node: NodeProto, unit: float) -> None:
    """Check a dense layer's attributes and bias; ``unit`` is the step of its input."""
    if len(shape(model, node.input[0])) != 2:
        raise UserError(f"{label(node)}: its input must be flattened first")
    if node.op_type == "Gemm":
        _plain(node, alpha=1.0, beta=1.0, transA=0)
        if len(node.input) > 2 and node.input[2]:
            _check_bias(model, node, unit)


def _check_bias(model: ModelWrapper, node: NodeProto, unit: float) -> None:
    """Check that a Gemm's bias is a whole number of the accumulator's units.

    Gemm may add the bias before or between the products: only then do all orders agree.
    """
    bias = model.get_initializer(node.input[2])
    if bias is None:
        raise UserError(f"{label(node)}: bias {node.input[2]} must be constant")
    scale = constant(model, model.find_producer(node.input[1]).input[1])
    units = bias.astype(np.float64) / (scale.reshape(-1).astype(np.float64) * unit)
    if not np.all(units % 1 == 0) or np.any(np.abs(units) >= EXACT):
        raise UserError(
            f"{label(node)}: bias {listed(bias)}, must be multiples of the accumulator's scale "
            f"{listed(scale * unit)}, below {EXACT} times it"
        )


def check_flatten(model: ModelWrapper, node: NodeProto) -> None:
    """Check that a node flattens each image."""
    before, after = shape(model, node.input[0]), shape(model, node.output[0])
    if after != (1, math.prod(before)):
        raise UserError(
            f"{label(node)}: turns {list(before)} into {list(after)}, "
            f"must be {[1, math.prod(before)]}"
        )
    if node.op_type == "Reshape" and constant(model, node.input[1]).flat[0] not in (0, -1):
        raise UserError(
            f"{label(node)}: shape {constant(model, node.input[1]).tolist()}, must begin with 0 or "
            "-1, because the network also runs on batches of images"
        )


def check_pool(node: NodeProto) -> None:
    """Check that a MaxPool's windows neither overlap nor leave gaps."""
    kernel = list(attribute(node, "kernel_shape", []))
    if len(kernel) != 2:
        raise UserError(f"{label(node)}: kernel_shape = {kernel}, must have two sizes")
    strides = list(attribute(node, "strides", [1, 1]))
    if strides != kernel:
        raise UserError(f"{label(node)}: strides = {strides}, must be kernel_shape = {kernel}")
    _plain(node, auto_pad="NOTSET", pads=[0, 0, 0, 0], dilations=[1, 1], ceil_mode=0)


def check_sum(model: ModelWrapper, node: NodeProto) -> None:
    """Check that a ReduceSum adds the pixels of each channel."""
    axes = attribute(node, "axes", [])
    if len(node.input) > 1:  # since opset 13
        if model.get_initializer(node.input[1]) is None:
            raise UserError(f"{label(node)}: {node.input[1]} must be constant")
        axes = constant(model, node.input[1]).tolist()
    rank = len(shape(model, node.input[0]))
    if rank != 4 or sorted(axis % rank for axis in axes) != [2, 3]:
        raise UserError(
            f"{label(node)}: sums axes {list(axes)} of {rank}, must sum all pixels, axes [2, 3] "
            "of 4"
        )
    pixels = math.prod(shape(model, node.input[0])[2:])
    if pixels > MOST_PIXELS:
        raise UserError(f"{label(node)}: sums {pixels} pixels, must be at most {MOST_PIXELS}")


def check_quantizer(model: ModelWrapper, node: NodeProto) -> float:
    """Check that a Quant of activations yields integers times a step; return the step."""
    scale, zero, bits = (model.get_initializer(name) for name in node.input[1:])
    for name, value in zip(node.input[1:], (scale, zero, bits), strict=True):
        if value is None:
            raise UserError(f"{label(node)}: {name} must be constant")
    if scale.size != 1 or not power_of_two(scale):
        raise UserError(
            f"{label(node)}: scale {listed(scale)}, must be one power of two, {UNITS_TEXT}"
        )
    if np.any(zero != 0):
        raise UserError(f"{label(node)}: zero point {listed(zero)}, must be 0")
    if bits.size != 1 or not 2 <= bits.item() <= 8 or bits.item() % 1:
        raise UserError(f"{label(node)}: {listed(bits)} bits, must be 2 to 8")
    _plain(node, signed=1, narrow=0)
    rounding = attribute(node, "rounding_mode", "ROUND")
    if rounding != "FLOOR":
        raise UserError(f"{label(node)}: rounding_mode = {rounding}, must be FLOOR")
    return float(scale.item())


def check_monotone(model: ModelWrapper, node: NodeProto) -> None:
    """Check that an operation's constants are finite, and one for all or one per channel."""
    channels = shape(model, node.output[0])[1]
    rank = len(shape(model, node.output[0]))
    if node.op_type == "BatchNormalization":
        _plain(node, training_mode=0)
    for name in node.input[1:]:
        if not name:
            continue
        value = model.get_initializer(name)
        if value is None:
            raise UserError(f"{label(node)}: {name} must be constant")
        if not np.all(np.isfinite(value)):
            raise UserError(f"{label(node)}: {name} holds a value that is not finite")
        if node.op_type == "Div" and np.any(value == 0):
            raise UserError(f"{label(node)}: {name} divides by 0")
        sizes = (channels,) if node.op_type == "BatchNormalization" else (1, channels)
        per_channel = [*sizes, *[1] * (rank - 2)] if len(sizes) == 2 else [channels]
        padded = [1] * (len(per_channel) - value.ndim) + list(value.shape)
        if value.size != 1 and padded != per_channel:
            raise UserError(
                f"{label(node)}: {name} of shape {list(value.shape)}, must be one value "
                f"or one per channel, {per_channel}"
            )


def _plain(node: NodeProto, **wanted: object) -> None:
    """Check that attributes have their usual values, or are absent."""
    for name, value in wanted.items():
        found = attribute(node, name, value)
        found = list(found) if isinstance(value, list) else found
        if found != value:
            raise UserError(f"{label(node)}: {name} = {found}, must be {value}")


def power_of_two(values: npt.NDArray[Any]) -> bool:
    """Return whether all values are powers of two that can be the unit of sums."""
    least, most = UNITS
    return bool(
        np.all(np.isfinite(values))
        and np.all(np.frexp(values)[0] == 0.5)
        and np.all((values >= least) & (values <= most))
    )


def scalar(model: ModelWrapper, node: NodeProto) -> float:
    """Return a node's second input, a constant number."""
    value = model.get_initializer(node.input[1])
    if value is None or value.size != 1:
        raise UserError(f"{label(node)}: its second input must be one constant number")
    return float(value.item())


def listed(values: npt.NDArray[Any]) -> str:
    """Return the first few values as text for a message."""
    flat = [f"{value:g}" for value in np.unique(values)[:4]]
    return ", ".join(flat) + (", ..." if np.unique(values).size > 4 else "")
