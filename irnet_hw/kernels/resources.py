"""The area of ops by their own models, in the units of the boards' resources."""

from irnet_hw.artifact.resources import NOTHING, Area
from irnet_hw.kernels.base import Kernel


def area(kernel: Kernel, part: str) -> Area:
    """Return the area of a kernel on an FPGA part, by its model."""
    return Area(
        LUT=int(kernel.lut_estimation(part)),
        FF=int(kernel.ff_estimation(part)),
        BRAM18=int(kernel.bram_estimation(part)),
        DSP=int(kernel.dsp_estimation(part)),
    )


def total(*areas: Area) -> Area:
    """Return the sum of areas."""
    return sum(areas, NOTHING)
