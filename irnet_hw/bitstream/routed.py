"""The figures that a bitstream flow returns."""

from dataclasses import dataclass

from irnet_hw.artifact.resources import Area


@dataclass(frozen=True)
class Routed:
    """An accelerator in its shell, placed and routed.

    Attributes:
        tool: name and version.
        clock_mhz: the highest clock at which the tool's timing analysis finds no path too slow.
        clock_from: where the delays come from: "vendor", signed off by the device's maker, or
            "estimate".
        area: of everything in the bitstream.
    """

    tool: str
    clock_mhz: float
    clock_from: str
    area: Area
