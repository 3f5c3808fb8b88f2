"""Thresholds: turns everything between an accumulator and its sign into an integer threshold.

The threshold of a channel is found by bisection: the exported float32 chain itself, which is
monotone, is evaluated on the reachable accumulators. Algebra on floats would round differently from
the evaluation. If the chain falls, the channel's weights are negated, so that the comparison is
always acc >= T. The threshold of a channel whose sign never changes is the least accumulator
(always +1) or one above the greatest (always -1).
"""

import numpy as np
from onnx import NodeProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from irnet_hw.compiler.graph import Ints, add_constant, int_array, redeclare, replace, shape
from irnet_hw.compiler.numbers.accumulators import accumulator_range
from irnet_hw.compiler.numbers.chain import Evaluator, chain, evaluator, layers
from irnet_hw.compiler.passes.pool_bits import falling
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import QONNX_DOMAIN, label

#: The least weight whose negative fits into the hardware's 8 bits.
LEAST = -127
#: At so many accumulators of each channel the thresholds are compared with the chain, beside those
#: where they could go wrong first.
SAMPLES = 4


class IntegerThresholds(Transformation):  # type: ignore[misc]
    """Replace the chain of each layer with a sign by a MultiThreshold on integers."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model whose signs compare integer accumulators with integers."""
        for layer in layers(model):
            nodes = chain(model, layer)
            if nodes and nodes[-1].op_type == "MultiThreshold":
                _replace(model, layer, nodes)
        return model, False


def thresholds(evaluate: Evaluator, down: Ints, low: Ints, high: Ints) -> Ints:
    """Return each channel's T: the sign is +1 exactly where acc' >= T.

    Args:
        evaluate: returns the sign for each channel's accumulator.
        down: 1 for channels in which the sign falls; there acc' is -acc, else acc.
        low: the least accumulators, [channels].
        high: the greatest accumulators.
    """
    # Bisection: first becomes the least accumulator with +1 (falling: with -1).
    first, beyond = low.copy(), high + 1
    while np.any(first < beyond):
        middle = (first + beyond) // 2
        begun = evaluate(np.minimum(middle, high)) > 0
        begun = np.where(down == 1, ~begun, begun)
        searching = first < beyond
        beyond = np.where(searching & begun, middle, beyond)
        first = np.where(searching & ~begun, middle + 1, first)
    return np.where(down == 1, 1 - first, first)


def _compare(
    layer: NodeProto, evaluate: Evaluator, down: Ints, levels: Ints, low: Ints, high: Ints
) -> None:
    """Compare thresholds with the chain itself at the ends, about the thresholds and in between."""
    switch = np.where(down == 1, 1 - levels, levels)
    random = np.random.default_rng(0)
    between = [random.integers(low, high, endpoint=True) for _ in range(SAMPLES)]
    for some in (low, high, switch - 1, switch, *between):
        at = np.clip(some, low, high)
        table = np.where(down == 1, -at, at) >= levels
        wrong = np.flatnonzero(table != (evaluate(at) > 0))
        if wrong.size:
            channel = int(wrong[0])
            raise UserError(
                f"{label(layer)}: the sign of channel {channel} changes more than once as its sum "
                f"rises (looked at {int(at[channel])}); must be monotone"
            )


def _replace(model: ModelWrapper, layer: NodeProto, nodes: list[NodeProto]) -> None:
    low, high = accumulator_range(model, layer)
    down = falling(model, layer, [], nodes)
    evaluate = evaluator(model, layer, nodes)
    levels = thresholds(evaluate, down, low, high)
    _compare(layer, evaluate, down, levels, low, high)
    weight = int_array(model, layer.input[1])
    flips = 1 - 2 * down
    signed = weight * (flips.reshape(-1, 1, 1, 1) if layer.op_type == "Conv" else flips)
    if signed.max() > -LEAST:
        raise UserError(
            f"{label(layer)}: weight {-signed.max()} in a channel that has to be negated; "
            f"its 8-bit quantizer must be narrow, {LEAST} to {-LEAST}"
        )
    datatype = model.get_tensor_datatype(layer.input[1])
    layer.input[1] = add_constant(model, f"{layer.input[1]}_signed", signed, datatype)
    product, sign = layer.output[0], nodes[-1].output[0]
    sizes = shape(model, product)
    redeclare(model, product, sizes, DataType["INT32"])
    level = add_constant(model, f"{sign}_thresholds", levels.reshape(-1, 1), DataType["INT32"])
    node = helper.make_node(
        "MultiThreshold",
        [product, level],
        [sign],
        name=nodes[-1].name or f"{layer.name}_sign",
        domain=QONNX_DOMAIN,
        out_scale=2.0,
        out_bias=-1.0,
        out_dtype="BIPOLAR",
        data_layout="NCHW" if len(sizes) == 4 else "NC",
    )
    replace(model, nodes, [node])
