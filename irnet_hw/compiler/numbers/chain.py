"""The chain of operations between a layer's accumulator and its sign, and its evaluation.

Every operation in it is monotone in each channel, in float32 as in real numbers, because IEEE
rounding is monotone. So the whole chain is, and its direction shows at the ends of a range, unless
float32 overflows on the way: infinity times 0 is no number. If all results are finite at both ends
of a range, they are between them, because each lies between what it is at the ends.
"""

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import qonnx_make_model

from irnet_hw.compiler.graph import Floats, Ints, constant, consumer, shape
from irnet_hw.compiler.passes.node_checks import MONOTONE
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import label
from irnet_hw.read import shown

LAYERS = ("Conv", "MatMul")
#: The ops that a chain may contain.
LINKS = (*MONOTONE, "MaxPool", "Quant", "MultiThreshold")


def layers(model: ModelWrapper) -> list[NodeProto]:
    """Return the convolutions and dense layers, in order."""
    return [node for node in model.graph.node if node.op_type in LAYERS]


def chain(model: ModelWrapper, layer: NodeProto) -> list[NodeProto]:
    """Return the nodes behind a layer up to and including its sign.

    For the last layer, which has no sign, these are all nodes to the end. If other hardware ops
    read the layer's integer accumulators, there are none.
    """
    found: list[NodeProto] = []
    node = consumer(model, layer.output[0])
    while node is not None and node.op_type in LINKS:
        found.append(node)
        if node.op_type == "MultiThreshold":
            break
        node = consumer(model, node.output[0])
    return found


class Evaluator:
    """Runs a chain with qonnx's executor on chosen values.

    Args:
        model: the network.
        nodes: of the chain, in order; may be empty. MaxPool is skipped: a single value per channel
            is its own maximum.
        channels: of the tensor that enters it.
        rank: of that tensor: 4 for NCHW, 2 for dense.
    """

    def __init__(
        self, model: ModelWrapper, nodes: Sequence[NodeProto], channels: int, rank: int
    ) -> None:
        self._rank = rank
        self._model: ModelWrapper | None = None
        nodes = [deepcopy(node) for node in nodes if node.op_type != "MaxPool"]
        if not nodes:
            return
        for before, node in pairwise(nodes):
            node.input[0] = before.output[0]
        sizes = [1, channels] + [1] * (rank - 2)
        graph = helper.make_graph(
            nodes,
            "chain",
            [helper.make_tensor_value_info(nodes[0].input[0], TensorProto.FLOAT, sizes)],
            [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, sizes)],
        )
        opsets = list(model.model.opset_import)
        part = ModelWrapper(qonnx_make_model(graph, opset_imports=opsets))
        for node in nodes:
            for name in node.input[1:]:
                if name:
                    part.set_initializer(name, constant(model, name))
        self._model = part.transform(InferShapes())

    def __call__(self, values: npt.NDArray[np.number]) -> Floats:
        """Return the chain's results for one value a channel: [channels] in, [channels] out."""
        if self._model is None:
            return values.astype(np.float32)
        return self.every(values)[self._model.graph.output[0].name]

    def every(self, values: npt.NDArray[np.number]) -> dict[str, Floats]:
        """Return the results of all nodes by the tensor, each [channels], in the chain's order."""
        if self._model is None:
            return {}
        x = values.astype(np.float32)
        sizes = (1, len(x)) + (1,) * (self._rank - 2)
        entry = self._model.graph.input[0].name
        with np.errstate(over="ignore", invalid="ignore"):
            found = execute_onnx(self._model, {entry: x.reshape(sizes)}, True)
        names = [node.output[0] for node in self._model.graph.node]
        return {name: np.asarray(found[name], dtype=np.float32).reshape(-1) for name in names}


def require_finite(
    model: ModelWrapper, layer: NodeProto, nodes: Sequence[NodeProto], ends: tuple[Ints, Ints]
) -> None:
    """Refuse a chain in which float32 overflows for an accumulator that can occur.

    Args:
        model: the network.
        layer: the convolution or dense layer.
        nodes: behind it, in order.
        ends: the least and the greatest accumulators, each [channels].

    Raises:
        UserError: names the node.
    """
    evaluate = evaluator(model, layer, nodes)
    makers = {node.output[0]: node for node in nodes}
    for accumulators in ends:
        for name, values in evaluate.every(accumulators).items():
            wrong = np.flatnonzero(~np.isfinite(values))
            if wrong.size:
                channel = int(wrong[0])
                raise UserError(
                    f"{label(makers[name])}: gives {values[channel]} in channel {channel}, where "
                    f"the sums of {shown(layer.name)} reach {int(accumulators[channel]):,} times "
                    "their unit; must be finite for all sums that can occur"
                )


def evaluator(model: ModelWrapper, layer: NodeProto, nodes: Sequence[NodeProto]) -> Evaluator:
    """Return the evaluator of a chain that begins with a layer's output."""
    sizes = shape(model, layer.output[0])
    return Evaluator(model, nodes, sizes[1], len(sizes))
