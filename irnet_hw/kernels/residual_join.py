"""ResidualJoin: adds a branch's accumulators, brought to the stream's scale, to the shortcut."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.kernels.base import Ints, Memory, Parameter, element_kind, pack
from irnet_hw.kernels.dyadic import Dyadic, DyadicRTL
from irnet_hw.kernels.hls_backend import HLSKernel
from irnet_hw.kernels.logic import Logic
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.timing import Moves, Times, in_turn
from irnet_hw.kernels.words import count


@register
class ResidualJoin(Dyadic):
    """y = (skip << skipShift) + ((x * m + b) >> shift), saturated to the range of outputDataType.

    x (*numInputVectors, C) signed, skip of the same shape, m (C,), b (C,) -> (*numInputVectors, C)
    INTn or UINTn.

    Attributes besides those of :class:`~irnet_hw.kernels.dyadic.Dyadic`:
        skipDataType: of skip: BIPOLAR, INTn or UINTn.
        skipShift: bits by which skip is shifted left.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "skipDataType": ("s", True, ""),
            "skipShift": ("i", False, 0),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        super().check()
        self.require_element("skipDataType")
        self.require_range("skipShift", 0, 30)

    def facts(self) -> dict[str, Any]:
        """Return the channels, the types, the shifts and the kind of multiplier."""
        return {
            **super().facts(),
            "skip": self.get_nodeattr("skipDataType"),
            "skip_shift": self.number("skipShift"),
        }

    def describe(self) -> str:
        """Return the channels and the types."""
        facts = self.facts()
        return (
            f"join, {count(facts['channels'], 'channel')}, {facts['input']} requantised and "
            f"{facts['skip']} to {facts['output']}"
        )

    def streams_in(self) -> int:
        """Return 2: x and skip."""
        return 2

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the type of x (0) or of skip (1)."""
        return DataType[self.get_nodeattr("skipDataType" if ind == 1 else "inputDataType")]

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Return the sum of skip and the requantised x."""
        skip, m, b = parameters
        return self.clamped((skip << self.number("skipShift")) + self.scaled(x, m, b))

    def latency(self) -> int:
        """Return the cycles from x: the stages of the lanes, the sum with skip, the saturation."""
        return self.stages() + 2

    def moves(self, there: Sequence[Times]) -> Moves:
        """Return when beats move: skip is taken at the end of the lanes.

        For x, these are the latest times: the lanes have room for more beats. If skip is late and x
        has gaps, the gaps stay in the lanes, and a beat moves later by at most the number of
        stages.
        """
        x, skip = there
        joined = in_turn(np.maximum(x + self.stages(), skip))
        return [joined - self.stages(), joined], [joined + self.latency() - self.stages()]

    def lane_area(self) -> Logic:
        """Return the area of the sum with skip and of the saturation, both registered.

        Beyond an unsigned skip, the sum only carries.
        """
        shift = self.number("skipShift")
        skip = self.skip_bits() + shift
        bits = max(self.sum_bits() - self.number("shift"), skip) + 1
        output = int(self.get_output_datatype().bitwidth())
        unsigned = element_kind(self.get_input_datatype(1)) == 1
        added = min(self.skip_bits(), bits - shift) if unsigned else bits - shift
        return Logic(added + self.limit_luts(bits), bits + output)

    def lane_parameters(self) -> dict[str, int]:
        """Return the folding and the widths, including those of skip."""
        return {
            **super().lane_parameters(),
            "SKIP_BITS": int(self.get_input_datatype(1).bitwidth()),
            "SKIP_SHIFT": self.number("skipShift"),
        }

    def skip_bits(self) -> int:
        """Return the width of a value of skip in two's complement."""
        skip = self.get_input_datatype(1)
        return int(skip.bitwidth()) + (0 if element_kind(skip) == 0 else 1)


@register
class ResidualJoin_rtl(ResidualJoin, DyadicRTL):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`ResidualJoin`."""

    module = "residual_join"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:
        """Return the folding, the widths, the constants and the type of skip."""
        kind = element_kind(self.get_input_datatype(1))
        return {**super().rtl_parameters(model, fpgapart), "SKIP_KIND": kind}


@register
class ResidualJoin_hls(ResidualJoin, HLSKernel):  # noqa: N801 (FINN's naming)
    """HLS backend of :class:`ResidualJoin`, for signed integers only."""

    function = "residual_join"

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        super().check()
        self.require_signed("skipDataType")
        self.require_signed("outputDataType")

    def hls_parameters(self, fpgapart: str) -> Mapping[str, int]:  # noqa: ARG002
        """Return the folding and the widths."""
        return self.lane_parameters()

    def constant_memories(self, model: ModelWrapper) -> Mapping[str, Memory]:
        """Return m and b, one word per beat of a vector."""
        PE, found = self.number("PE"), {}
        for name in ("m", "b"):
            width, values = self.number(f"{name}Bits"), self.constants(model, name)
            words = [pack(beat, width) for beat in values.reshape(-1, PE).tolist()]
            found[name] = (words, PE * width)
        return found

    def widest(self) -> int:
        """Return the widest of a beat's m, a beat's b and the sum with skip, in bits."""
        PE, skip = self.number("PE"), int(self.get_input_datatype(1).bitwidth())
        constants = PE * max(self.number("mBits"), self.number("bBits"))
        return max(constants, self.sum_bits() + 1, skip + self.number("skipShift") + 1)

    def calls(self) -> int:
        """Return the vectors of a frame."""
        return prod(self.numbers("numInputVectors"))
