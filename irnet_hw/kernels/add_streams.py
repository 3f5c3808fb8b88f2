"""AddStreams: adds two streams of integers, brought to a common unit by shifts."""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.kernels.base import Ints, Kernel, Parameter, RTLKernel, divisors, element_kind
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.words import count


@register
class AddStreams(Kernel):
    """y = (a << shiftA) + (b << shiftB), exactly.

    a and b (*numInputVectors, C), each BIPOLAR, INTn or UINTn -> (*numInputVectors, C).

    Attributes:
        NumChannels: C, the last axis.
        numInputVectors: (1, H, W), or (1,).
        PE: channels per beat, on every stream; divides NumChannels.
        inputDataType: of a.
        secondDataType: of b.
        outputDataType: of y; holds every sum.
        shiftA, shiftB: bits by which a and b are shifted left.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "NumChannels": ("i", True, 0),
            "numInputVectors": ("ints", False, [1]),
            "PE": ("i", True, 0),
            "secondDataType": ("s", True, ""),
            "shiftA": ("i", False, 0),
            "shiftB": ("i", False, 0),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        self.require_divides("PE", self.number("NumChannels"), "NumChannels")
        self.require_vectors()
        for name in ("inputDataType", "secondDataType", "outputDataType"):
            self.require_element(name)
        for name in ("shiftA", "shiftB"):
            self.require_range(name, 0, 31)
        self.require_holds("outputDataType", *self._range())

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every PE."""
        yield from ({"PE": pe} for pe in divisors(self.number("NumChannels")))

    def facts(self) -> dict[str, Any]:
        """Return the channels, the types and the shifts."""
        return {
            "channels": self.number("NumChannels"),
            "inputs": [self.get_nodeattr("inputDataType"), self.get_nodeattr("secondDataType")],
            "shifts": [self.number("shiftA"), self.number("shiftB")],
            "output": self.get_nodeattr("outputDataType"),
        }

    def describe(self) -> str:
        """Return the channels and the types."""
        facts = self.facts()
        channels, types = count(facts["channels"], "channel"), " and ".join(facts["inputs"])
        return f"sum, {channels}, {types} to {facts['output']}"

    def streams_in(self) -> int:
        """Return 2: a and b."""
        return 2

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the type of a (0) or of b (1)."""
        return DataType[self.get_nodeattr("secondDataType" if ind == 1 else "inputDataType")]

    def lanes_in(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return PE."""
        return self.number("PE")

    def lanes_out(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return PE."""
        return self.number("PE")

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return the shape of all streams."""
        return (*self.numbers("numInputVectors"), self.number("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return the shape of all streams."""
        return self.get_normal_input_shape()

    def get_exp_cycles(self) -> int:
        """Return the beats of a frame: one per cycle."""
        return prod(self.get_folded_input_shape()[:-1])

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Return the sum."""
        (b,) = parameters
        return (x << self.number("shiftA")) + (b << self.number("shiftB"))

    def latency(self) -> int:
        """Return 1: the output register."""
        return 1

    def lut_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the LUTs of the adders, from the bit on that both terms have.

        Fitted to Yosys for xc7.
        """
        inverted = int(self._signs() == 1)
        added = max(self._end(0), self._end(1)) - max(self._shifts()) if self._overlap() else 0
        return self.number("PE") * (added + inverted) + 4

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the flip-flops of the output register, without bits that are constant or equal."""
        if self._overlap():
            least, most = self._range()
            bits = max(most, -least - 1).bit_length() + int(least < 0) - min(self._shifts())
            bits -= int(self._signs() == 2)  # the last bit of their sum is constant
        else:
            bits = sum(int(self.get_input_datatype(ind).bitwidth()) for ind in (0, 1))
        return self.number("PE") * bits + 1

    def _signs(self) -> int:
        """Return how many of the terms are BIPOLAR."""
        return [self.get_input_datatype(ind).name for ind in (0, 1)].count("BIPOLAR")

    def _shifts(self) -> tuple[int, int]:
        return self.number("shiftA"), self.number("shiftB")

    def _range(self) -> tuple[int, int]:
        """Return the least and the greatest sum."""
        least = most = 0
        for ind, shift in enumerate(self._shifts()):
            datatype = self.get_input_datatype(ind)
            least += int(datatype.min()) << shift
            most += int(datatype.max()) << shift
        return least, most

    def _end(self, ind: int) -> int:
        """Return the bits of a term, its shift included."""
        datatype = self.get_input_datatype(ind)
        bits = 2 if datatype == DataType["BIPOLAR"] else int(datatype.bitwidth())
        return bits + self._shifts()[ind]

    def _overlap(self) -> bool:
        """Return whether the terms have bits in common, the sign bit's copies included."""
        low, high = sorted((0, 1), key=lambda ind: self._shifts()[ind])
        negative = self.get_input_datatype(low).min() < 0
        return bool(negative) or self._end(low) > self._shifts()[high]


@register
class AddStreams_rtl(AddStreams, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`AddStreams`."""

    module = "add_streams"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:  # noqa: ARG002
        """Return the folding, the types and the shifts."""
        a, b = self.get_input_datatype(0), self.get_input_datatype(1)
        return {
            "PE": self.number("PE"),
            "A_BITS": int(a.bitwidth()),
            "A_KIND": element_kind(a),
            "SHIFT_A": self.number("shiftA"),
            "B_BITS": int(b.bitwidth()),
            "B_KIND": element_kind(b),
            "SHIFT_B": self.number("shiftB"),
            "OUT_BITS": int(self.get_output_datatype().bitwidth()),
        }
