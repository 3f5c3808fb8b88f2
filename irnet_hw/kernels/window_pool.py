"""WindowPool: reduces windows to their maximum, minimum or sum, channel by channel."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import (
    Ints,
    Kernel,
    Memory,
    Parameter,
    RTLKernel,
    beats,
    divisors,
    element_kind,
)
from irnet_hw.kernels.logic import rom_luts
from irnet_hw.kernels.memory import lut_ram_one_port
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.timing import Moves, Times, in_turn
from irnet_hw.kernels.words import count, times


@register
class WindowPool(Kernel):
    """Pools windows that a sliding window made with parallel_window = 0.

    x (1, OH, OW, kh*kw*C) in the order (row, column, channel), BIPOLAR, INTn or UINTn ->
    (1, OH, OW, C). With mode "max", there is a second input, mask (C,) BINARY: y is the maximum of
    each channel, or the minimum where the mask is 1. With mode "sum", y is the sum.

    Attributes:
        PoolDim: [kh, kw], the window.
        OFMDim: [OH, OW].
        NumChannels: C.
        SIMD: channels per beat, on both streams; divides NumChannels.
        mode: "max" or "sum".
        outputDataType: inputDataType for "max"; for "sum", it holds every sum.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "PoolDim": ("ints", True, []),
            "OFMDim": ("ints", True, []),
            "NumChannels": ("i", True, 0),
            "SIMD": ("i", True, 0),
            "mode": ("s", True, "", {"max", "sum"}),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        self.require_numbers("PoolDim", 2, 1)
        self.require_numbers("OFMDim", 2, 1)
        self.require_divides("SIMD", self.number("NumChannels"), "NumChannels")
        self.require_element("inputDataType")
        if self.takes_maximum():
            self.require_same_types()
        else:
            self.require_element("outputDataType")
            datatype = self.get_input_datatype()
            least, most = (self.taps() * int(end) for end in (datatype.min(), datatype.max()))
            self.require_holds("outputDataType", least, most)

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every SIMD."""
        yield from ({"SIMD": simd} for simd in divisors(self.number("NumChannels")))

    def facts(self) -> dict[str, Any]:
        """Return the window, the windows' number, the channels, the mode and the types."""
        return {
            "kernel": list(self.numbers("PoolDim")),
            "windows": list(self.numbers("OFMDim")),
            "channels": self.number("NumChannels"),
            "mode": self.get_nodeattr("mode"),
            "input": self.get_nodeattr("inputDataType"),
            "output": self.get_nodeattr("outputDataType"),
        }

    def describe(self) -> str:
        """Return the window, the mode, the channels and the type."""
        what = "max-pooling" if self.takes_maximum() else "sum"
        channels = count(self.number("NumChannels"), "channel")
        return f"{times(self.numbers('PoolDim'))} {what}, {channels} of {self._type()}"

    def takes_maximum(self) -> bool:
        """Return whether the mode is "max"."""
        return bool(self.get_nodeattr("mode") == "max")

    def taps(self) -> int:
        """Return the pixels of a window."""
        return prod(self.numbers("PoolDim"))

    def words(self) -> int:
        """Return the beats of a pixel."""
        return self.number("NumChannels") // self.number("SIMD")

    def lanes_in(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return SIMD."""
        return self.number("SIMD")

    def lanes_out(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return SIMD."""
        return self.number("SIMD")

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, OH, OW, kh*kw*C), or the mask's (C,)."""
        channels = self.number("NumChannels")
        return (1, *self.numbers("OFMDim"), self.taps() * channels) if ind == 0 else (channels,)

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return (1, OH, OW, C)."""
        return (1, *self.numbers("OFMDim"), self.number("NumChannels"))

    def get_exp_cycles(self) -> int:
        """Return the input beats of a frame: one per cycle."""
        return prod(self.get_folded_input_shape()[:-1])

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Return the pooled windows."""
        windows = x.reshape(*x.shape[:-1], self.taps(), self.number("NumChannels"))
        if not self.takes_maximum():
            sums: Ints = windows.sum(-2)
            return sums
        (mask,) = parameters
        pooled: Ints = np.where(mask == 1, windows.min(-2), windows.max(-2))
        return pooled

    def latency(self) -> int:
        """Return 1: the output register."""
        return 1

    def moves(self, there: Sequence[Times]) -> Moves:
        """Return when beats move: the results leave after the beats of a window's last pixel."""
        taken = in_turn(there[0])
        last = taken.reshape(-1, self.taps(), self.words())[:, -1]
        return [taken], [last.reshape(-1) + self.latency()]

    def lut_estimation(self, fpgapart: str) -> int:
        """Return the LUTs of the lanes, the memories and the counters.

        Fitted to Yosys for xc7.
        """
        if self.taps() == 1:
            return 4
        width = self.get_outstream_width()
        memory = lut_ram_one_port(self.words(), width, fpgapart) if self.words() > 1 else 0
        if self.takes_maximum() and self.words() > 8:
            memory += rom_luts(self.number("SIMD"), self.words())
        lanes = round(self.number("SIMD") * self._lane_luts())
        return memory + lanes + 6 + self._counter_bits() * 11 // 10

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the flip-flops of the output register and of the counters."""
        counters = self._counter_bits() if self.taps() > 1 else 0
        return self.get_outstream_width() + 1 + counters

    def _lane_luts(self) -> float:
        """Return the LUTs of a lane: its adder, or its comparison and selection.

        Without a memory, the output register keeps what is not replaced, so nothing is selected.
        """
        datatype = self.get_input_datatype()
        bits = int(self.get_output_datatype().bitwidth())
        if not self.takes_maximum():
            return bits + int(datatype == DataType["BIPOLAR"])
        if bits == 1:
            return 1
        selected = bits if self.words() > 1 else 0
        small = bits <= (2 if selected else 4)  # compared without a carry chain
        return selected + (bits / 2 if small else 0.7 * bits + 1)

    def _counter_bits(self) -> int:
        return (self.words() - 1).bit_length() + (self.taps() - 1).bit_length()

    def _type(self) -> str:
        return str(self.get_nodeattr("inputDataType"))

    def constant_memories(self, model: ModelWrapper) -> Mapping[str, Memory]:
        """Return the mask, one word per beat of a pixel."""
        if not self.takes_maximum():
            return {}
        mask = model.get_initializer(self.onnx_node.input[1])
        if mask is None:
            raise UserError(f"{self.onnx_node.name}: the mask must be a constant")
        simd = self.number("SIMD")
        return {"mask": (beats(mask.astype(np.int64), simd, DataType["BINARY"]), simd)}


@register
class WindowPool_rtl(WindowPool, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`WindowPool`."""

    module = "window_pool"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:  # noqa: ARG002
        """Return the folding, the taps, the types and the mask's file."""
        return {
            "PE": self.number("SIMD"),
            "WORDS": self.words(),
            "TAPS": self.taps(),
            "IN_BITS": int(self.get_input_datatype().bitwidth()),
            "IN_KIND": element_kind(self.get_input_datatype()),
            "OUT_BITS": int(self.get_output_datatype().bitwidth()),
            "MASK_FILE": self.memory_file("mask") if self.takes_maximum() else "",
        }
