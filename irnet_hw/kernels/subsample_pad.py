"""SubsamplePad: the parameter-free shortcut of a layer with a stride and more channels."""

from collections.abc import Iterator, Mapping, Sequence
from math import gcd
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Ints, Kernel, Parameter, Reach, RTLKernel, divisors
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.timing import Moves, Times, in_steps, in_turn
from irnet_hw.kernels.words import count, times


@register
class SubsamplePad(Kernel):
    """Keeps every sh-th row and sw-th column and adds zero channels (He et al. 2016, option A).

    (1, H, W, C) -> (1, ceil(H / sh), ceil(W / sw), before + C + after), of the same type.

    Attributes:
        IFMDim: [H, W].
        IFMChannels: C.
        Stride: [sh, sw].
        PadChannels: [before, after]; BIPOLAR has no zero channels.
        PE: channels per beat, on both streams; divides C, before and after.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "IFMDim": ("ints", True, []),
            "IFMChannels": ("i", True, 0),
            "Stride": ("ints", True, []),
            "PadChannels": ("ints", True, []),
            "PE": ("i", True, 0),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        for name, least in (("IFMDim", 1), ("Stride", 1), ("PadChannels", 0)):
            self.require_numbers(name, 2, least)
        self.require_divides(
            "PE", self._unit(), "the common divisor of IFMChannels and PadChannels"
        )
        self.require_element("inputDataType")
        zeros = self.numbers("PadChannels")
        if any(zeros) and not self.get_input_datatype().allowed(0):
            raise UserError(
                f"{self.onnx_node.name}: PadChannels = {list(zeros)} must be [0, 0] for "
                f"inputDataType = {self.get_nodeattr('inputDataType')}, which has no 0"
            )
        self.require_same_types()

    def facts(self) -> dict[str, Any]:
        """Return the image, the channels, the stride and the zero channels."""
        return {
            "image": list(self.numbers("IFMDim")),
            "channels": self.number("IFMChannels"),
            "stride": list(self.numbers("Stride")),
            "zeros": list(self.numbers("PadChannels")),
        }

    def describe(self) -> str:
        """Return the stride, the image and the channels."""
        zeros = sum(self.numbers("PadChannels"))
        more = f", and {zeros} of zeros" if zeros else ""
        stride, image = times(self.numbers("Stride")), times(self.numbers("IFMDim"))
        channels = count(self.number("IFMChannels"), "channel")
        return f"1 of {stride} pixels of {image}, {channels}{more}"

    def reach(self, pixels: Reach) -> Reach:
        """Return the input pixel of each output pixel."""
        return self.reach_of_windows(pixels, self.numbers("Stride"), (0, 0))

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every PE."""
        yield from ({"PE": pe} for pe in divisors(self._unit()))

    def lanes_in(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return PE."""
        return self.number("PE")

    def lanes_out(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return PE."""
        return self.number("PE")

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return (1, H, W, C)."""
        return (1, *self.numbers("IFMDim"), self.number("IFMChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return (1, ceil(H / sh), ceil(W / sw), before + C + after)."""
        (h, w), (sh, sw) = self.numbers("IFMDim"), self.numbers("Stride")
        channels = self.number("IFMChannels") + sum(self.numbers("PadChannels"))
        return (1, -(-h // sh), -(-w // sw), channels)

    def get_exp_cycles(self) -> int:
        """Return the cycles of a frame: in each, a beat comes in, leaves, or both.

        While the zeros after a pixel and before the next one leave, the pixels dropped between them
        come in. The zeros before a frame's first pixel wait for the frame.
        """
        (h, w), (sh, sw) = self.numbers("IFMDim"), self.numbers("Stride")
        _, rows, columns, _ = self.get_normal_output_shape()
        before, words, after = self.pixel_beats()
        to_edge = (w - 1 - (columns - 1) * sw) * words  # dropped after a row's last pixel
        within = max((sw - 1) * words, after + before)
        between = max(to_edge + (sh - 1) * w * words, after + before)
        last = max(to_edge + (h - 1 - (rows - 1) * sh) * w * words, after) + before
        pixels = rows * columns * words
        return pixels + rows * (columns - 1) * within + (rows - 1) * between + last

    def compute(self, x: Ints, *parameters: Ints) -> Ints:  # noqa: ARG002
        """Return the kept pixels, with zeros around their channels."""
        sh, sw = self.numbers("Stride")
        return np.pad(x[:, ::sh, ::sw], ((0, 0), (0, 0), (0, 0), self.numbers("PadChannels")))

    def pixel_beats(self) -> tuple[int, int, int]:
        """Return the beats of an output pixel: zeros before, input, zeros after."""
        before, after = self.numbers("PadChannels")
        pe = self.number("PE")
        return before // pe, self.number("IFMChannels") // pe, after // pe

    def latency(self) -> int:
        """Return 1: the output register."""
        return 1

    def moves(self, there: Sequence[Times]) -> Moves:
        """Return when beats move.

        Dropped pixels come in while zeros leave; zeros before a frame's first beat wait for it.
        """
        (h, w), (sh, sw) = self.numbers("IFMDim"), self.numbers("Stride")
        before, words, after = self.pixel_beats()
        (times,) = there
        places = np.arange(len(times)).reshape(-1, h, w, words)
        kept = places[:, ::sh, ::sw].reshape(-1, words)
        starts = np.zeros(len(kept), np.int64)
        starts[:: len(kept) // len(places)] = before
        # Cycles from a pixel's last beat to the next one's first: dropped beats, or zeros.
        dropped = np.diff(kept[:, 0], prepend=0) - words
        between = np.maximum(dropped, after + np.where(starts > 0, 0, before)) + starts
        steps = np.cumsum(between + words)[:, None] + np.arange(words)
        ready = in_turn(times)[kept]
        ready[:, 0] += starts
        passed = in_steps(ready.reshape(-1), steps.reshape(-1))
        least = times.copy()
        least[kept.reshape(-1)] = passed
        pixels = passed.reshape(-1, words)
        behind = pixels[:, -1:] + 1 + np.arange(after)
        # The zeros before a pixel directly follow those after the previous one.
        ahead = np.roll(pixels[:, -1:], 1) + 1 + after
        ahead[starts > 0] = pixels[starts > 0, :1] - before
        leave = np.concatenate([ahead + np.arange(before), pixels, behind], axis=1)
        return [in_turn(least)], [leave.reshape(-1) + self.latency()]

    def lut_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the LUTs of the counters, fitted to Yosys for xc7; zeros are flip-flop resets."""
        return 5 + self._counter_bits() * 3 // 2

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the output register's flip-flops and the counters'."""
        return self.get_instream_width() + 2 + self._counter_bits()

    def _unit(self) -> int:
        return gcd(self.number("IFMChannels"), *self.numbers("PadChannels"))

    def _counter_bits(self) -> int:
        """Return the bits of all counters."""
        sizes = (*self.numbers("IFMDim"), *self.numbers("Stride"), *self.pixel_beats()[1:2])
        return sum((n - 1).bit_length() for n in (*sizes, sum(self.pixel_beats())))


@register
class SubsamplePad_rtl(SubsamplePad, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`SubsamplePad`."""

    module = "subsample_pad"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:  # noqa: ARG002
        """Return the shapes."""
        (h, w), (sh, sw) = self.numbers("IFMDim"), self.numbers("Stride")
        before, words, after = self.pixel_beats()
        return {
            "W": self.get_instream_width(),
            "H_IN": h,
            "W_IN": w,
            "SH": sh,
            "SW": sw,
            "BEFORE": before,
            "WORDS": words,
            "AFTER": after,
        }
