"""The figures that a bitstream flow returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        half_luts: functions in LUTs; a LUT has room for two. None if the tool does not count them.
        seeds: the clock reached with each of the placer's seeds that was tried.
    """

    tool: str
    clock_mhz: float
    clock_from: str
    area: Area
    half_luts: int | None = None
    seeds: Mapping[str, float] = field(default_factory=dict)
