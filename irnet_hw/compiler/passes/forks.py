"""Forks: inserts a StreamFork where several ops read a stream, or one takes its sign.

A stream in the hardware has only one reader. The fork gives each reader its own stream, and only
the sign to readers that need nothing else: whether a signed integer is at least 0 is the complement
of its sign bit.
"""

import numpy as np
from onnx import NodeProto
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.transformation.general import RemoveUnusedTensors, SortGraph

from irnet_hw.compiler.graph import add_tensor, int_array, name_kernels, readers, shape
from irnet_hw.compiler.nodes import kernel


class Forks(Transformation):  # type: ignore[misc]
    """Give every stream one reader, and the ops their names."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model with forks."""
        streams = [model.graph.input[0].name, *(node.output[0] for node in model.graph.node)]
        for tensor in streams:
            found = readers(model, tensor)
            if len(found) > 1 or (found and _is_sign(model, found[0])):
                _fork(model, tensor, found)
        model = model.transform(RemoveUnusedTensors()).transform(SortGraph())
        name_kernels(model)
        return model, False


def _is_sign(model: ModelWrapper, node: NodeProto) -> bool:
    """Return whether a node takes the sign of a signed stream, and nothing else."""
    if node.op_type != "Thresholds" or not model.get_tensor_datatype(node.input[0]).signed():
        return False
    signs = model.get_tensor_datatype(node.output[0]) == DataType["BIPOLAR"]
    plain = not np.any(int_array(model, node.input[1])) and not np.any(
        int_array(model, node.input[2])
    )
    return signs and plain


def _fork(model: ModelWrapper, tensor: str, found: list[NodeProto]) -> None:
    sizes, datatype = shape(model, tensor), model.get_tensor_datatype(tensor)
    written, signs = [], []
    for reader in found:
        sign = _is_sign(model, reader)
        if sign:
            branch = reader.output[0]
            model.graph.node.remove(reader)
            written.append(branch)
            signs.append(1)
            continue
        for i, name in enumerate(reader.input):
            if name == tensor:
                branch = add_tensor(model, f"{tensor}_fork", sizes, datatype)
                reader.input[i] = branch
                written.append(branch)
                signs.append(0)
    node = kernel(
        "StreamFork",
        [tensor],
        written,
        f"{tensor}_fork",
        (datatype, datatype),
        shape=list(sizes),
        lanes=1,
        signs=signs,
    )
    model.graph.node.append(node)
