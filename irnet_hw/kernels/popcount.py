"""The popcount of the matrix-vector units: latency and area of its compressor tree.

7:3 counters compress columns of bits of equal weight until none is higher than :data:`LEFT`; adders
sum the rest. The SystemVerilog module popcount builds this tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from math import ceil

import numpy as np

from irnet_hw.kernels.logic import Logic, different

#: Bits of a column that are left to the adders.
LEFT = 4
#: LUTs that count the products of three lanes' bits: XNORs share none; Yosys gives some ANDs a LUT.
XNORS, ANDS = 2, 2.7
#: Weights of up to this many words fit those LUTs.
ABSORBED_DEPTH = 8
#: Weights of up to this many words fit a LUT6_2 that counts three lanes, and one that compares a
#: lane for two rows or, with up to ABSORBED_DEPTH words, two lanes for a row.
THREES_DEPTH, LANE_DEPTH = 4, 16
#: Yosys turns chains of at least this many registers into a shift register.
SHIFT_LEAST = 3


@dataclass(frozen=True)
class Tree:
    """The popcount of one row.

    Attributes:
        latency: in cycles.
        logic: its counters, its adders and the registers after each level.
    """

    latency: int
    logic: Logic


@cache
def popcount(heights: Sequence[int]) -> Tree:
    """Return the popcount of a row.

    A bit that several consecutive levels pass on is in a shift register in a LUT.

    Args:
        heights: bits of weight 1, 2, 4 and so on.
    """
    # Per bit of a column: the length of its register chain so far.
    columns = [[1] * height for height in heights]
    chains: list[int] = []
    lut = ff = levels = 0
    while max(map(len, columns)) > LEFT:
        # A column's own results, the bits it passes on, and carries of the two columns below.
        after: list[list[list[int]]] = [[[], [], [], []] for _ in range(len(columns) + 2)]
        for column, ages in enumerate(columns):
            counters = 0 if len(ages) <= LEFT else (len(ages) + 2) // 7
            lut += 2 * counters
            chains += ages[: 7 * counters]
            after[column][1] = [age + 1 for age in ages[7 * counters :]]
            for place, part in enumerate((0, 2, 3)):
                after[column + place][part] = [1] * counters
        columns = [list(chain(*parts)) for parts in after]
        ff += sum(map(len, columns))
        levels += 1
    while not columns[-1]:
        columns.pop()
    heights = [len(ages) for ages in columns]
    bits = len(heights) + 1
    both, rest, four = (
        [column for column, height in enumerate(heights) if height > most] for most in (1, 2, 3)
    )
    # Bits below the first sum pass through its registers, and through those of the second.
    alone = both[0] if both else len(heights)
    sums = 2 if rest else 1
    for column, ages in enumerate(columns):
        chains += [age + sums if column < alone else age for age in ages]
    shifted = [length for length in chains if length >= SHIFT_LEAST]
    lut, ff = lut + len(shifted), ff - sum(shifted)
    # A bit to which nothing but a carry is added takes no LUT.
    lut += len(both)
    if not rest:
        return Tree(levels + sums, Logic(lut, ff + bits))
    added = rest[-1] - rest[0] + 2 if four else len(rest)
    return Tree(levels + sums, Logic(lut + len(four) + added, ff + bits + added + bits))


def planes(lanes: int, data_bits: int = 1, weight_bits: int = 1) -> tuple[int, ...]:
    """Return the bits of weight 1, 2, 4 and so on that the module plane_popcount counts in a row.

    Three lanes of each pair of a bit of the data and a bit of the weights give a bit of the pair's
    weight and one of twice its weight.
    """
    pairs = np.convolve(np.ones(data_bits, np.int64), np.ones(weight_bits, np.int64))
    return tuple((ceil(lanes / 3) * np.convolve(pairs, [1, 1])).tolist())


def plane_popcount(lanes: int, data_bits: int = 1, weight_bits: int = 1) -> Logic:
    """Return the area of one row of the module plane_popcount."""
    pairs = ceil(lanes / 3) * data_bits * weight_bits
    tree = popcount(planes(lanes, data_bits, weight_bits))
    return Logic(pairs * (XNORS if weight_bits == 1 else ANDS), 2 * pairs) + tree.logic


def absorbed(rows: int, lanes: int, depth: int, data_bits: int = 1, weight_bits: int = 1) -> Logic:
    """Return the area of rows of the module plane_popcount with their weights.

    The weights are in the LUTs that count three lanes. Rows whose weights are the same function of
    the address share them.

    Args:
        rows: of weights.
        lanes: of each.
        depth: words of weights, at most ABSORBED_DEPTH.
        data_bits: of an input.
        weight_bits: of a weight.
    """
    pairs = ceil(lanes / 3) * data_bits * weight_bits
    carries = different(rows, 3 * depth)
    parities = different(rows, depth) if weight_bits == 1 else carries
    more = 0 if weight_bits == 1 else (ANDS - XNORS) * rows
    first = Logic(parities + carries + more, parities + carries)
    return first * pairs + popcount(planes(lanes, data_bits, weight_bits)).logic * rows


def lut_popcount(rows: int, lanes: int, depth: int, group: int) -> Logic:
    """Return the area of rows of the module lut_popcount with their weights.

    Args:
        rows: of weights.
        lanes: of each.
        depth: words of weights, at most THREES_DEPTH or LANE_DEPTH.
        group: lanes of a LUT6_2: 3, or 1 to compare them.
    """
    threes = ceil(lanes / 3)
    if group == 3:
        first, tree = Logic(threes, 2 * threes) * rows, popcount(planes(lanes))
    else:
        odd = ceil(lanes / 2) if depth <= ABSORBED_DEPTH else lanes
        first = Logic(rows // 2 * lanes + rows % 2 * odd, rows * lanes)
        tree = popcount((lanes,))
    return first + tree.logic * rows
