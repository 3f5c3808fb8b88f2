"""Requantise: brings a layer's accumulators to the scale and the width of a residual stream."""

from irnet_hw.kernels.base import Ints
from irnet_hw.kernels.dyadic import Dyadic, DyadicRTL
from irnet_hw.kernels.mvau_area import Area


class Requantise(Dyadic):
    """y = (x * m + b) >> shift, limited to the range of outputDataType.

    x (*numInputVectors, C) signed, m (C,), b (C,) -> (*numInputVectors, C) signed.
    """

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Return the requantised x."""
        return self.clamped(self.scaled(x, *parameters))

    def latency(self) -> int:
        """Return the stages of the lanes and the output register."""
        return self.stages() + 1

    def lane_area(self) -> Area:
        """Return what limits the sum, and the output register."""
        bits = self.sum_bits() - self.number("shift")
        return Area(self.limit_luts(bits), int(self.get_output_datatype().bitwidth()))


class Requantise_rtl(Requantise, DyadicRTL):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`Requantise`."""

    module = "requantise"
    sources = (
        "dyadic_lanes/dyadic_lanes.sv",
        "saturate/saturate.sv",
        "requantise/requantise.sv",
    )
