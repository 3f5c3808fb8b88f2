"""LUTs and flip-flops of the parts of the matrix-vector kernels, fitted to Yosys for xc7."""

from dataclasses import dataclass
from functools import cache
from itertools import chain
from math import ceil, expm1, log1p

from irnet_hw.kernels.memory import block_ram, lut_ram

#: Registers in a row from which on Yosys makes a shift register of them.
SHIFT_LEAST = 3


@dataclass(frozen=True)
class Area:
    """LUTs and flip-flops."""

    lut: float = 0
    ff: float = 0

    def __add__(self, other: "Area") -> "Area":
        return Area(self.lut + other.lut, self.ff + other.ff)

    def __mul__(self, times: int) -> "Area":
        return Area(self.lut * times, self.ff * times)


def rom_luts(bits: int, depth: int) -> int:
    """Return the LUTs of a memory of constants, as :mod:`irnet_hw.flows.lut_rom` maps it.

    A LUT has 64 words, and MUXF7 and MUXF8 join 256. A LUT selects among four of these banks, and
    MUXF7 and MUXF8 join those LUTs. Bits that are the same function of a short address share their
    LUTs.

    Args:
        bits: of a word.
        depth: words.
    """
    if depth == 1:
        return 0
    banks = ceil(depth / 256)
    joined = ceil(banks / 4) if banks > 1 else 0
    return different(bits, depth) * (ceil(depth / 64) + joined)


def different(bits: int, depth: int) -> int:
    """Return how many of some bits of a memory of random constants are different functions."""
    functions = 2.0 ** min(depth, 64)
    return round(-functions * expm1(bits * log1p(-1 / functions)))


@cache
def popcount(ones: int, twos: int) -> Area:
    """Return one row of hls/popcount: its counters, its adders and the registers after each.

    A bit that several levels in a row pass on is in a shift register in a LUT.

    Args:
        ones: bits of weight 1.
        twos: bits of weight 2.
    """
    # For each bit of a column the registers in a row that it has come through.
    columns = [[1] * ones, [1] * twos]
    chains: list[int] = []
    lut = ff = 0
    while max(map(len, columns)) > 4:
        # A column's own results, what it passes on, and carries of the two columns before it.
        after: list[list[list[int]]] = [[[], [], [], []] for _ in range(len(columns) + 2)]
        for column, ages in enumerate(columns):
            counters = 0 if len(ages) < 5 else (len(ages) + 1) // 6
            lut += 3 * counters
            chains += ages[: 6 * counters]
            after[column][1] = [age + 1 for age in ages[6 * counters :]]
            for place, part in enumerate((0, 2, 3)):
                after[column + place][part] = [1] * counters
        columns = [list(chain(*parts)) for parts in after]
        ff += sum(map(len, columns))
    while not columns[-1]:
        columns.pop()
    heights = [len(ages) for ages in columns]
    bits = len(heights) + 1
    both = [column for column, height in enumerate(heights) if height > 1]
    rest = [column for column, height in enumerate(heights) if height > 2]
    # Bits below the first sum go through its registers, and through the second one's.
    alone = both[0] if both else len(heights)
    sums = 2 if rest else 1
    for column, ages in enumerate(columns):
        chains += [age + sums if column < alone else age for age in ages]
    shifted = [length for length in chains if length >= SHIFT_LEAST]
    lut, ff = lut + len(shifted), ff - sum(shifted)
    first = len(heights) - alone
    if not rest:
        return Area(lut + first, ff + bits)
    second = rest[-1] - rest[0] + 1
    carry = second if max(heights) > 3 else 0
    return Area(lut + first + carry + bits - rest[0], ff + bits + second + bits)


def xnor_popcount(lanes: int) -> Area:
    """Return one row of hls/xnor_popcount."""
    threes = ceil(lanes / 3)
    return Area(2 * threes, 2 * threes) + popcount(threes, threes)


def adder_tree(numbers: int, width: int) -> Area:
    """Return one row of hls/adder_tree.

    Args:
        numbers: to add.
        width: theirs in bits.
    """
    area = Area()
    while numbers > 1:
        width += 1
        area += Area(numbers // 2 * width, ceil(numbers / 2) * width)
        numbers = ceil(numbers / 2)
    return area


def accumulators(rows: int, bits: int, words: int, block: bool) -> Area:
    """Return hls/mvau_accumulate without its block RAM.

    Args:
        rows: accumulators side by side.
        bits: of each.
        words: of the constants that they start from; up to 8 words fit the adders' LUTs.
        block: whether these are in block RAM.
    """
    constants = rom_luts(rows * bits, words) if words > 8 and not block else 0
    return Area(rows * bits + constants + 4, rows * bits + 4)


def replay_depth(beats: int, passes: int) -> int:
    """Return the words of hls/replay_buffer: two vectors, each rounded up to a power of two."""
    return 2 if passes == 1 else 2 << (beats - 1).bit_length()


def replay_buffer(width: int, beats: int, passes: int, fpgapart: str) -> Area:
    """Return hls/replay_buffer without its block RAM.

    Args:
        width: of a beat in bits.
        beats: of a vector.
        passes: how often a vector goes out.
        fpgapart: the FPGA.
    """
    if beats == 1 and passes > 1:
        return Area(8, 2 * width + 4)
    depth = replay_depth(beats, passes)
    control = Area(8 + 2 * depth.bit_length(), 6 + 2 * depth.bit_length())
    if depth > 128:
        return control
    return control + Area(lut_ram(depth, width, fpgapart), width)


def replay_bram18(width: int, beats: int, passes: int) -> int:
    """Return the block RAMs of 18 Kbit of hls/replay_buffer."""
    depth = replay_depth(beats, passes)
    return block_ram(depth, width) if depth > 128 else 0
