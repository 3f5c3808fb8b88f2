"""What a buffer costs, and which kind of memory it should be."""

from functools import cache

#: What a block RAM of 18 Kbit and one of 36 Kbit can be: bits wide and words deep.
_HALVES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
_WHOLES = ((72, 512), (36, 1024), (18, 2048), (9, 4096), (4, 8192), (2, 16384), (1, 32768))
#: What Yosys counts for each of the two, and for a bit's selection between two words.
_HALF_COST, _WHOLE_COST, _SELECT_COST = 129, 257, 0.5
#: Bits of a wide word of a block RAM that are written together.
_BYTE = 9
#: LUTs that a device of the 7 series has for each of its 18 Kbit block RAMs, roughly: where a
#: buffer in LUTs costs more than its share, block RAM is the cheaper one.
LUTS_PER_BLOCK = 190


def ultrascale(fpgapart: str) -> bool:
    """Return whether a part is of UltraScale+; else it is of the 7 series."""
    return fpgapart.startswith("xczu")


def lut_ram(depth: int, width: int, fpgapart: str) -> int:
    """Return the LUTs of a buffer in LUT-RAM with a write port and a read port.

    They are RAM32M or RAM64M, in UltraScale+ RAM32M16 or RAM64M8, and what selects among them.
    """
    cells, bits = (8, 14) if ultrascale(fpgapart) else (4, 6)
    if depth <= 32:
        return cells * -(-width // bits)
    banks = -(-depth // 64)
    select = 0 if banks == 1 else width * -(-(banks - 1) // 3) + banks
    return banks * cells * -(-width // (bits // 2)) + select


def lut_ram_one_port(depth: int, width: int, fpgapart: str) -> int:
    """Return the LUTs of a buffer in LUT-RAM that is written where it is read.

    They hold up to 256 words; more words take banks, as in the module one_port_ram. What uses a
    word selects between two of them in its own LUTs.
    """
    if depth <= 32:
        cells = 8 if ultrascale(fpgapart) else 4
        return cells * -(-width // (2 * cells))
    banks = -(-depth // 256)
    if banks == 1:
        return -(-depth // 64) * width
    return (4 * banks + -(-(banks - 2) // 3)) * width


def block_ram(depth: int, width: int) -> int:
    """Return the 18 Kbit block RAMs of a buffer."""
    blocks, _ = _in_blocks(depth, width, written=True)
    return blocks


def block_rom(depth: int, width: int) -> int:
    """Return the 18 Kbit block RAMs of a memory of constants."""
    blocks, _ = _in_blocks(depth, width, written=False)
    return blocks


def block_rom_luts(depth: int, width: int) -> int:
    """Return the LUTs that select among the block RAMs of a memory of constants."""
    _, rows = _in_blocks(depth, width, written=False)
    return -(-(rows - 1) // 3) * width


@cache
def _in_blocks(depth: int, width: int, *, written: bool) -> tuple[int, int]:
    """Return the 18 Kbit block RAMs of a memory, and among how many words its logic selects.

    That many words stand side by side, their bits in as few blocks as have room for them; those
    that are written on their own are whole bytes of a block. Yosys takes the shape that costs
    least (its pass memory_libmap).
    """
    found = []
    for size, cost, shapes in ((1, _HALF_COST, _HALVES), (2, _WHOLE_COST, _WHOLES)):
        for wide, deep in shapes:
            rows = -(-depth // deep)
            byte = min(wide, _BYTE) if written else 1
            blocks = -(-rows * byte * -(-width // byte) // wide)
            price = blocks * cost + _SELECT_COST * (rows - 1) * width
            found.append((price, size * blocks, rows))
    _, blocks, rows = min(found)
    return blocks, rows


def ram_style(depth: int, width: int, fpgapart: str) -> str:
    """Return which memory a buffer should be: "distributed" (LUT-RAM) or "block"."""
    cheaper = lut_ram(depth, width, fpgapart) <= LUTS_PER_BLOCK * block_ram(depth, width)
    return "distributed" if cheaper else "block"
