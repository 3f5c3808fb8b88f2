"""Codes: the integers that the hardware has of a tensor, and what is known about them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from qonnx.core.datatype import BaseDataType, DataType

from irnet_hw.compiler.graph import Ints

Units = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Codes:
    """A stream of integers k, with tensor = unit * k in each channel.

    Everything is in the order of the network's channels. Those of a vector are its elements.

    Attributes:
        stream: the hardware's tensor, [1, rows, columns, channels] or [1, channels].
        spatial: (rows, columns); None for a vector.
        low: the least k of each channel.
        high: the greatest.
        unit: powers of two.
        datatype: of the stream.
        zero: is subtracted from what the stream carries; only pixels have one.
        order: for a vector that was an image, the network's place of each element of the stream,
            whose channels come last.
    """

    stream: str
    spatial: tuple[int, int] | None
    low: Ints
    high: Ints
    unit: Units
    datatype: BaseDataType
    zero: int = 0
    order: Ints | None = None

    @property
    def channels(self) -> int:
        """The number of channels, or of a vector's elements."""
        return len(self.low)

    def binary(self) -> bool:
        """Return whether they are +1 and -1."""
        return bool(self.datatype == DataType["BIPOLAR"])

    def single_unit(self) -> float | None:
        """Return the unit if all channels have the same."""
        return float(self.unit[0]) if np.all(self.unit == self.unit[0]) else None

    def in_stream_order(self, constants: Ints) -> Ints:
        """Return constants, one per channel along the first axis, in the stream's order."""
        return constants if self.order is None else constants[self.order]


def code_type(low: int, high: int) -> BaseDataType:
    """Return the narrowest type that kernels take for integers of a range.

    Whether ±1 are signs depends on what lies between them, so that is up to the caller.
    """
    if low < 0 or high > 255:
        below = (-low - 1).bit_length() if low < 0 else 0
        return DataType[f"INT{max(1, below, high.bit_length()) + 1}"]
    return DataType[f"UINT{max(2, high.bit_length())}"]


def is_power_of_two(value: float) -> bool:
    """Return whether a number is a power of two, with either sign."""
    return abs(value) == dyadic_unit(np.array([value]))


def dyadic_unit(values: npt.NDArray[np.floating]) -> float:
    """Return the greatest power of two that divides all values; 1 if all are 0."""
    found = np.unique(np.abs(np.asarray(values, np.float64)))
    found = found[found > 0]
    if not found.size:
        return 1.0
    mantissas, exponents = np.frexp(found)
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    lowest = np.log2((whole & -whole).astype(np.float64)).astype(int)
    return float(np.ldexp(1.0, int((exponents - 53 + lowest).min())))
