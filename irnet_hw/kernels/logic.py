"""LUTs and flip-flops of parts that several kernels share, fitted to Yosys for xc7."""

from dataclasses import dataclass
from math import ceil, expm1, log1p

from irnet_hw.kernels.memory import block_ram, lut_ram


@dataclass(frozen=True)
class Logic:
    """LUTs and flip-flops."""

    lut: float = 0
    ff: float = 0

    def __add__(self, other: "Logic") -> "Logic":
        return Logic(self.lut + other.lut, self.ff + other.ff)

    def __mul__(self, times: int) -> "Logic":
        return Logic(self.lut * times, self.ff * times)


def rom_luts(bits: int, depth: int) -> int:
    """Return the LUTs of a memory of constants, as :mod:`irnet_hw.synthesise.rom_mapping` maps it.

    A LUT holds 64 words; MUXF7 and MUXF8 join four LUTs to 256 words. Another LUT selects among
    four of these banks, and MUXF7 and MUXF8 join those LUTs in turn. Bits that are the same
    function of a short address share their LUTs.

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
    """Return the expected number of different functions among ``bits`` bits of random constants."""
    functions = 2.0 ** min(depth, 64)
    return round(-functions * expm1(bits * log1p(-1 / functions)))


def adder_tree(numbers: int, width: int) -> Logic:
    """Return the area of one row of the module adder_tree.

    Args:
        numbers: how many to add.
        width: of each number in bits.
    """
    area = Logic()
    while numbers > 1:
        width += 1
        area += Logic(numbers // 2 * width, ceil(numbers / 2) * width)
        numbers = ceil(numbers / 2)
    return area


def accumulators(rows: int, bits: int, constants: Logic) -> Logic:
    """Return the area of the module mvau_accumulate without its block RAM.

    Args:
        rows: parallel accumulators.
        bits: of each.
        constants: their initial values and the registers behind them.
    """
    return Logic(rows * bits + 4, rows * bits + 6) + constants


def replay_depth(beats: int, passes: int) -> int:
    """Return the depth of replay_buffer: two vectors, each rounded up to a power of two."""
    return 2 if passes == 1 else 2 << (beats - 1).bit_length()


def replay_buffer(width: int, beats: int, passes: int, fpgapart: str) -> Logic:
    """Return the area of the module replay_buffer without its block RAM.

    Args:
        width: of a beat in bits.
        beats: of a vector.
        passes: how often a vector is output.
        fpgapart: the FPGA.
    """
    if beats == 1 and passes > 1:
        return Logic(8, 2 * width + 4)
    depth = replay_depth(beats, passes)
    control = Logic(8 + 2 * depth.bit_length(), 6 + 2 * depth.bit_length())
    if depth > 128:
        return control
    return control + Logic(lut_ram(depth, width, fpgapart), width)


def replay_bram18(width: int, beats: int, passes: int) -> int:
    """Return the block RAMs of 18 Kbit of the module replay_buffer."""
    depth = replay_depth(beats, passes)
    return block_ram(depth, width) if depth > 128 else 0
