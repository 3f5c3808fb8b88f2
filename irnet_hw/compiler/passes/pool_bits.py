"""Pooling on bits: moves max-pooling behind the sign.

sign(g(max(x))) is the maximum of sign(g(x)) in channels where g rises, and the minimum where it
falls: OR and AND of bits. Evaluating g at both ends of its input's range shows which; if both ends
have the same sign, the channel is constant and either is right.
"""

import numpy as np
from onnx import NodeProto
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from irnet_hw.compiler.graph import (
    Ints,
    add_constant,
    add_tensor,
    attribute,
    redeclare,
    replace,
    shape,
)
from irnet_hw.compiler.nhwc import turned_kernel
from irnet_hw.compiler.numbers.accumulators import accumulator_range
from irnet_hw.compiler.numbers.chain import chain, evaluator, layers, require_finite


class PoolBits(Transformation):  # type: ignore[misc]
    """Replace each MaxPool by a BitMaxPool behind the sign."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model, and whether a MaxPool was replaced, because there may be another."""
        for layer in layers(model):
            nodes = chain(model, layer)
            pools = [i for i, node in enumerate(nodes) if node.op_type == "MaxPool"]
            if pools:
                _move_behind_sign(model, layer, nodes, pools[-1])
                return model, True
        for node in model.get_nodes_by_op_type("MaxPool"):
            signs = node.input[0]
            channels = shape(model, signs)[1]
            new = _bit_max_pool(model, node, signs, node.output[0], np.zeros(channels, np.int64))
            replace(model, [node], new)
            return model, True
        return model, False


def falling(
    model: ModelWrapper, layer: NodeProto, before: list[NodeProto], after: list[NodeProto]
) -> Ints:
    """Return 1 for each channel in which the chain ``after`` falls from +1 to -1, else 0.

    Args:
        model: the network.
        layer: the convolution or dense layer.
        before: the nodes between the layer and ``after``.
        after: the nodes from there to the sign.

    Raises:
        UserError: float32 overflows in the chain.
    """
    ends = accumulator_range(model, layer)
    require_finite(model, layer, [*before, *after], ends)
    first = evaluator(model, layer, before)
    a, b = (first(end) for end in ends)
    then = evaluator(model, layer, after)
    return (then(np.minimum(a, b)) > then(np.maximum(a, b))).astype(np.int64)


def _move_behind_sign(
    model: ModelWrapper, layer: NodeProto, nodes: list[NodeProto], at: int
) -> None:
    pool, after = nodes[at], nodes[at + 1 :]
    mask = falling(model, layer, nodes[:at], after)
    sizes = shape(model, pool.input[0])
    pooled = after[-1].output[0]
    signs = add_tensor(model, f"{pooled}_unpooled", sizes, DataType["BIPOLAR"])
    after[0].input[0] = pool.input[0]
    for node in after[:-1]:
        redeclare(model, node.output[0], sizes, model.get_tensor_datatype(node.output[0]))
    after[-1].output[0] = signs
    new = [*after, *_bit_max_pool(model, pool, signs, pooled, mask)]
    replace(model, [pool, *after], new)


def _bit_max_pool(
    model: ModelWrapper, pool: NodeProto, signs: str, pooled: str, mask: Ints
) -> list[NodeProto]:
    """Return the nodes that pool the NCHW tensor ``signs`` into ``pooled``."""
    _, channels, height, width = shape(model, signs)
    kernel = list(attribute(pool, "kernel_shape", []))
    bipolar = DataType["BIPOLAR"]
    for tensor in (signs, pooled):
        model.set_tensor_datatype(tensor, bipolar)
    which = add_constant(model, f"{pooled}_and", mask, DataType["BINARY"])
    return turned_kernel(
        model,
        "BitMaxPool",
        [signs],
        [which],
        [pooled],
        pool.name,
        IFMDim=[height, width],
        IFMChannels=channels,
        PoolDim=kernel,
        PE=1,
    )
