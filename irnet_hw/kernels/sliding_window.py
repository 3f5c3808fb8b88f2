"""SlidingWindow: a line buffer that streams the windows of a convolution, padding included."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Ints, Kernel, RTLKernel
from irnet_hw.kernels.memory import block_ram, lut_ram, ram_style


class SlidingWindow(Kernel):
    """For every output position, the window's elements in the order (row, column, channel).

    (1, H, W, C) -> (1, OH, OW, kh*kw*C). Frames follow each other without a gap: the rows of
    the next frame are taken in while the windows of this one go out.

    Attributes:
        ConvKernelDim: [kh, kw].
        Stride: [sh, sw].
        Padding: [top, left, bottom, right], in pixels.
        PadValue: what padded elements carry, a value of the input type (-1 for BIPOLAR).
        IFMDim: [H, W] of the input.
        OFMDim: [OH, OW] of the output.
        IFMChannels: C.
        SIMD: elements a beat carries, on both sides; divides IFMChannels.
        ram_style: the row buffer is in "distributed" or "block" RAM; "auto" takes the cheaper.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "ConvKernelDim": ("ints", True, []),
            "Stride": ("ints", True, []),
            "Padding": ("ints", True, []),
            "PadValue": ("i", True, 0),
            "IFMDim": ("ints", True, []),
            "OFMDim": ("ints", True, []),
            "IFMChannels": ("i", True, 0),
            "SIMD": ("i", True, 0),
            "ram_style": ("s", False, "auto"),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        name = self.onnx_node.name
        for attribute, length, least in (
            ("ConvKernelDim", 2, 1),
            ("Stride", 2, 1),
            ("Padding", 4, 0),
            ("IFMDim", 2, 1),
        ):
            values = self.numbers(attribute)
            if len(values) != length or min(values) < least:
                raise UserError(
                    f"{name}: {attribute} = {list(values)}, must be {length} integers, "
                    f"each at least {least}"
                )
        padded = self._padded()
        if any(k > size for k, size in zip(self.numbers("ConvKernelDim"), padded, strict=True)):
            raise UserError(
                f"{name}: ConvKernelDim = {list(self.numbers('ConvKernelDim'))} "
                f"must fit into the padded image, {list(padded)}"
            )
        right = [
            (size - k) // s + 1
            for size, k, s in zip(
                padded, self.numbers("ConvKernelDim"), self.numbers("Stride"), strict=True
            )
        ]
        if list(self.numbers("OFMDim")) != right:
            raise UserError(f"{name}: OFMDim = {list(self.numbers('OFMDim'))}, must be {right}")
        self.require_divides("SIMD", self.number("IFMChannels"), "IFMChannels")
        datatype = self.get_input_datatype()
        if not datatype.allowed(self.number("PadValue")):
            raise UserError(
                f"{name}: PadValue = {self.number('PadValue')}, must be a value of "
                f"inputDataType = {datatype.name}"
            )
        if self.get_output_datatype() != datatype:
            raise UserError(
                f"{name}: outputDataType = {self.get_output_datatype().name} "
                f"must be inputDataType = {datatype.name}"
            )
        if self.get_nodeattr("ram_style") not in ("auto", "distributed", "block"):
            raise UserError(
                f"{name}: ram_style = {self.get_nodeattr('ram_style')}, "
                "must be auto, distributed or block"
            )

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every SIMD."""
        channels = self.number("IFMChannels")
        yield from ({"SIMD": n} for n in range(1, channels + 1) if channels % n == 0)

    def lanes_in(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return SIMD."""
        return self.number("SIMD")

    def lanes_out(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return SIMD."""
        return self.number("SIMD")

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return (1, H, W, C)."""
        return (1, *self.numbers("IFMDim"), self.number("IFMChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return (1, OH, OW, kh*kw*C)."""
        kh, kw = self.numbers("ConvKernelDim")
        return (1, *self.numbers("OFMDim"), kh * kw * self.number("IFMChannels"))

    def get_exp_cycles(self) -> int:
        """Return the beats of a frame on the side that has more of them."""
        words = self.number("IFMChannels") // self.number("SIMD")
        h, w = self.numbers("IFMDim")
        return max(h * w * words, self.numbers("OFMDim")[0] * self._window_row_beats())

    def compute(self, x: Ints, *parameters: Ints) -> Ints:  # noqa: ARG002
        """Return the windows."""
        top, left, bottom, right = self.numbers("Padding")
        sh, sw = self.numbers("Stride")
        padded = np.pad(
            x,
            ((0, 0), (top, bottom), (left, right), (0, 0)),
            constant_values=self.number("PadValue"),
        )
        windows = np.lib.stride_tricks.sliding_window_view(
            padded, self.numbers("ConvKernelDim"), axis=(1, 2)
        )[:, ::sh, ::sw]
        return windows.transpose(0, 1, 2, 4, 5, 3).reshape(
            len(x), *self.get_normal_output_shape()[1:]
        )

    # ------------------------------------------------------------------ the row buffer

    def buffer_rows(self) -> int:
        """Return the least rows with which neither side ever has to wait for the other.

        Rows are taken to arrive evenly over a frame's cycles, and a row of windows to start when
        all its rows are there. A row that is still being read when the row ``n`` places later
        starts to arrive means that ``n`` rows are too few. Two frames are followed: in the
        second one the reading has settled.
        """
        (kh, _), (sh, _), top = self.numbers("ConvKernelDim"), self.numbers("Stride"), self._top()
        (h, _), (oh, _) = self.numbers("IFMDim"), self.numbers("OFMDim")
        arrival = self.get_exp_cycles()  # of a row; the unit of time is a cycle divided by h
        reading = self._window_row_beats() * h
        rows, clock = kh + sh, 0
        for start in (0, h):
            for q in range(oh):
                needed = min(q * sh - top + kh, h)
                clock = max(clock, (start + needed) * arrival) + reading
                first = min(max(q * sh - top, 0), h)
                after = min(max((q + 1) * sh - top, 0), h) if q + 1 < oh else h
                if first < after:
                    rows = max(rows, -(-clock // arrival) - (start + first))
        return rows

    def buffer_shape(self) -> tuple[int, int]:
        """Return the row buffer's depth in beats and its width in bits."""
        words = self.numbers("IFMDim")[1] * self.number("IFMChannels") // self.number("SIMD")
        return self.buffer_rows() * words, self.get_instream_width()

    def buffer_style(self) -> str:
        """Return the kind of memory that the row buffer is: "distributed" or "block"."""
        style = str(self.get_nodeattr("ram_style"))
        return ram_style(*self.buffer_shape()) if style == "auto" else style

    # ------------------------------------------------------------------ area

    def lut_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the control's LUTs and those of a row buffer in LUT-RAM.

        Fitted to Yosys for xc7, within 15 % on the shapes tried.
        """
        depth, width = self.buffer_shape()
        memory = lut_ram(depth, width) + 12 if self.buffer_style() == "distributed" else 0
        whole_bits = depth & (depth - 1) == 0  # else the address takes a product and a sum
        address = 0 if whole_bits else 2 * (depth - 1).bit_length() + 5
        return memory + address + 12 + self._counter_bits() * 23 // 20

    def bram_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the 18 Kbit block RAMs of the row buffer."""
        return block_ram(*self.buffer_shape()) if self.buffer_style() == "block" else 0

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the counters' flip-flops, and the output register's where it is none of a RAM."""
        output = self.get_instream_width() if self.buffer_style() == "distributed" else 0
        return self._counter_bits() + 1 + output

    def _counter_bits(self) -> int:
        """Return the bits of all counters."""
        (h, w), (kh, kw) = self.numbers("IFMDim"), self.numbers("ConvKernelDim")
        words = self.number("IFMChannels") // self.number("SIMD")
        depth, _ = self.buffer_shape()
        # The image's row and column (both signed), of the window and of the beat to read; the
        # place within the window; the column and address to write; slots; rows counted.
        most = (h, h, w * words, w * words)
        others = (kw * words - 1, kh - 1, w * words - 1, depth - 1)
        rows = (self.buffer_rows() - 1).bit_length()
        return (
            sum(n.bit_length() + 1 for n in most)
            + sum(n.bit_length() for n in others)
            + (2 * rows + (rows + 2) + kh.bit_length())
        )

    def _window_row_beats(self) -> int:
        """Return the beats of the windows of one output row."""
        kh, kw = self.numbers("ConvKernelDim")
        words = self.number("IFMChannels") // self.number("SIMD")
        return self.numbers("OFMDim")[1] * kh * kw * words

    def _top(self) -> int:
        return self.numbers("Padding")[0]

    def _padded(self) -> tuple[int, int]:
        """Return the height and width with padding."""
        (h, w), (top, left, bottom, right) = self.numbers("IFMDim"), self.numbers("Padding")
        return h + top + bottom, w + left + right


class SlidingWindow_rtl(SlidingWindow, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`SlidingWindow`."""

    module = "sliding_window"
    sources = ("sliding_window/sliding_window.sv",)

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, int | str]:  # noqa: ARG002
        """Return the shapes, the size of the row buffer and the padding."""
        (kh, kw), (sh, sw) = self.numbers("ConvKernelDim"), self.numbers("Stride")
        (h, w), (oh, ow) = self.numbers("IFMDim"), self.numbers("OFMDim")
        top, left, _, _ = self.numbers("Padding")
        bipolar = self.get_input_datatype() == DataType["BIPOLAR"]
        return {
            "LANES": self.lanes_in(),
            "BITS": int(self.get_input_datatype().bitwidth()),
            "PAD": max(self.number("PadValue"), 0) if bipolar else self.number("PadValue"),
            "WORDS": self.number("IFMChannels") // self.number("SIMD"),
            "H_IN": h,
            "W_IN": w,
            "H_OUT": oh,
            "W_OUT": ow,
            "KH": kh,
            "KW": kw,
            "SH": sh,
            "SW": sw,
            "TOP": top,
            "LEFT": left,
            "ROWS": self.buffer_rows(),
            "RAM_STYLE": self.buffer_style(),
        }
