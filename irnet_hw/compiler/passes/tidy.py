"""Tidying: turns an exported file into a plain list of nodes and keeps all tensor names.

qonnx's own cleanup renames all tensors, but the manifest should name tensors as the user's file
does, so the same steps are taken here without renaming. Constants are folded, except weight
quantizers, and operations that do nothing are dropped.
"""

import itertools

from onnx import NodeProto, TensorProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.general import (
    GiveUniqueParameterTensors,
    RemoveStaticGraphInputs,
    RemoveUnusedTensors,
    SortGraph,
)
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.quant_constant_folding import FoldTransposeIntoQuantInit
from qonnx.transformation.remove import remove_node_and_rewire

from irnet_hw.compiler.graph import attribute, readers
from irnet_hw.compiler.passes.canonical import Canonical
from irnet_hw.onnx_file import QUANTIZERS


class Tidy(Transformation):  # type: ignore[misc]
    """Fold constants, name and order nodes, and write everything in one way."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the tidied model."""
        _name_nodes(model)
        _sum_in_float32(model)
        for step in (
            InferShapes(),
            GiveUniqueParameterTensors(),
            FoldConstants(exclude_op_types=list(QUANTIZERS)),
            FoldTransposeIntoQuantInit(),
            RemoveUnusedTensors(),
            RemoveStaticGraphInputs(),
            SortGraph(),
        ):
            model = model.transform(step)
        for node in [n for n in model.graph.node if _does_nothing(model, n)]:
            remove_node_and_rewire(model, node)
        return model.transform(Canonical()), False


def _does_nothing(model: ModelWrapper, node: NodeProto) -> bool:
    if node.op_type in ("Flatten", "Reshape"):
        before, after = (model.get_tensor_shape(name) for name in (node.input[0], node.output[0]))
        return bool(before is not None and len(before) == 2 and before == after)
    if node.op_type == "Dropout" and len(node.input) > 2 and node.input[2]:
        training = model.get_initializer(node.input[2])
        return training is not None and not training.any()
    return node.op_type in ("Identity", "Dropout")


def _sum_in_float32(model: ModelWrapper) -> None:
    """Let dense layers sum in float32 that sum in float64 and round the result.

    A specification has such a layer if its sums are too large for float32. It gets it again.
    """
    for node in [n for n in model.graph.node if n.op_type == "MatMul"]:
        before = [model.find_producer(name) for name in node.input]
        behind = readers(model, node.output[0])
        if len(behind) != 1 or not _casts(behind[0], TensorProto.FLOAT):
            continue
        if not all(_casts(each, TensorProto.DOUBLE) for each in before):
            continue
        for i, each in enumerate(before):
            node.input[i] = each.input[0]
        node.output[0] = behind[0].output[0]
        for each in (behind[0], *before):
            if not readers(model, each.output[0]) or each is behind[0]:
                model.graph.node.remove(each)


def _casts(node: NodeProto | None, kind: int) -> bool:
    return node is not None and node.op_type == "Cast" and attribute(node, "to", 0) == kind


def _name_nodes(model: ModelWrapper) -> None:
    """Give nodes without a unique name one."""
    taken: set[str] = set()
    for node in model.graph.node:
        if not node.name or node.name in taken:
            node.name = next(
                name
                for name in (f"{node.op_type}_{number}" for number in itertools.count())
                if name not in taken
            )
        taken.add(node.name)
