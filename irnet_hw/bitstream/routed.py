"""What a flow to a bitstream has made, as route.json says it."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Routed:
    """An accelerator in its shell, placed and routed.

    Attributes:
        tool: name and version.
        clock_mhz: the highest clock at which the tool's timing analysis has no path too slow.
        clock_from: whose delays that is by: "vendor", which the maker of the device signs off, or
            "estimate".
        area: LUT, FF, BRAM18 (blocks of 18 Kib) and DSP of all that is in the bitstream.
    """

    tool: str
    clock_mhz: float
    clock_from: str
    area: dict[str, int]

    def figures(self) -> dict[str, Any]:
        """Return route.json's part."""
        own = asdict(self)
        return {**own.pop("area"), **own}
