"""Helpers that put hardware ops into a graph that is still NCHW.

The hardware's tensors are NHWC. Until the whole graph is, each hardware op sits between
transpositions, so that the graph computes the same after every pass; in the end they cancel.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, helper
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import FINN_DOMAIN, TO_NCHW, TO_NHWC, add_tensor, shape


def kernel(
    kind: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    name: str,
    types: tuple[BaseDataType, BaseDataType],
    **attributes: Any,
) -> NodeProto:
    """Return a node of the FINN op ``kind``; its tensors are NHWC.

    Args:
        kind: the op's name.
        inputs: its streams, then its constants.
        outputs: its streams.
        name: of the node.
        types: of the first input and of the outputs.
        attributes: the op's other attributes.
    """
    return helper.make_node(
        kind,
        inputs,
        outputs,
        name=name,
        domain=FINN_DOMAIN,
        backend="fpgadataflow",
        inputDataType=types[0].name,
        outputDataType=types[1].name,
        **attributes,
    )


def to_nhwc(model: ModelWrapper, tensor: str) -> tuple[str, list[NodeProto]]:
    """Return a tensor as the hardware reads it, and the transposition if one is needed."""
    sizes = shape(model, tensor)
    if len(sizes) != 4:
        return tensor, []
    turned = _turned(model, tensor)
    return turned, [helper.make_node("Transpose", [tensor], [turned], perm=TO_NHWC)]


def from_nhwc(model: ModelWrapper, tensor: str) -> tuple[str, list[NodeProto]]:
    """Return the tensor that the hardware writes for a tensor, and the transposition after it."""
    sizes = shape(model, tensor)
    if len(sizes) != 4:
        return tensor, []
    turned = _turned(model, tensor)
    return turned, [helper.make_node("Transpose", [turned], [tensor], perm=TO_NCHW)]


def turned_kernel(
    model: ModelWrapper,
    kind: str,
    streams: Sequence[str],
    constants: Sequence[str],
    outputs: Sequence[str],
    name: str,
    **attributes: Any,
) -> list[NodeProto]:
    """Return a node of the op ``kind`` on NCHW tensors, with the transpositions around it.

    Its types are those of the first stream and of the first output.
    """
    before: list[NodeProto] = []
    after: list[NodeProto] = []
    read, written = [], []
    for tensor in streams:
        inner, turn = to_nhwc(model, tensor)
        read.append(inner)
        before += turn
    for tensor in outputs:
        inner, turn = from_nhwc(model, tensor)
        written.append(inner)
        after += turn
    types = (model.get_tensor_datatype(streams[0]), model.get_tensor_datatype(outputs[0]))
    node = kernel(kind, [*read, *constants], written, name, types, **attributes)
    return [*before, node, *after]


def signed_type(low: int, high: int) -> BaseDataType:
    """Return the narrowest signed type, at least 2 bits wide, that holds ``low`` to ``high``."""
    bits = 2
    while -(1 << (bits - 1)) > low or (1 << (bits - 1)) <= high:
        bits += 1
    return DataType[f"INT{bits}"]


def type_of(values: npt.NDArray[np.int64]) -> BaseDataType:
    """Return the narrowest signed type that holds some integers."""
    return signed_type(int(values.min()), int(values.max()))


def pixels_of(model: ModelWrapper, tensor: str) -> list[int]:
    """Return the first axes of a tensor as the hardware sees it: [1, height, width] or [1]."""
    sizes = shape(model, tensor)
    return [1, *sizes[2:]]


def _turned(model: ModelWrapper, tensor: str) -> str:
    _, channels, height, width = shape(model, tensor)
    datatype = model.get_tensor_datatype(tensor)
    return add_tensor(model, f"{tensor}_nhwc", (1, height, width, channels), datatype)
