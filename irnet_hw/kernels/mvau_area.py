"""LUTs and flip-flops of the parts of the matrix-vector kernels, fitted to Yosys for xc7."""

from dataclasses import dataclass
from math import ceil, expm1, log1p

from irnet_hw.kernels.memory import block_ram, lut_ram


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
    """Return the LUTs of a memory of constants: 64 words each, MUXF7 and MUXF8 join 256.

    Bits that are the same function of a short address share their LUTs. Yosys spends on more than
    256 words more LUTs than these need, on 512 and more about a third.

    Args:
        bits: of a word.
        depth: words.
    """
    if depth == 1:
        return 0
    if depth <= 256:
        return different(bits, depth) * ceil(depth / 64)
    if depth < 512:
        return round(bits * (ceil(depth / 64) + 1.7))
    return round(bits * (5.5 * depth / 256 + 0.7))


def different(bits: int, depth: int) -> int:
    """Return how many of some bits of a memory of random constants are different functions."""
    functions = 2.0 ** min(depth, 64)
    return round(-functions * expm1(bits * log1p(-1 / functions)))


def popcount(ones: int, twos: int) -> Area:
    """Return one row of hls/popcount: its counters, its adders and the registers after each.

    Args:
        ones: bits of weight 1.
        twos: bits of weight 2.
    """
    columns = [ones, twos]
    lut = ff = 0
    while max(columns) > 4:
        after = [0] * (len(columns) + 2)
        for column, height in enumerate(columns):
            counters = 0 if height < 5 else (height + 1) // 6
            lut += 3 * counters
            after[column] += max(height - 6 * counters, 0)
            for place in range(3):
                after[column + place] += counters
        columns = after
        ff += sum(columns)
    while columns[-1] == 0:
        columns.pop()
    bits = len(columns) + 1
    both = [column for column, height in enumerate(columns) if height > 1]
    rest = [column for column, height in enumerate(columns) if height > 2]
    first = len(columns) - both[0] if both else 0
    if not rest:
        return Area(lut + first, ff + bits)
    second = rest[-1] - rest[0] + 1
    carry = second if max(columns) > 3 else 0
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
