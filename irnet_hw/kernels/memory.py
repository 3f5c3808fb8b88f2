"""What a buffer costs, and which kind of memory it should be."""

#: Widths and depths that one 18 Kbit block RAM can have.
BLOCK_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
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

    They hold up to 256 words; of more there are banks, as in hls/one_port_ram. What uses a word
    selects between two of them in its own LUTs.
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
    return min(-(-width // wide) * -(-depth // deep) for wide, deep in BLOCK_SHAPES)


def ram_style(depth: int, width: int, fpgapart: str) -> str:
    """Return which memory a buffer should be: "distributed" (LUT-RAM) or "block"."""
    cheaper = lut_ram(depth, width, fpgapart) <= LUTS_PER_BLOCK * block_ram(depth, width)
    return "distributed" if cheaper else "block"
