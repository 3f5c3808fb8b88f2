"""What a buffer costs, and which kind of memory it should be."""

#: Widths and depths that one 18 Kbit block RAM can have.
BLOCK_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
#: LUTs that a device of the 7 series has for each of its 18 Kbit block RAMs, roughly: where a
#: buffer in LUTs costs more than its share, block RAM is the cheaper one.
LUTS_PER_BLOCK = 190


def lut_ram(depth: int, width: int) -> int:
    """Return the LUTs of a buffer in LUT-RAM with a write port and a read port.

    They are RAM32M or RAM64M, and what selects among them.
    """
    if depth <= 32:
        return 4 * -(-width // 6)
    banks = -(-depth // 64)
    select = 0 if banks == 1 else width * -(-(banks - 1) // 3) + banks
    return banks * 4 * -(-width // 3) + select


def lut_ram_one_port(depth: int, width: int) -> int:
    """Return the LUTs of a buffer in LUT-RAM that is written where it is read."""
    return 4 * -(-width // 8) if depth <= 32 else -(-depth // 64) * width


def block_ram(depth: int, width: int) -> int:
    """Return the 18 Kbit block RAMs of a buffer."""
    return min(-(-width // wide) * -(-depth // deep) for wide, deep in BLOCK_SHAPES)


def ram_style(depth: int, width: int) -> str:
    """Return which memory a buffer should be: "distributed" (LUT-RAM) or "block"."""
    cheaper = lut_ram(depth, width) <= LUTS_PER_BLOCK * block_ram(depth, width)
    return "distributed" if cheaper else "block"
