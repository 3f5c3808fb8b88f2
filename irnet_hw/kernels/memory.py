"""The cost of memories, and the choice between LUTs and block RAM."""

from functools import cache

#: Shapes of an 18 Kbit and of a 36 Kbit block RAM: (bits, words).
_HALVES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
_WHOLES = ((72, 512), (36, 1024), (18, 2048), (9, 4096), (4, 8192), (2, 16384), (1, 32768))
#: Yosys' cost of each of the two, and of selecting a bit between two words.
_HALF_COST, _WHOLE_COST, _SELECT_COST = 129, 257, 0.5
#: Bits of a wide block RAM word that are written together.
_BYTE = 9
#: Roughly the LUTs that a 7-series device has per 18 Kbit block RAM: a buffer in LUTs that needs
#: more than this per block RAM is cheaper in block RAM.
LUTS_PER_BLOCK = 190


def ultrascale(fpgapart: str) -> bool:
    """Return whether a part is UltraScale+; otherwise it is 7 series."""
    return not fpgapart.startswith("xc7")


def lut_ram(depth: int, width: int, fpgapart: str) -> int:
    """Return the LUTs of a buffer in LUT-RAM with a write port and a read port.

    It consists of RAM32M or RAM64M (in UltraScale+ RAM32M16 or RAM64M8) and the LUTs that select
    among them.
    """
    cells, bits = (8, 14) if ultrascale(fpgapart) else (4, 6)
    if depth <= 32:
        return cells * -(-width // bits)
    banks = -(-depth // 64)
    select = 0 if banks == 1 else width * -(-(banks - 1) // 3) + banks
    return banks * cells * -(-width // (bits // 2)) + select


def lut_ram_one_port(depth: int, width: int, fpgapart: str) -> int:
    """Return the LUTs of a buffer in LUT-RAM with one address for reading and writing.

    A primitive holds up to 256 words; more words take banks, as in the module one_port_ram. The
    logic that uses a word selects between two banks in its own LUTs.
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


def block_ram_luts(depth: int, width: int) -> int:
    """Return the LUTs that select among the block RAMs of a buffer, for reading and writing."""
    _, rows = _in_blocks(depth, width, written=True)
    return _select_luts(rows, width) + (3 * rows if rows > 1 else 0)


def block_rom_luts(depth: int, width: int) -> int:
    """Return the LUTs that select among the block RAMs of a memory of constants."""
    _, rows = _in_blocks(depth, width, written=False)
    return _select_luts(rows, width)


def _select_luts(rows: int, width: int) -> int:
    return -(-(rows - 1) // 3) * width


@cache
def _in_blocks(depth: int, width: int, *, written: bool) -> tuple[int, int]:
    """Return a memory's 18 Kbit block RAMs, and the number of words that its logic selects from.

    That many words are read in parallel, their bits in as few blocks as can hold them; if they are
    written, each takes whole bytes of a block. Yosys' pass memory_libmap takes the cheapest shape.
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
    """Return the cheaper memory for a buffer: "distributed" (LUT-RAM) or "block"."""
    cheaper = lut_ram(depth, width, fpgapart) <= LUTS_PER_BLOCK * block_ram(depth, width)
    return "distributed" if cheaper else "block"
