"""SlidingWindow: a line buffer that streams the windows of a convolution, padding included."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Ints, Kernel, RTLKernel
from irnet_hw.kernels.memory import block_ram, lut_ram, ram_style


class SlidingWindow(Kernel):
    """For every output position, the elements of the window around it.

    (1, H, W, C) -> (1, OH, OW, kh*kw*C). Frames follow each other without a gap: the rows of
    the next frame are taken in while the windows of this one go out.

    With parallel_window = 0 a beat is SIMD channels of one tap, and a window's elements are in
    the order (row, column, channel). With 1 a beat is SIMD channels of all kh*kw taps, in the
    order (row, column, lane), and a window takes C/SIMD beats: the output's last axis is
    (C/SIMD, kh, kw, SIMD), flattened. The matrix-vector unit behind has the same parallel_window.

    When beats come and go is in :meth:`needed`, :meth:`freed` and :meth:`capacity`. The first
    beat leaves once the first window's last row within the image is there: with padding up to
    the first window's last pixel, kh - 1 - top rows and kw - left pixels, with
    parallel_window = 1; with 0 already the first tap's.

    Attributes:
        ConvKernelDim: [kh, kw].
        Stride: [sh, sw].
        Padding: [top, left, bottom, right], in pixels.
        PadValue: what padded elements carry, a value of the input type (-1 for BIPOLAR).
        IFMDim: [H, W] of the input.
        OFMDim: [OH, OW] of the output.
        IFMChannels: C.
        SIMD: channels a beat carries; divides IFMChannels.
        parallel_window: 1 if a beat that leaves carries them of all taps, 0 if of one.
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
            "parallel_window": ("i", False, 0, {0, 1}),
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
        if self.parallel() and self.taps() == 1:
            raise UserError(
                f"{name}: parallel_window = 1 must be 0 for ConvKernelDim = "
                f"{list(self.numbers('ConvKernelDim'))}"
            )
        if self.get_nodeattr("ram_style") not in ("auto", "distributed", "block"):
            raise UserError(
                f"{name}: ram_style = {self.get_nodeattr('ram_style')}, "
                "must be auto, distributed or block"
            )

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every SIMD, with each parallel_window unless there is one tap alone."""
        channels = self.number("IFMChannels")
        for parallel in (0, 1) if self.taps() > 1 else (0,):
            for simd in range(1, channels + 1):
                if channels % simd == 0:
                    yield {"SIMD": simd, "parallel_window": parallel}

    def parallel(self) -> bool:
        """Return whether a beat that leaves has all taps of the kernel."""
        return self.number("parallel_window") == 1

    def taps(self) -> int:
        """Return the taps of the kernel."""
        return prod(self.numbers("ConvKernelDim"))

    def words(self) -> int:
        """Return the beats of a pixel."""
        return self.number("IFMChannels") // self.number("SIMD")

    def lanes_in(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return SIMD."""
        return self.number("SIMD")

    def lanes_out(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return SIMD, of each tap if they leave in parallel."""
        return self.number("SIMD") * (self.taps() if self.parallel() else 1)

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return (1, H, W, C)."""
        return (1, *self.numbers("IFMDim"), self.number("IFMChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return (1, OH, OW, kh*kw*C)."""
        return (1, *self.numbers("OFMDim"), self.taps() * self.number("IFMChannels"))

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
        # The channels split into the beats of a window and the lanes of a beat.
        words = self.words() if self.parallel() else 1
        split = windows.reshape(*windows.shape[:3], words, -1, *self.numbers("ConvKernelDim"))
        return split.transpose(0, 1, 2, 3, 5, 6, 4).reshape(
            len(x), *self.get_normal_output_shape()[1:]
        )

    # ------------------------------------------------------------------ cycles

    def get_exp_cycles(self) -> int:
        """Return the cycles of a frame: the beats on the side that has more of them.

        Windows in parallel come from a walk through the columns of each row of windows, from the
        image's first one (or from the first window, if that is padding alone) to the last
        window's last one, padding included; each beat of a column takes a cycle. For a 3x3
        kernel, stride 1 and padding 1 that is OH * (W + 1) * C / SIMD cycles.
        """
        h, w = self.numbers("IFMDim")
        return max(h * w * self.words(), self.numbers("OFMDim")[0] * self._line_cycles())

    def _line_cycles(self) -> int:
        """Return the cycles in which the windows of one output row are made."""
        if self.parallel():
            first, last = self._walk()
            return (last - first + 1) * self.words()
        return self.numbers("OFMDim")[1] * self.taps() * self.words()

    def _walk(self) -> tuple[int, int]:
        """Return the first and the last image column that windows in parallel walk through."""
        ends = self._window_ends()
        return min(int(ends[0]), 0), int(ends[-1])

    def _window_ends(self) -> Ints:
        """Return the last column of each window of a row, in the padded image: (OW,)."""
        (_, kw), (_, sw), (_, left, _, _) = (
            self.numbers(name) for name in ("ConvKernelDim", "Stride", "Padding")
        )
        return np.arange(self.numbers("OFMDim")[1]) * sw + (kw - 1 - left)

    def _row_spans(self) -> list[tuple[int, int]]:
        """Return for each output row the first image row of its windows and that after the last.

        Rows of padding don't count; where all are padding, both are the image row nearest.
        """
        (kh, _), (sh, _), top = self.numbers("ConvKernelDim"), self.numbers("Stride"), self._top()
        h = self.numbers("IFMDim")[0]
        tops = [q * sh - top for q in range(self.numbers("OFMDim")[0])]
        return [(min(max(y, 0), h), min(max(y + kh, 0), h)) for y in tops]

    def needed(self) -> Ints:
        """Return how many beats of a frame must have come for each beat to leave: (beats out,).

        They leave in order; nothing leaves before the frame's first beat has come.
        """
        (h, w), (kh, kw) = self.numbers("IFMDim"), self.numbers("ConvKernelDim")
        words = np.arange(self.words()) + 1
        if self.parallel():
            rows = np.array([after if after > first else 0 for first, after in self._row_spans()])
            columns = np.minimum(self._window_ends(), w - 1)
            last = (rows[:, None] - 1) * w + columns
            inside = (rows[:, None] > 0) & (columns >= 0)
        else:
            (sh, _), top = self.numbers("Stride"), self._top()
            rows = np.arange(self.numbers("OFMDim")[0])[:, None] * sh - top + np.arange(kh)
            columns = (self._window_ends()[:, None] - (kw - 1)) + np.arange(kw)
            rows, columns = rows[:, None, :, None], columns[None, :, None, :]
            last = rows * w + columns
            inside = (rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)
        beats = np.where(inside[..., None], last[..., None] * self.words() + words, 1)
        return np.maximum.accumulate(beats.reshape(-1))

    def freed(self) -> Ints:
        """Return how many beats' places are free again once each beat has left: (beats out,).

        Counted from the frame's first beat. A beat can come while fewer than :meth:`capacity`
        beats after the last freed one are there. The rest of the frame's places are free when
        its last beat has left.
        """
        h, w = self.numbers("IFMDim")
        row = w * self.words()
        firsts = [first for first, _ in self._row_spans()] + [h]
        line = np.zeros(self.numbers("OFMDim")[1] * self._window_beats(), np.int64)
        if self.parallel():  # the window's first row is overwritten as far as it was read
            ends = np.clip(self._window_ends()[:, None] * self.words(), -self.words(), row)
            line = np.clip(ends + np.arange(self.words()) + 1, 0, row).reshape(-1)
        lines = []
        for first, after in pairwise(firsts):
            lines.append(first * row + (line if after > first else 0 * line))
            lines[-1][-1] = after * row
        return np.concatenate(lines)

    def steps(self) -> Ints:
        """Return at which step of a frame's reading each beat leaves, a cycle each: (beats out,).

        Where windows leave in parallel, some columns are only walked through.
        """
        line = np.arange(self.numbers("OFMDim")[1] * self._window_beats())
        if self.parallel():
            columns = self._window_ends()[:, None] - self._walk()[0]
            line = (columns * self.words() + np.arange(self.words())).reshape(-1)
        return (np.arange(self.numbers("OFMDim")[0])[:, None] * self._line_cycles() + line).ravel()

    def frame_steps(self) -> int:
        """Return the steps of a frame's reading."""
        return self.numbers("OFMDim")[0] * self._line_cycles()

    def capacity(self) -> int:
        """Return how many beats the row buffer holds."""
        return self.buffer_shape()[0]

    def _window_beats(self) -> int:
        """Return the beats in which a window leaves."""
        return self.words() if self.parallel() else self.words() * self.taps()

    # ------------------------------------------------------------------ the row buffer

    def buffer_rows(self) -> int:
        """Return the rows of the buffer, as few as the rate allows."""
        return self._parallel_rows() if self.parallel() else self._serial_rows()

    def _parallel_rows(self) -> int:
        """Return the least rows with which windows in parallel wait for rows of the image alone.

        While one row of windows leaves, the next one's rows must be taken in, but for the last
        one, which may come while it is read. There is room for them in rows that the windows
        don't need, and in their first row where they have left it, if the next ones don't need
        it.
        """
        h = self.numbers("IFMDim")[0]
        spans = self._row_spans()
        rows = max(1, *(after - first for first, after in spans))
        following = [*spans[1:], (h + spans[0][0], h + spans[0][1])]
        for (first, _), (next_first, next_after) in zip(spans, following, strict=True):
            if next_after > next_first:
                rows = max(rows, next_after - 1 - first - (next_first > first))
        return rows

    def _serial_rows(self) -> int:
        """Return the least rows with which neither side ever has to wait for the other.

        Rows are taken to arrive evenly over a frame's cycles, and a row of windows to start when
        all its rows are there. A row that is still being read when the row ``n`` places later
        starts to arrive means that ``n`` rows are too few. Two frames are followed: in the
        second one the reading has settled.
        """
        (kh, _), (sh, _), top = self.numbers("ConvKernelDim"), self.numbers("Stride"), self._top()
        (h, _), (oh, _) = self.numbers("IFMDim"), self.numbers("OFMDim")
        arrival = self.get_exp_cycles()  # of a row; the unit of time is a cycle divided by h
        reading = self._line_cycles() * h
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
        row = self.numbers("IFMDim")[1] * self.words()
        return self.buffer_rows() * row, self.get_instream_width()

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
        words = self.words()
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
            "WORDS": self.words(),
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
