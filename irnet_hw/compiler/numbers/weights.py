"""A layer's weights as integers times a power of two for each output channel."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import Floats, Ints, attribute
from irnet_hw.compiler.numbers.codes import Units, dyadic_unit
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import QUANTIZERS, label
from irnet_hw.runner import node_result

#: The widest weights.
MOST_BITS = 8
LARGEST = 2 ** (MOST_BITS - 1)


@dataclass(frozen=True)
class Weights:
    """A layer's weights.

    Attributes:
        integers: [outputs, inputs, rows, columns]; a dense layer has one row and column.
        unit: of each output channel, a power of two.
    """

    integers: Ints
    unit: Units


def maker(model: ModelWrapper, layer: NodeProto) -> NodeProto | None:
    """Return the quantizer that makes a layer's weights, if there is one."""
    found = model.find_producer(layer.input[1])
    return found if found is not None and found.op_type in QUANTIZERS else None


def values(model: ModelWrapper, layer: NodeProto) -> Floats:
    """Return a layer's weights as the file gives them, in float32.

    Raises:
        UserError: they are not constant.
    """
    found = model.get_initializer(layer.input[1])
    if found is None:
        node = maker(model, layer)
        missing = [
            name
            for name in (node.input if node else [])
            if name and model.get_initializer(name) is None
        ]
        if node is None or missing:
            what = missing[0] if missing else layer.input[1]
            raise UserError(f"{label(layer)}: its weights, {what}, must be constant")
        found = node_result(model, node)
    found = np.asarray(found, np.float32)
    if not np.all(np.isfinite(found)):
        raise UserError(f"{label(layer)}: its weights hold a value that is not finite")
    return found


def weights(model: ModelWrapper, layer: NodeProto, finest: float | None = None) -> Weights:
    """Return a convolution's or dense layer's weights as integers.

    A convolution in groups gets zeros between them, a dilated one between its taps.

    Args:
        model: the network.
        layer: one of its nodes.
        finest: prefer one power of two for all outputs, at most this one.

    Raises:
        UserError: they are not integers of up to 8 bits times a power of two for each output.
    """
    found = values(model, layer)
    if layer.op_type == "MatMul":
        found = found.T[:, :, np.newaxis, np.newaxis]
    elif found.ndim == 3:  # a one-dimensional convolution
        found = found[..., np.newaxis]
    flat = found.reshape(len(found), -1)
    unit = np.array([dyadic_unit(row) for row in flat])
    if finest is not None:
        common = common_unit(flat, np.minimum(unit, finest)) or common_unit(flat, unit)
        unit = unit if common is None else np.full_like(unit, common)
    exact = found.astype(np.float64) / unit.reshape(-1, 1, 1, 1)
    if np.abs(exact).max() >= 2**31:
        exact = np.clip(exact, -(2.0**31), 2.0**31)
    integers = np.rint(exact).astype(np.int64)
    if integers.min() < -(2 ** (MOST_BITS - 1)) or integers.max() >= 2 ** (MOST_BITS - 1):
        raise UserError(
            f"{label(layer)}: its weights take {_bits(integers)} bits in some output channel, must "
            f"take at most {MOST_BITS}; quantize them, as Brevitas' QuantConv2d and QuantLinear do "
            f"with weight_bit_width={MOST_BITS} or less"
        )
    return Weights(_dilated(layer, _ungrouped(layer, integers)), unit)


def common_unit(weights: npt.NDArray[np.floating], units: Units) -> float | None:
    """Return one unit for all outputs, if their weights are small multiples of it.

    Args:
        weights: [outputs, weights].
        units: of each output.
    """
    used = np.any(weights != 0, axis=1)
    if not used.any():
        return 1.0
    least = float(units[used].min())
    return least if np.abs(weights).max() / least < LARGEST else None


def _bits(integers: Ints) -> int:
    return max(int(integers.max()).bit_length(), int(-integers.min() - 1).bit_length()) + 1


def _ungrouped(layer: NodeProto, integers: Ints) -> Ints:
    groups = attribute(layer, "group", 1)
    if groups == 1:
        return integers
    outputs, inputs, *size = integers.shape
    full = np.zeros((outputs, inputs * groups, *size), np.int64)
    for output in range(outputs):
        start = output // (outputs // groups) * inputs
        full[output, start : start + inputs] = integers[output]
    return full


def _dilated(layer: NodeProto, integers: Ints) -> Ints:
    steps = list(attribute(layer, "dilations", [1, 1]))
    down, right = [*steps, 1][:2]
    if layer.op_type == "MatMul" or down == right == 1:
        return integers
    outputs, inputs, rows, columns = integers.shape
    full = np.zeros((outputs, inputs, (rows - 1) * down + 1, (columns - 1) * right + 1), np.int64)
    full[:, :, ::down, ::right] = integers
    return full
