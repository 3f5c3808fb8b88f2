"""Tables of partial counts: block RAM that compares a group of lanes with weights and counts.

A table has, for each word of weights and each value of a group's bits, the counts of matches of
many rows. The SystemVerilog module table_popcount reads these tables and adds the counts of all
groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from irnet_hw.kernels.base import Ints
from irnet_hw.kernels.popcount import Tree, popcount

#: Each of the two ports of an 18 Kbit block RAM reads from a half of its own: words and bits.
WORDS, BITS = 512, 18


@dataclass(frozen=True)
class Tables:
    """The tables of a matrix-vector unit.

    Attributes:
        rows: whose matches are counted.
        lanes: of each.
        group: lanes of a table; the last table may have fewer.
    """

    rows: int
    lanes: int
    group: int

    @property
    def groups(self) -> Sequence[int]:
        """The lanes of each table."""
        full, rest = divmod(self.lanes, self.group)
        return [self.group] * full + [rest] * (rest > 0)

    @property
    def blocks(self) -> int:
        """18 Kbit block RAMs."""
        return -(-sum(self.columns(lanes) for lanes in self.groups) // 2)

    def columns(self, lanes: int) -> int:
        """Return the halves of block RAMs that a table of this many lanes takes."""
        return -(-self.rows * lanes.bit_length() // BITS)

    def popcount(self) -> Tree:
        """Return the popcount of a row behind the tables."""
        bits = [lanes.bit_length() for lanes in self.groups]
        return popcount(tuple(sum(bit < count for count in bits) for bit in range(max(bits))))

    def contents(self, weights: Ints) -> list[list[int]]:
        """Return the words of each block RAM.

        Args:
            weights: 0 or 1, (words, lanes, rows).
        """
        depth, values = len(weights), np.arange(1 << self.group)
        halves = np.zeros((2 * self.blocks, WORDS), np.int64)
        lane = half = 0
        for lanes in self.groups:
            ones = weights[:, lane : lane + lanes]
            inputs = values[:, None] >> np.arange(lanes) & 1
            counts = inputs @ ones + (1 - inputs) @ (1 - ones)  # equal ones, and equal zeros
            planes = counts[:, :, None] >> np.arange(lanes.bit_length())[:, None] & 1
            columns = self.columns(lanes)
            bits = np.zeros((depth << self.group, columns * BITS), np.int64)
            bits[:, : lanes.bit_length() * self.rows] = planes.reshape(len(bits), -1)
            words = bits.reshape(len(bits), columns, BITS) @ (1 << np.arange(BITS))
            halves[half : half + columns, : len(bits)] = words.T
            lane, half = lane + lanes, half + columns
        blocks: list[list[int]] = halves.reshape(self.blocks, 2 * WORDS).tolist()
        return blocks


@cache
def tables(rows: int, lanes: int, depth: int) -> Tables:
    """Return the tables that take the fewest block RAMs, and then the fewest LUTs.

    Args:
        rows: whose matches are counted.
        lanes: of each.
        depth: words of weights, at most :data:`WORDS` / 2.
    """
    most = (WORDS // depth).bit_length() - 1
    choices: Sequence[Tables] = [
        Tables(rows, lanes, group) for group in range(1, min(most, lanes) + 1)
    ]
    return min(choices, key=lambda choice: (choice.blocks, choice.popcount().logic.lut))
