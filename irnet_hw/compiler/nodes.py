"""Nodes of hardware ops, and the types of their constants."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, helper
from qonnx.core.datatype import BaseDataType, DataType

from irnet_hw.compiler.graph import FINN_DOMAIN


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


def type_of(values: npt.NDArray[np.int64]) -> BaseDataType:
    """Return the narrowest signed type, at least 2 bits wide, that holds some integers."""
    low, high = int(values.min()), int(values.max())
    bits = 2
    while -(1 << (bits - 1)) > low or (1 << (bits - 1)) <= high:
        bits += 1
    return DataType[f"INT{bits}"]
