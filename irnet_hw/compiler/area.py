"""The area of ops by their own models, in the units in which boards state what they hold."""

from collections.abc import Mapping
from typing import Any

#: Lookup tables, flip-flops, block RAMs of 18 Kbit, DSP blocks.
RESOURCES = ("LUT", "FF", "BRAM18", "DSP")

#: For each DSP block of UltraScale+, what Yosys leaves outside it and takes into those of the 7
#: series, for which the models are: registers and part of the adders.
_OUTSIDE_DSP = {"LUT": 4, "FF": 26}

Area = dict[str, int]


def area(kernel: Any, part: str) -> Area:
    """Return the area of a kernel on an FPGA part, by its model."""
    blocks = int(kernel.dsp_estimation(part))
    outside = blocks if part.startswith("xczu") else 0
    return {
        "LUT": int(kernel.lut_estimation(part)) + outside * _OUTSIDE_DSP["LUT"],
        "FF": int(kernel.ff_estimation(part)) + outside * _OUTSIDE_DSP["FF"],
        "BRAM18": int(kernel.bram_estimation(part)),
        "DSP": blocks,
    }


def total(*areas: Mapping[str, int]) -> Area:
    """Return the sum of areas."""
    return {key: sum(one[key] for one in areas) for key in RESOURCES}


def fits(need: Mapping[str, int], have: Mapping[str, int]) -> bool:
    """Return whether an area is within a board's resources."""
    return all(need[key] <= have[key] for key in RESOURCES)
