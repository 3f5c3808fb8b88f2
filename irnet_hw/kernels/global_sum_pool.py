"""GlobalSumPool: sums each channel over the whole image, like average pooling without division."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.kernels.base import Ints, Kernel, Parameter, RTLKernel, divisors, element_kind
from irnet_hw.kernels.memory import lut_ram_one_port
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.timing import Moves, Times, in_turn
from irnet_hw.kernels.words import count, times


@register
class GlobalSumPool(Kernel):
    """Sums each channel over all pixels: (1, H, W, C) BIPOLAR, UINTn or INTn -> (1, C) INTm.

    m is enough for any sum.

    Attributes:
        IFMDim: [H, W].
        NumChannels: C.
        PE: channels per beat, on both streams; divides C.
    """

    sums_image = True

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "IFMDim": ("ints", True, []),
            "NumChannels": ("i", True, 0),
            "PE": ("i", True, 0),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        self.require_numbers("IFMDim", 2, 1)
        self.require_divides("PE", self.number("NumChannels"), "NumChannels")
        self.require_element("inputDataType")
        self.require_signed("outputDataType")
        pixels, datatype = prod(self.numbers("IFMDim")), self.get_input_datatype()
        ends = int(datatype.min()) * pixels, int(datatype.max()) * pixels
        self.require_holds("outputDataType", *ends)

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every PE."""
        yield from ({"PE": pe} for pe in divisors(self.number("NumChannels")))

    def facts(self) -> dict[str, Any]:
        """Return the image and the channels."""
        return {"image": list(self.numbers("IFMDim")), "channels": self.number("NumChannels")}

    def describe(self) -> str:
        """Return the image and the channels."""
        channels = count(self.number("NumChannels"), "channel")
        return f"sum over {times(self.numbers('IFMDim'))} pixels, {channels}"

    def words(self) -> int:
        """Return the beats of a pixel."""
        return self.number("NumChannels") // self.number("PE")

    def lanes_in(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return PE."""
        return self.number("PE")

    def lanes_out(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return PE."""
        return self.number("PE")

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return (1, H, W, C)."""
        return (1, *self.numbers("IFMDim"), self.number("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return (1, C)."""
        return (1, self.number("NumChannels"))

    def get_exp_cycles(self) -> int:
        """Return the input beats of a frame: one per cycle."""
        return prod(self.numbers("IFMDim")) * self.words()

    def compute(self, x: Ints, *parameters: Ints) -> Ints:  # noqa: ARG002
        """Return the sums."""
        sums: Ints = x.sum((1, 2))
        return sums

    def latency(self) -> int:
        """Return 1: the output register."""
        return 1

    def moves(self, there: Sequence[Times]) -> Moves:
        """Return when beats move: the sums leave after the beats of the last pixel."""
        taken = in_turn(there[0])
        last = taken.reshape(self.frames(taken), -1, self.words())[:, -1]
        return [taken], [last.reshape(-1) + self.latency()]

    def lut_estimation(self, fpgapart: str) -> int:
        """Return the LUTs of the adders, the memory of sums and the counters.

        Fitted to Yosys for xc7.
        """
        width = self.get_outstream_width()
        memory = lut_ram_one_port(self.words(), width, fpgapart) if self.words() > 1 else 0
        return width + memory + 6 + self._counter_bits() * 11 // 10

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the flip-flops of the output register and of the counters."""
        return self.get_outstream_width() + 1 + self._counter_bits()

    def _counter_bits(self) -> int:
        return (self.words() - 1).bit_length() + (prod(self.numbers("IFMDim")) - 1).bit_length()


@register
class GlobalSumPool_rtl(GlobalSumPool, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`GlobalSumPool`."""

    module = "global_sum_pool"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:  # noqa: ARG002
        """Return the folding, the number of pixels and the widths."""
        return {
            "PE": self.number("PE"),
            "WORDS": self.words(),
            "PIXELS": prod(self.numbers("IFMDim")),
            "IN_BITS": int(self.get_input_datatype().bitwidth()),
            "IN_KIND": element_kind(self.get_input_datatype()),
            "OUT_BITS": int(self.get_output_datatype().bitwidth()),
        }
