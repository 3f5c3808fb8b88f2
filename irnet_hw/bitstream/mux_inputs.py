"""Give each data input of MUXF7 a LUT of its own, as nextpnr-xilinx needs it.

A MUXF7 reads the two LUTs at its sides, so a LUT can drive only one data input of one MUXF7. Yosys
shares LUTs, also between both inputs of one MUXF7: a memory of constants with 129 to 192 words
selects among three LUTs with four inputs. nextpnr-xilinx packs such a LUT with one of these inputs,
and its router can't reach the others.
"""

from itertools import count
from typing import Any


def separate(module: dict[str, Any]) -> int:
    """Put a LUT1 before data inputs of MUXF7 whose net drives another one; return how many.

    Args:
        module: a module of Yosys' JSON; its cells are changed.
    """
    cells, driven, added = module["cells"], set(), {}
    bits = [bit for cell in cells.values() for bits in cell["connections"].values() for bit in bits]
    free = count(1 + max((bit for bit in bits if isinstance(bit, int)), default=1))
    for name, cell in cells.items():
        for pin in ("I0", "I1") if cell["type"] == "MUXF7" else ():
            (bit,) = cell["connections"][pin]
            if isinstance(bit, str):  # a constant
                continue
            if bit in driven:
                output = next(free)
                added[f"{name}_{pin}_LUT1"] = {
                    "hide_name": 1,
                    "type": "LUT1",
                    "parameters": {"INIT": "10"},
                    "attributes": {},
                    "port_directions": {"I0": "input", "O": "output"},
                    "connections": {"I0": [bit], "O": [output]},
                }
                cell["connections"][pin] = [output]
            driven.add(bit)
    cells.update(added)
    return len(added)
