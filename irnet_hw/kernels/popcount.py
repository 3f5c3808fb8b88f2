"""The popcount of the matrix-vector units: latency and area of its compressor tree.

7:3 counters compress columns of bits of equal weight until none is higher than :data:`LEFT`; adders
sum the rest. The SystemVerilog module popcount builds this tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
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


@dataclass(frozen=True)
class Tree:
    """The popcount of a row, or of several.

    Attributes:
        latency: in cycles.
        logic: its counters, its adders and the registers after each level.
    """

    latency: int
    logic: Logic


@cache
def popcount(heights: Sequence[int]) -> Tree:
    """Return the popcount of a row.

    Args:
        heights: bits of weight 1, 2, 4 and so on.
    """
    columns = list(heights)
    lut = ff = levels = 0
    while max(columns) > LEFT:
        after = [0] * (len(columns) + 2)
        for column, height in enumerate(columns):
            counters = 0 if height <= LEFT else (height + 2) // 7
            lut += 2 * counters
            after[column] += counters + max(0, height - 7 * counters)
            after[column + 1] += counters
            after[column + 2] += counters
        columns = after
        ff += sum(columns)
        levels += 1
    while not columns[-1]:
        columns.pop()
    bits = len(columns) + 1
    both, rest, four = (
        [column for column, height in enumerate(columns) if height > most] for most in (1, 2, 3)
    )
    # A bit to which nothing but a carry is added takes no LUT.
    lut += len(both)
    if not rest:
        return Tree(levels + 1, Logic(lut, ff + bits))
    added = rest[-1] - rest[0] + 2 if four else len(rest)
    return Tree(levels + 2, Logic(lut + len(four) + added, ff + bits + added + bits))


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


def constant_tree(lanes: int) -> tuple[tuple[int, int], ...]:
    """Return the bits that enter each level of the module constant_popcount, and its adders."""
    levels = []
    while lanes > 1:
        adders = 1 if lanes == 2 else lanes // 3
        levels.append((lanes, adders))
        lanes = 1 if lanes == 2 else lanes - 2 * adders
    return tuple(levels)


def constant_popcount(rows: int, lanes: int) -> Tree:
    """Return the module constant_popcount: its latency, and the area of all its rows.

    The rows share its adders. A LUT6_2 has two of eight carries; each that a row needs has a
    register. Behind it, rows share the registers of bits that are not added to any others: the
    sum's in all stages, and those of carries that the first counters leave.
    """
    levels = constant_tree(lanes)
    carries, sums = sum(adders for _, adders in levels), [bits for bits, _ in levels[1:]] + [1]
    waiting = sum(bits * (len(levels) - 1 - level) for level, (bits, _) in enumerate(levels))
    luts, registers = different(rows, 2) + 1, different(rows, 3)
    tree = popcount((1, carries))
    left = max(0, carries - 7 * ((carries + 2) // 7)) if carries > LEFT else 0
    later = left * registers + 2 * tree.latency - (left + tree.latency) * rows
    shared = Logic(carries * luts, carries * registers + sum(sums) + waiting + later)
    return Tree(len(levels) + tree.latency, shared + tree.logic * rows)


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
