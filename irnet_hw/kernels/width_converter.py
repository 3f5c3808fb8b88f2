"""WidthConverter: regroups a stream's elements into beats of another width."""

from collections.abc import Mapping, Sequence
from math import gcd, prod
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Ints, Kernel, RTLKernel
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.timing import Moves, Times, in_steps, in_turn
from irnet_hw.kernels.words import count


@register
class WidthConverter(Kernel):
    """Passes on the same elements in the same order, in other beats and optionally another shape.

    Attributes:
        inShape, outShape: of the tensor before and after; the same number of elements.
        inLanes: elements per input beat; divides the last axis of inShape.
        outLanes: elements per output beat; divides the last axis of outShape.

    Any ratio of the lanes is legal; equal lanes are just wires.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "inShape": ("ints", True, []),
            "outShape": ("ints", True, []),
            "inLanes": ("i", True, 0),
            "outLanes": ("i", True, 0),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        name = self.onnx_node.name
        before, after = self.numbers("inShape"), self.numbers("outShape")
        if prod(before) != prod(after):
            raise UserError(
                f"{name}: outShape = {list(after)} has {prod(after)} elements, "
                f"must have those of inShape = {list(before)}, {prod(before)}"
            )
        self.require_divides("inLanes", before[-1], "the last axis of inShape")
        self.require_divides("outLanes", after[-1], "the last axis of outShape")
        self.require_same_types()

    plumbing = "width converter"
    regroups = True

    def facts(self) -> dict[str, Any]:
        """Return the lanes before and after."""
        return {"from": self.number("inLanes"), "to": self.number("outLanes")}

    def describe(self) -> str:
        """Return the lanes before and after."""
        before, after = self.number("inLanes"), count(self.number("outLanes"), "lane")
        return f"width converter, {before} to {after}"

    def lanes_in(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return inLanes."""
        return self.number("inLanes")

    def lanes_out(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return outLanes."""
        return self.number("outLanes")

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return inShape."""
        return self.numbers("inShape")

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return outShape."""
        return self.numbers("outShape")

    def get_exp_cycles(self) -> int:
        """Return the beats of a frame on the side that has more of them."""
        return prod(self.numbers("inShape")) // min(self.lanes_in(), self.lanes_out())

    def compute(self, x: Ints, *parameters: Ints) -> Ints:  # noqa: ARG002
        """Return ``x`` under the other shape."""
        return x.reshape(-1, *self.numbers("outShape")[1:])

    def latency(self) -> int:
        """Return 1, the buffer; 0 for wires."""
        return 0 if self.lanes_in() == self.lanes_out() else 1

    def moves(self, there: Sequence[Times]) -> Moves:
        """Return when beats move: one comes in once all whole output beats have left."""
        before, after = self.lanes_in(), self.lanes_out()
        (times,) = there
        whole = np.arange(len(times) + 1) * before // after
        steps = np.cumsum(np.maximum(np.diff(whole[:-1], prepend=0), 1))
        taken = in_steps(times, steps)
        beats = np.arange(whole[-1])
        return [taken], [in_turn(taken[((beats + 1) * after - 1) // before] + self.latency())]

    def lut_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the LUTs that select the input of each slice of the buffer, and of the control.

        Fitted to Yosys for xc7, within 10 % on the ratios tried.
        """
        slice_bits, a, b = self._slices()
        if a == b:
            return 0
        slices, luts = a + b - 1, 0.0
        for i in range(slices):
            sources = min(i, a - 1) - max(0, i - b + 1) + 1 + (i + b < slices)
            luts += slice_bits * (sources - 1 if sources < 3 else 1.4 * sources - 3.2)
        return round(luts) + slices + 6

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the flip-flops of the buffer and of its fill count."""
        slice_bits, a, b = self._slices()
        return 0 if a == b else (a + b - 1) * slice_bits + (a + b - 1).bit_length()

    def _slices(self) -> tuple[int, int, int]:
        """Return the bits of the largest slice that divides both beats, and each beat's slices."""
        common = gcd(self.lanes_in(), self.lanes_out())
        bits = int(self.get_input_datatype().bitwidth())
        return common * bits, self.lanes_in() // common, self.lanes_out() // common


@register
class WidthConverter_rtl(WidthConverter, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`WidthConverter`."""

    module = "width_converter"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, int | str]:  # noqa: ARG002
        """Return the slice's width and each beat's number of slices."""
        slice_bits, a, b = self._slices()
        return {"W": slice_bits, "IN": a, "OUT": b}
