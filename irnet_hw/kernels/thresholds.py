"""Thresholds: counts how many of its channel's thresholds each element reaches."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Ints, Memory, Parameter, RTLKernel, pack
from irnet_hw.kernels.channelwise import Channelwise
from irnet_hw.kernels.logic import Logic, rom_luts
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.words import count


@register
class Thresholds(Channelwise):
    """y = outBias + outScale * c, with the number c of thresholds that x reaches, or misses.

    x (*numInputVectors, C), T (C, numSteps), mask (C,) BINARY -> (*numInputVectors, C). c counts
    the thresholds with x >= T, or those with x < T where the mask is 1. T ascends in each row.
    Thresholds beyond the values of inputDataType are always reached, or never.

    FINN's Thresholding lacks the mask. This op has another name, because FINN finds ops by name.

    Attributes:
        NumChannels: C, the last axis.
        numInputVectors: (1, H, W), or (1,).
        PE: channels per beat, on both streams; divides NumChannels.
        numSteps: thresholds of a channel, 1 to 255.
        outBias: y for c = 0.
        outScale: the step of y, at least 1.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "numSteps": ("i", True, 0),
            "outBias": ("i", False, 0),
            "outScale": ("i", False, 1),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        super().check()
        self.require_range("numSteps", 1, 255)
        self.require_element("inputDataType")
        self.require_element("outputDataType")
        name, datatype = self.onnx_node.name, self.get_output_datatype()
        low, scale = self.number("outBias"), self.number("outScale")
        if scale < 1:
            raise UserError(f"{name}: outScale = {scale} must be at least 1")
        high = low + scale * self.number("numSteps")
        ends = [value for value in (low, low + scale, high) if not datatype.allowed(value)]
        if ends:
            raise UserError(
                f"{name}: outputDataType = {datatype.name} must hold outBias + outScale * 0 to "
                f"{self.number('numSteps')}: {low} to {high} in steps of {scale}"
            )

    def facts(self) -> dict[str, Any]:
        """Return the channels, the thresholds of each and the types."""
        return {
            "channels": self.number("NumChannels"),
            "thresholds": self.number("numSteps"),
            "input": self.get_nodeattr("inputDataType"),
            "output": self.get_nodeattr("outputDataType"),
        }

    def describe(self) -> str:
        """Return the thresholds, the channels and the types."""
        before, after = (self.get_nodeattr(f"{end}putDataType") for end in ("in", "out"))
        steps, channels = self.number("numSteps"), count(self.number("NumChannels"), "channel")
        return f"{count(steps, 'threshold')}, {channels}, {before} to {after}"

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return the shape of the stream (0), of T (1) or of the mask (2)."""
        shape = super().get_normal_input_shape(ind)
        return (*shape, self.number("numSteps")) if ind == 1 else shape

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Return the codes of the counts."""
        T, mask = parameters
        reached = np.zeros_like(x)
        for step in T.T:
            reached += x >= step
        counted = np.where(mask == 1, self.number("numSteps") - reached, reached)
        codes: Ints = self.number("outBias") + self.number("outScale") * counted
        return codes

    # ------------------------------------------------------------------ hardware

    def stages(self) -> int:
        """Return the comparisons of the binary search: the bits of a count."""
        return self.number("numSteps").bit_length()

    def latency(self) -> int:
        """Return a cycle for each comparison."""
        return self.stages()

    def threshold_bits(self) -> int:
        """Return the bits of a threshold in the hardware: one more than x, for "never"."""
        return int(self.get_input_datatype().bitwidth()) + 1

    def area(self) -> Logic:
        """Return the LUTs and flip-flops.

        Each stage of a lane compares x to a threshold; all but the last pass x and the mask on.
        Fitted to Yosys for xc7.
        """
        pe, words, stages = self.number("PE"), self.words(), self.stages()
        bits, word_bits = self.threshold_bits() - 1, (words - 1).bit_length()
        total = Logic(3 + 2 * word_bits, stages * (1 + word_bits))
        for stage in range(stages):
            total += Logic(self._compare_luts(words << stage)) * pe
        passed = (stages - 1) * (bits + (words > 1)) + stages * (stages - 1) // 2
        return total + Logic(0, passed + int(self.get_output_datatype().bitwidth())) * pe

    def _compare_luts(self, depth: int) -> float:
        """Return the LUTs that compare x to one of ``depth`` thresholds.

        Few thresholds fit into the LUTs that compare.
        """
        bits = self.threshold_bits() - 1
        if depth <= 4:
            return 0.7 * bits
        return 1.1 * bits if depth <= 16 else bits + rom_luts(bits + 1, depth)

    def lut_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the LUTs."""
        return round(self.area().lut)

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the flip-flops."""
        return round(self.area().ff)


@register
class Thresholds_rtl(Thresholds, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`Thresholds`.

    The hardware searches a row of 2**stages - 1 thresholds, in which c of those at the front count.
    For that, rows of masked channels are reversed, and all rows are filled up with thresholds that
    never count. A threshold is stored relative to the least x.
    """

    module = "thresholds"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:  # noqa: ARG002
        """Return the folding, the types, the code and the names of the memories."""
        datatype = self.get_output_datatype()
        bits = datatype == DataType["BIPOLAR"]
        return {
            "PE": self.number("PE"),
            "WORDS": self.words(),
            "IN_BITS": int(self.get_input_datatype().bitwidth()),
            "IN_SIGNED": int(self.get_input_datatype().min() < -1),
            "STAGES": self.stages(),
            "OUT_BITS": int(datatype.bitwidth()),
            "BIAS": 0 if bits else self.number("outBias"),
            "SCALE": 1 if bits else self.number("outScale"),
            "MASK": self.memory_file("mask"),
            "FIRST": self.memory_file("first"),
            "LATER": self.memory_file("later").removesuffix(".hex"),
        }

    def constant_memories(self, model: ModelWrapper) -> Mapping[str, Memory]:
        """Return the mask, and the thresholds of each stage.

        In the first stage, a word has those of all lanes; later, each lane has its own memory.
        """
        pe, stages, bits = self.number("PE"), self.stages(), self.threshold_bits()
        mask = self.constant(model, 2, "mask")
        rows = self._rows(self.constant(model, 1, "T"), mask)
        first = rows[:, (1 << stages - 1) - 1].reshape(-1, pe)
        memories = {
            "mask": ([pack(word, 1) for word in mask.reshape(-1, pe).tolist()], pe),
            "first": ([pack(word, bits) for word in first.tolist()], pe * bits),
        }
        for stage in range(1, stages):
            step = 1 << stages - stage
            found = rows[:, step // 2 - 1 :: step].reshape(self.words(), pe, -1)
            for lane in range(pe):
                words = found[:, lane].reshape(-1).tolist()
                memories[f"later_{stage}_{lane:04}"] = (words, bits)
        return memories

    def _rows(self, T: Ints, mask: Ints) -> Ints:
        """Return the rows to search: (NumChannels, 2**stages - 1)."""
        falls = np.flatnonzero((np.diff(T) < 0).any(axis=1))
        if len(falls):
            raise UserError(
                f"{self.onnx_node.name}: T must ascend in each row: row {falls[0]} is "
                f"{T[falls[0]].tolist()}"
            )
        datatype = self.get_input_datatype()
        low, never = int(datatype.min()), int(datatype.max()) + 1
        if datatype == DataType["BIPOLAR"]:  # the hardware's are 0 and 1
            T, low = -(-(T + 1) // 2), 0
        rows = np.empty((len(T), (1 << self.stages()) - 1), np.int64)
        steps, masked = T.shape[1], mask[:, None] == 1
        rows[:, :steps] = np.where(masked, T[:, ::-1], T)
        rows[:, steps:] = np.where(masked, low, never)
        clipped: Ints = np.clip(rows, low, never) - low
        return clipped
