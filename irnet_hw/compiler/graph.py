"""Small operations on ONNX graphs that several passes share."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Kernel

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

#: The domain of FINN's hardware ops before they are specialised, ours among them.
FINN_DOMAIN = "finn.custom_op.fpgadataflow"
TO_NHWC = (0, 2, 3, 1)
TO_NCHW = (0, 3, 1, 2)


def attribute(node: NodeProto, name: str, default: Any) -> Any:
    """Return an attribute of an ONNX node, or ``default`` if the node lacks it."""
    for entry in node.attribute:
        if entry.name == name:
            value = helper.get_attribute_value(entry)
            return value.decode() if isinstance(value, bytes) else value
    return default


def shape(model: ModelWrapper, tensor: str) -> tuple[int, ...]:
    """Return a tensor's shape.

    Raises:
        UserError: it is unknown or depends on the input.
    """
    sizes = model.get_tensor_shape(tensor)
    if sizes is None or any(size < 1 for size in sizes):
        raise UserError(f"tensor {tensor}: shape {sizes}, must be fixed and known")
    return tuple(int(size) for size in sizes)


def constant(model: ModelWrapper, tensor: str) -> Floats:
    """Return an initializer that an earlier pass has ensured exists."""
    value = model.get_initializer(tensor)
    assert value is not None, f"{tensor} is not a constant"
    return np.asarray(value)


def fresh(model: ModelWrapper, base: str) -> str:
    """Return an unused tensor name: ``base``, or ``base`` with a number.

    Unlike qonnx's own random names, these are the same in every run.
    """
    taken = set(model.get_all_tensor_names())
    name, number = base, 0
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name


def add_tensor(model: ModelWrapper, base: str, sizes: Sequence[int], datatype: BaseDataType) -> str:
    """Declare a new tensor and return its name."""
    name = fresh(model, base)
    model.graph.value_info.append(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, list(sizes))
    )
    model.set_tensor_datatype(name, datatype)
    return name


def add_constant(
    model: ModelWrapper, base: str, value: npt.NDArray[Any], datatype: BaseDataType
) -> str:
    """Add an initializer and return its name; a float64 one if float32 does not hold it."""
    name = fresh(model, base)
    stored: npt.NDArray[Any] = np.asarray(value, dtype=np.float32)
    if not np.array_equal(stored, value):
        stored = np.asarray(value, dtype=np.float64)
    assert np.array_equal(stored, value), f"{name} does not fit in float64"
    model.set_initializer(name, stored)
    model.set_tensor_datatype(name, datatype)
    return name


def redeclare(
    model: ModelWrapper, tensor: str, sizes: Sequence[int], datatype: BaseDataType
) -> None:
    """Give a tensor another shape and type."""
    model.set_tensor_shape(tensor, list(sizes))
    model.set_tensor_datatype(tensor, datatype)


def replace(model: ModelWrapper, old: Sequence[NodeProto], new: Sequence[NodeProto]) -> None:
    """Replace nodes by others, at the place of the first."""
    nodes = model.graph.node
    at = list(nodes).index(old[0])
    for node in old:
        nodes.remove(node)
    for offset, node in enumerate(new):
        nodes.insert(at + offset, node)


def consumer(model: ModelWrapper, tensor: str) -> NodeProto | None:
    """Return the one node that reads a tensor; None at the end of the graph."""
    found = model.find_consumers(tensor)
    assert found is None or len(found) <= 1, f"{tensor} is read by several nodes"
    return found[0] if found else None


def reader(model: ModelWrapper, tensor: str) -> NodeProto:
    """Return the only node that reads a tensor."""
    (found,) = readers(model, tensor)
    return found


def reduced_axes(model: ModelWrapper, node: NodeProto) -> list[int]:
    """Return the axes that a ReduceMean or ReduceSum reduces, counted from 0, in order."""
    rank = len(shape(model, node.input[0]))
    axes = attribute(node, "axes", None)
    if axes is None and len(node.input) > 1 and node.input[1]:
        axes = np.asarray(constant(model, node.input[1])).reshape(-1).tolist()
    return sorted(axis % rank for axis in axes) if axes else list(range(rank))


def readers(model: ModelWrapper, tensor: str) -> list[NodeProto]:
    """Return the nodes that read a tensor, in the order of the graph."""
    return list(model.find_consumers(tensor) or [])


def rename(model: ModelWrapper, old: str, new: str) -> None:
    """Rename a tensor that is neither graph input nor output, everywhere."""
    for node in model.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new
    for entry in (*model.graph.value_info, *model.graph.initializer):
        if entry.name == old:
            entry.name = new
    for annotation in model.graph.quantization_annotation:
        if annotation.tensor_name == old:
            annotation.tensor_name = new


def kind(node: NodeProto) -> str:
    """Return the name of a node's op, whether it is specialised or not."""
    return str(node.op_type.removesuffix("_rtl"))


def op(node: NodeProto) -> Kernel:
    """Return the kernel of a node in a hardware graph."""
    kernel = getCustomOp(node)
    assert isinstance(kernel, Kernel), f"{node.name} ({node.op_type}) is not one of our kernels"
    return kernel


def int_array(model: ModelWrapper, tensor: str) -> npt.NDArray[np.int64]:
    """Return an initializer of integers as an integer array."""
    value = constant(model, tensor)
    whole = np.rint(value)
    assert np.array_equal(whole, value), f"{tensor} does not hold integers"
    return whole.astype(np.int64)


def name_kernels(model: ModelWrapper) -> None:
    """Name the nodes as FINN will when it specialises them: the op's RTL variant and a number.

    That way messages, the folding configuration, the manifest and reports all use the same names. A
    flattening gets no name: it becomes one of the width converters between kernels.
    """
    counts: Counter[str] = Counter()
    for node in model.graph.node:
        if not op(node).regroups:
            node.name = f"{node.op_type}_rtl_{counts[node.op_type]}"
            counts[node.op_type] += 1
