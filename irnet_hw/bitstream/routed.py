"""What a flow to a bitstream has made."""

from dataclasses import dataclass

from irnet_hw.artifact.resources import Area


@dataclass(frozen=True)
class Routed:
    """An accelerator in its shell, placed and routed.

    Attributes:
        tool: name and version.
        clock_mhz: the highest clock at which the tool's timing analysis has no path too slow.
        clock_from: whose delays that is by: "vendor", which the maker of the device signs off, or
            "estimate".
        area: all that is in the bitstream.
    """

    tool: str
    clock_mhz: float
    clock_from: str
    area: Area
