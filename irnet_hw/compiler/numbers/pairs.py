"""Pairs: functions of the sum of two functions of codes, as functions of one integer.

A residual connection adds two tensors s a + t b, where a and b are codes. If the scales s and t are
not powers of two, float32 rounds the products and their sum. But there are only as many results as
pairs of codes, at most 65,536 for 8 bits each. So the file's nodes are run on all of them. The
hardware adds integers: it can compute what depends on p a + q b alone, for some whole p and q.
These are found by trying.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import Floats, Ints, constant
from irnet_hw.compiler.numbers.codes import code_type
from irnet_hw.compiler.numbers.function import MOVING, Function, moving_input

#: The most pairs on which a function is evaluated, in all channels together.
MOST_PAIRS = 2**24
#: The greatest factor: codes of 8 bits times it are entries of a table.
MOST_FACTOR = 2**12
#: A sum of up to this many bits can go through any function: a table computes it.
TABLE_BITS = 8


@dataclass(frozen=True)
class Side:
    """A function of codes.

    Attributes:
        codes: all that can occur, ascending, [codes].
        datatype: of them.
        unit: what 1 stands for where the function begins.
        nodes: of the file.
    """

    codes: Ints
    datatype: BaseDataType
    unit: float
    nodes: tuple[NodeProto, ...]


@dataclass(frozen=True)
class OfSum:
    """A function of an integer sum of two codes.

    Attributes:
        factors: by which the codes are multiplied.
        sums: all that occur, ascending, [sums].
        y: what the function gives, [sums, channels]; there is one channel if all have the same
            functions.
    """

    factors: tuple[int, int]
    sums: Ints
    y: Floats


def of_sum(
    model: ModelWrapper, sides: tuple[Side, Side], behind: Sequence[NodeProto], channels: int
) -> OfSum | None:
    """Return what nodes behind an addition give, as a function of an integer sum.

    Args:
        model: the network.
        sides: what is added.
        behind: the nodes that read the sum, in order.
        channels: of the tensors.

    Returns:
        None if it is not a function of such a sum, or has too many values to find out.
    """
    every = [*sides[0].nodes, *sides[1].nodes, *behind]
    width = 1 if all(same_for_all(model, node) for node in every) else channels
    if len(sides[0].codes) * len(sides[1].codes) * width > MOST_PAIRS:
        return None
    first, second = (_values(model, side, width) for side in sides)
    added = first[:, np.newaxis] + second
    y = Function(model, behind, width)(added.reshape(-1, width))
    if not np.all(np.isfinite(y)):
        return None
    steps = [
        float(x[-1, 0] - x[0, 0]) / int(side.codes[-1] - side.codes[0] or 1)
        for x, side in zip((first, second), sides, strict=True)
    ]
    for factors in _factors(steps[1] / steps[0] if steps[0] else 0.0, sides, width == 1):
        found = _by(factors, sides, y)
        if found is not None:
            return found
    return None


def _values(model: ModelWrapper, side: Side, width: int) -> Floats:
    x = np.repeat((side.codes * side.unit)[:, np.newaxis], width, axis=1)
    return Function(model, side.nodes, width)(x)


def same_for_all(model: ModelWrapper, node: NodeProto) -> bool:
    """Return whether a node computes the same in all channels."""
    if node.op_type in MOVING:
        return True
    entry = moving_input(model, node)
    others = [np.asarray(constant(model, name)) for name in node.input if name and name != entry]
    return node.op_type != "BatchNormalization" and all(each.size == 1 for each in others)


def _factors(slope: float, sides: tuple[Side, Side], shared: bool) -> Iterator[tuple[int, int]]:
    """Yield factors in the order of what they cost.

    Args:
        slope: of the second function divided by that of the first.
        sides: what is added.
        shared: whether one table would do for all channels.
    """
    shifts, others = [], []
    if 1 / MOST_FACTOR <= slope <= MOST_FACTOR:  # not negative, either
        bits = round(np.log2(slope))
        shifts.append((1 << max(0, -bits), 1 << max(0, bits)))
        for most in (2**i for i in range(MOST_FACTOR.bit_length())):
            up, down = (Fraction(x).limit_denominator(most) for x in (slope, 1 / slope))
            others += [(up.denominator, up.numerator), (down.numerator, down.denominator)]
    a, b = (side.datatype.bitwidth() for side in sides)
    packing = [(1, 1 << a), (1 << b, 1)]
    packing = [each for each in packing if max(each) <= MOST_FACTOR and _fits(each, sides)]
    others = [each for each in others if min(each) > 0 and max(each) <= MOST_FACTOR]
    ordered = [*shifts, *packing, *others] if shared else [*shifts, *others, *packing]
    yield from dict.fromkeys(ordered)


def _fits(factors: tuple[int, int], sides: tuple[Side, Side]) -> bool:
    """Return whether a table takes the sums."""
    low, high = (
        sum(f * int(end) for f, end in zip(factors, ends, strict=True))
        for ends in (
            [side.datatype.min() for side in sides],
            [side.datatype.max() for side in sides],
        )
    )
    return bool(code_type(low, high).bitwidth() <= TABLE_BITS)


def _by(factors: tuple[int, int], sides: tuple[Side, Side], y: Floats) -> OfSum | None:
    """Return results as a function of a sum; None if they are not, or can't be computed."""
    a, b = (factor * side.codes for factor, side in zip(factors, sides, strict=True))
    every = (a[:, np.newaxis] + b).reshape(-1)
    sums, first, place = np.unique(every, return_index=True, return_inverse=True)
    table = y[first]
    if not np.array_equal(table[place, 0], y[:, 0]) or not np.array_equal(table[place], y):
        return None
    change = np.diff(table, axis=0)
    turns = np.any(change < 0, axis=0) & np.any(change > 0, axis=0)
    if np.any(turns) and not _fits(factors, sides):
        return None
    return OfSum(factors, sums, table)
