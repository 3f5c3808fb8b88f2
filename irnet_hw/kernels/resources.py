"""The area of ops by their own models, in the units of the boards' resources."""

from collections.abc import Mapping

from irnet_hw.kernels.base import Kernel

#: Lookup tables, flip-flops, 18 Kbit block RAMs, DSP blocks.
RESOURCES = ("LUT", "FF", "BRAM18", "DSP")

Area = dict[str, int]


def area(kernel: Kernel, part: str) -> Area:
    """Return the area of a kernel on an FPGA part, by its model."""
    return {
        "LUT": int(kernel.lut_estimation(part)),
        "FF": int(kernel.ff_estimation(part)),
        "BRAM18": int(kernel.bram_estimation(part)),
        "DSP": int(kernel.dsp_estimation(part)),
    }


def total(*areas: Mapping[str, int]) -> Area:
    """Return the sum of areas."""
    return {key: sum(one[key] for one in areas) for key in RESOURCES}


def fits(need: Mapping[str, int], have: Mapping[str, int]) -> bool:
    """Return whether an area is within a board's resources."""
    return all(need[key] <= have[key] for key in RESOURCES)
