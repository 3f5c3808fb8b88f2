"""Types and ranges of the integers that hardware ops compute."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import Ints, attribute, constant
from irnet_hw.compiler.numbers.codes import Codes, code_type
from irnet_hw.compiler.passes.emit import BIPOLAR, sum_type
from irnet_hw.compiler.passes.values import MOST_BITS, Sums


def made_of(
    reads: Codes, stream: str, low: Ints, high: Ints, unit: float, datatype: BaseDataType
) -> Codes:
    """Return the codes of a stream that is made of another one, element by element."""
    return Codes(
        stream, reads.spatial, low, high, np.full(len(low), unit), datatype, order=reads.order
    )


def type_of_values(integers: Ints) -> BaseDataType:
    """Return the type of the codes that have some values."""
    if np.all(np.abs(integers) == 1):
        return BIPOLAR
    return code_type(int(integers.min()), int(integers.max()))


def quant_type(
    model: ModelWrapper, nodes: Sequence[NodeProto], least: int, most: int
) -> BaseDataType:
    """Return the type of what a Quant gives, at whose ends it saturates, if it holds a range."""
    quants = [node for node in nodes if node.op_type == "Quant"]
    if quants:
        bits = int(np.asarray(constant(model, quants[-1].input[3])).item())
        signed = bool(attribute(quants[-1], "signed", 1))
        if 2 <= bits <= MOST_BITS and (signed or least >= 0):
            found = DataType[f"{'INT' if signed else 'UINT'}{bits}"]
            if found.min() <= least and most <= found.max():
                return found
    return code_type(least, most)


def pool_type(reads: Codes, count: int) -> BaseDataType:
    """Return a signed type for the sums of ``count`` values of a stream."""
    low, high = int(reads.datatype.min()), int(reads.datatype.max())
    return sum_type(min(low, 0) * count, max(high, 0) * count)


def added_type(a: Codes, b: Codes, shifts: tuple[int, int]) -> BaseDataType:
    """Return a signed type for the sums of two streams, each shifted left."""
    ends = [
        (int(each.datatype.min()) << shift, int(each.datatype.max()) << shift)
        for each, shift in zip((a, b), shifts, strict=True)
    ]
    return sum_type(sum(low for low, _ in ends), sum(high for _, high in ends))


def sum_range(reads: Codes, weights: Ints, padded: bool) -> tuple[Ints, Ints]:
    """Return the least and greatest sum of each output channel.

    A padded tap contributes 0, which is not always within a tap's range.
    """
    taps = weights.transpose(0, 2, 3, 1)
    ends = np.stack(
        [taps * reads.low, taps * reads.high, *([np.zeros_like(taps)] if padded else [])]
    )
    return ends.min(axis=0).sum(axis=(1, 2, 3)), ends.max(axis=0).sum(axis=(1, 2, 3))


def fine_type(skip: Codes, shift: int, datatype: BaseDataType) -> BaseDataType:
    """Return a type for sums in the finer steps of a stream, in which they need not saturate."""
    room = 1 << -shift
    low, high = int(skip.low.min()), int(skip.high.max())
    return sum_type(
        int(datatype.min()) * room - high + low, (int(datatype.max()) + 1) * room - low + high
    )


def sums_type(sums: Sums, bias: Ints | None = None) -> BaseDataType:
    """Return a type for what a layer's sums could be if all values of its input's type occurred."""
    reads = sums.reads
    ends = int(reads.datatype.min()) - reads.zero, int(reads.datatype.max()) - reads.zero
    every = [np.full(reads.channels, end) for end in ends]
    low, high = sum_range(replace(reads, low=every[0], high=every[1]), sums.weights, False)
    more = np.zeros_like(low) if bias is None else bias
    return sum_type(min(int((low + more).min()), -1), max(int((high + more).max()), 0))


def joined_order(parts: Sequence[Codes]) -> Ints | None:
    """Return the order of joined vectors."""
    if all(part.order is None for part in parts):
        return None
    found, start = [], 0
    for part in parts:
        order = np.arange(part.channels) if part.order is None else part.order
        found.append(order + start)
        start += part.channels
    return np.concatenate(found)
