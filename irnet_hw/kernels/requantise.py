"""Requantise: brings a layer's accumulators to the scale and the width of a residual stream."""

from irnet_hw.kernels.base import Ints
from irnet_hw.kernels.dyadic import Dyadic, DyadicRTL
from irnet_hw.kernels.logic import Logic
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.words import count


@register
class Requantise(Dyadic):
    """y = (x * m + b) >> shift, saturated to the range of outputDataType.

    x (*numInputVectors, C) signed, m (C,), b (C,) -> (*numInputVectors, C) INTn or UINTn.
    """

    def describe(self) -> str:
        """Return the channels and the types."""
        before, after = (self.get_nodeattr(f"{end}putDataType") for end in ("in", "out"))
        channels = count(self.number("NumChannels"), "channel")
        return f"requantise, {channels}, {before} to {after}"

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Return the requantised x."""
        return self.clamped(self.scaled(x, *parameters))

    def latency(self) -> int:
        """Return the stages of the lanes and the output register."""
        return self.stages() + 1

    def lane_area(self) -> Logic:
        """Return the area of the saturation and of the output register."""
        bits = self.sum_bits() - self.number("shift")
        return Logic(self.limit_luts(bits), int(self.get_output_datatype().bitwidth()))


@register
class Requantise_rtl(Requantise, DyadicRTL):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`Requantise`."""

    module = "requantise"
