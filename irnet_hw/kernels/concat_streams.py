"""ConcatStreams: puts the channels of several streams one after the other in every pixel."""

from collections.abc import Iterator, Mapping, Sequence
from math import gcd, prod
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Constant, Ints, Kernel, Parameter, RTLKernel, divisors, pack
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.timing import Moves, Times, in_turn
from irnet_hw.kernels.words import count


@register
class ConcatStreams(Kernel):
    """Concatenates two or more streams of one type along the channels.

    (*numInputVectors, C1), (*numInputVectors, C2), ... -> (*numInputVectors, C1 + C2 + ...). For
    each pixel, all beats of the first stream come first, then those of the second, and so on.

    Attributes:
        ChannelsPerStream: [C1, C2, ...].
        numInputVectors: (1, H, W), or (1,).
        PE: channels per beat, on every stream; divides each of ChannelsPerStream.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "ChannelsPerStream": ("ints", True, []),
            "numInputVectors": ("ints", False, [1]),
            "PE": ("i", True, 0),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        channels = self.numbers("ChannelsPerStream")
        if len(channels) < 2 or min(channels) < 1:
            raise UserError(
                f"{self.onnx_node.name}: ChannelsPerStream = {list(channels)} must be at least 2 "
                "integers, each at least 1"
            )
        unit = "the common divisor of ChannelsPerStream"
        self.require_divides("PE", gcd(*channels), unit)
        self.require_vectors()
        self.require_element("inputDataType")
        self.require_same_types()

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every PE."""
        common = gcd(*self.numbers("ChannelsPerStream"))
        yield from ({"PE": pe} for pe in divisors(common))

    def facts(self) -> dict[str, Any]:
        """Return the channels of each stream and the type."""
        return {
            "channels": list(self.numbers("ChannelsPerStream")),
            "type": self.get_nodeattr("inputDataType"),
        }

    def describe(self) -> str:
        """Return the channels."""
        *first, last = self.numbers("ChannelsPerStream")
        some = ", ".join(str(channels) for channels in first)
        return f"concatenation, {some} and {count(last, 'channel')}"

    def streams_in(self) -> int:
        """Return the number of inputs."""
        return len(self.numbers("ChannelsPerStream"))

    def lanes_in(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return PE."""
        return self.number("PE")

    def lanes_out(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return PE."""
        return self.number("PE")

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (*numInputVectors, channels of the stream)."""
        return (*self.numbers("numInputVectors"), self.numbers("ChannelsPerStream")[ind])

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return (*numInputVectors, all channels)."""
        return (*self.numbers("numInputVectors"), sum(self.numbers("ChannelsPerStream")))

    def get_exp_cycles(self) -> int:
        """Return the output beats of a frame: one per cycle."""
        return prod(self.get_folded_output_shape()[:-1])

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Return the channels of all streams."""
        return np.concatenate([x, *parameters], axis=-1)

    def latency(self) -> int:
        """Return 1: the output register."""
        return 1

    def moves(self, there: Sequence[Times]) -> Moves:
        """Return when beats move: those of a stream wait for their turn in the pixel."""
        words = self.words()
        pixels = [times.reshape(-1, n) for times, n in zip(there, words, strict=True)]
        taken = in_turn(np.concatenate(pixels, axis=1).reshape(-1))
        each = np.split(taken.reshape(-1, sum(words)), np.cumsum(words)[:-1], axis=1)
        return [times.reshape(-1) for times in each], [taken + self.latency()]

    def words(self) -> list[int]:
        """Return the beats of a pixel of each stream."""
        return [channels // self.number("PE") for channels in self.numbers("ChannelsPerStream")]

    def lut_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the LUTs of the selection and of the control, fitted to Yosys for xc7."""
        streams = self.streams_in()
        select = -(-(streams - 1) // 3) * self.get_outstream_width()
        return select + streams**2 // 2 + 2 + self._counter_bits()

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the flip-flops of the output register and of the counters."""
        return self.get_outstream_width() + 1 + self._counter_bits()

    def _counter_bits(self) -> int:
        """Return the bits of the stream's number and of the beat within its pixel."""
        return (self.streams_in() - 1).bit_length() + (max(self.words()) - 1).bit_length()


@register
class ConcatStreams_rtl(ConcatStreams, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`ConcatStreams`."""

    module = "concat_streams"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:  # noqa: ARG002
        """Return the width of a beat, the number of streams and the beats of their pixels."""
        return {
            "W": self.get_outstream_width(),
            "STREAMS": self.streams_in(),
            "WORDS": Constant(pack(self.words(), 32), 32 * self.streams_in()),
        }

    def connections(self) -> dict[str, str]:
        """Return the wrapper's connections; the module has one vector port for all inputs."""
        apart = super().connections()
        inputs = range(self.streams_in() - 1, -1, -1)
        for part in ("data", "valid", "ready"):
            each = ", ".join(apart.pop(f"in{ind}_{part}") for ind in inputs)
            apart[f"in_{part}"] = f"{{{each}}}"
        return apart
