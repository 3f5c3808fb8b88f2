"""The resources of an FPGA, in the units of its data sheet."""

import dataclasses
from dataclasses import dataclass
from typing import Mapping

from irnet_hw.form import Count


@dataclass(frozen=True)
class Area:
    """How much of each resource something takes, or a board has.

    Attributes:
        LUT: lookup tables.
        FF: flip-flops.
        BRAM18: block RAMs of 18 Kib.
        DSP: DSP slices.
    """

    LUT: Count
    FF: Count
    BRAM18: Count
    DSP: Count

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Area":
        """Return the area from counts, which may also count other things."""
        return cls(*(counts[kind] for kind in RESOURCES))

    def __getitem__(self, kind: str) -> int:
        """Return the count of a resource, by its name."""
        count: int = getattr(self, kind)
        return count

    def __add__(self, other: "Area") -> "Area":
        """Return the sum of both areas."""
        return Area(*(self[kind] + other[kind] for kind in RESOURCES))

    def fits(self, have: Mapping[str, int]) -> bool:
        """Return whether a board has enough of each resource."""
        return all(self[kind] <= have[kind] for kind in RESOURCES)


RESOURCES = tuple(field.name for field in dataclasses.fields(Area))
NOTHING = Area(0, 0, 0, 0)
