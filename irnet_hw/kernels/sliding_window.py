"""SlidingWindow: a line buffer that streams the windows of a convolution, padding included."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import (
    Constant,
    Ints,
    Kernel,
    Parameter,
    Reach,
    RTLKernel,
    divisors,
    pack,
)
from irnet_hw.kernels.hls_backend import HLSKernel
from irnet_hw.kernels.memory import block_ram, lut_ram, ram_style
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.timing import Moves, Reader, Times, always_ready, in_turn
from irnet_hw.kernels.words import count, times

Flags = npt.NDArray[np.bool_]


@register
class SlidingWindow(Kernel):
    """Streams, for every output position, the elements of the window around it.

    (1, H, W, C) -> (1, OH, OW, kh*kw*C). Frames follow each other without gaps: the rows of the
    next frame come in while the windows of this one leave.

    With parallel_window = 0, a beat is SIMD channels of one tap, and a window's elements are in
    the order (row, column, channel). With 1, a beat is SIMD channels of all kh*kw taps, in the
    order (row, column, lane), and a window takes C/SIMD beats: the output's last axis is (C/SIMD,
    kh, kw, SIMD), flattened. The matrix-vector unit behind it has the same parallel_window.

    :meth:`needed`, :meth:`freed`, :meth:`capacity` and :meth:`emits` say when beats come and leave;
    :meth:`moves` derives the cycles from them. With parallel_window = 1, the first beat leaves when
    kh - 1 - top rows and a beat of pixel kw - left of the next row have come; with 0, when the
    first beat of the first tap has come, or any beat if that tap is padding.

    If some windows lie in the padding alone, beats may be taken a cycle later than :meth:`moves`
    says.

    With parallel_window = 1, columns in which no window ends are read while the consumer is busy
    with the last beat; they cost cycles only if it takes beats faster than that.

    Attributes:
        ConvKernelDim: [kh, kw].
        Stride: [sh, sw].
        Padding: [top, left, bottom, right], in pixels.
        PadValue: the value of padded elements, of the input type (-1 for BIPOLAR).
        IFMDim: [H, W] of the input.
        OFMDim: [OH, OW] of the output.
        IFMChannels: C.
        SIMD: channels per beat; divides IFMChannels.
        parallel_window: 1 if an output beat carries the channels of all taps, 0 for one tap.
        ram_style: memory of the row buffer, "distributed" or "block"; "auto" takes the cheaper.
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
            self.require_numbers(attribute, length, least)
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
        self.require_element("inputDataType")
        datatype = self.get_input_datatype()
        if not datatype.allowed(self.number("PadValue")):
            raise UserError(
                f"{name}: PadValue = {self.number('PadValue')}, must be a value of "
                f"inputDataType = {datatype.name}"
            )
        self.require_same_types()
        if self.parallel() and self.taps() == 1:
            raise UserError(
                f"{name}: parallel_window = 1 must be 0 for ConvKernelDim = "
                f"{list(self.numbers('ConvKernelDim'))}"
            )
        if self.parallel() and self._walk()[1] < 0:
            raise UserError(
                f"{name}: parallel_window = 1 must be 0 where all windows end left of the image: "
                f"ConvKernelDim = {list(self.numbers('ConvKernelDim'))}, Padding = "
                f"{list(self.numbers('Padding'))}, OFMDim = {list(self.numbers('OFMDim'))}"
            )
        if self.get_nodeattr("ram_style") not in ("auto", "distributed", "block"):
            raise UserError(
                f"{name}: ram_style = {self.get_nodeattr('ram_style')}, "
                "must be auto, distributed or block"
            )

    feeds_directly = True

    def facts(self) -> dict[str, Any]:
        """Return the kernel's size, stride and padding, the image, and the order of the taps."""
        return {
            "kernel": list(self.numbers("ConvKernelDim")),
            "stride": list(self.numbers("Stride")),
            "padding": list(self.numbers("Padding")),
            "image": list(self.numbers("IFMDim")),
            "channels": self.number("IFMChannels"),
            "parallel": self.number("parallel_window"),
        }

    def describe(self) -> str:
        """Return the kernel's size, the image and the channels."""
        kernel, image = times(self.numbers("ConvKernelDim")), times(self.numbers("IFMDim"))
        channels = count(self.number("IFMChannels"), "channel")
        return f"{kernel} windows of {image} pixels, {channels}"

    def reach(self, pixels: Reach) -> Reach:
        """Return the last pixel of each window."""
        (kh, kw), (top, left, _, _) = self.numbers("ConvKernelDim"), self.numbers("Padding")
        last = (kh - 1 - top, kw - 1 - left)
        return self.reach_of_windows(pixels, self.numbers("Stride"), last)

    def parallel_windows_out(self) -> bool:
        """Return whether an output beat has all taps of the kernel."""
        return self.parallel()

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every SIMD, with each parallel_window unless there is only one tap."""
        for parallel in (0, 1) if self.taps() > 1 else (0,):
            for simd in divisors(self.number("IFMChannels")):
                yield {"SIMD": simd, "parallel_window": parallel}

    def parallel(self) -> bool:
        """Return whether an output beat has all taps of the kernel."""
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
        """Return SIMD, times the taps if they leave in parallel."""
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
        # Split the channels into the beats of a window and the lanes of a beat.
        words = self.words() if self.parallel() else 1
        split = windows.reshape(*windows.shape[:3], words, -1, *self.numbers("ConvKernelDim"))
        return split.transpose(0, 1, 2, 3, 5, 6, 4).reshape(
            len(x), *self.get_normal_output_shape()[1:]
        )

    # ------------------------------------------------------------------ cycles

    def get_exp_cycles(self) -> int:
        """Return the cycles of a frame: the beats of the side that has more of them.

        With parallel_window = 1, each row of windows is read column by column, from the image's
        first column (or from the first window's last one, if that is further left) to the last
        window's last one, padding included; each beat of a column takes a cycle. For a 3x3 kernel
        with stride 1 and padding 1, that is OH * (W + 1) * C / SIMD cycles.
        """
        h, w = self.numbers("IFMDim")
        return max(h * w * self.words(), self.numbers("OFMDim")[0] * self._line_cycles())

    def _line_cycles(self) -> int:
        """Return the cycles in which the windows of one output row are read."""
        if self.parallel():
            first, last = self._walk()
            return (last - first + 1) * self.words()
        return self.numbers("OFMDim")[1] * self.taps() * self.words()

    def _walk(self) -> tuple[int, int]:
        """Return the first and the last column that windows in parallel read."""
        ends = self._window_ends()
        return min(int(ends[0]), 0), int(ends[-1])

    def _window_ends(self) -> Ints:
        """Return the image column in which each window of a row ends: (OW,)."""
        (_, kw), (_, sw), (_, left, _, _) = (
            self.numbers(name) for name in ("ConvKernelDim", "Stride", "Padding")
        )
        return np.arange(self.numbers("OFMDim")[1]) * sw + (kw - 1 - left)

    def _tops(self) -> list[int]:
        """Return the image row where the windows of each output row start; negative in padding."""
        (sh, _), (top, *_) = self.numbers("Stride"), self.numbers("Padding")
        return [q * sh - top for q in range(self.numbers("OFMDim")[0])]

    def emits(self) -> Flags:
        """Return which reads of a frame yield an output beat: (reads,).

        The row buffer is read once per cycle. With windows in parallel, no window ends in some
        columns.
        """
        line = np.ones(self._line_cycles(), bool)
        if self.parallel():
            first, last = self._walk()
            line = np.repeat(np.isin(np.arange(first, last + 1), self._window_ends()), self.words())
        return np.tile(line, self.numbers("OFMDim")[0])

    def needed(self) -> Ints:
        """Return how many beats of a frame must have come before each of its reads: (reads,).

        Nothing is read before the frame's first beat has come.
        """
        (h, w), (kh, kw) = self.numbers("IFMDim"), self.numbers("ConvKernelDim")
        rows = np.array(self._tops())
        if self.parallel():
            first, last = self._walk()
            rows, columns = np.minimum(rows + kh, h)[:, None] - 1, np.arange(first, last + 1)
        else:
            rows = rows[:, None, None, None] + np.arange(kh)[:, None]
            columns = self._window_ends()[:, None, None] + np.arange(1 - kw, 1)
        inside = (rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)
        beats = (rows * w + columns)[..., None] * self.words() + np.arange(self.words()) + 1
        return np.maximum.accumulate(np.where(inside[..., None], beats, 1).reshape(-1))

    def freed(self) -> Ints:
        """Return how many beats have been released before each read of a frame: (reads,).

        Counted from the frame's first beat: beat i can come as soon as i is less than this count
        plus :meth:`capacity`. After the last read the next frame's count begins, offset by the
        beats of a frame. With windows in parallel, padding rows above the image occupy the buffer
        too, so the count begins below 0.
        """
        h, w = self.numbers("IFMDim")
        row = w * self.words()
        tops, line = np.minimum(self._tops(), h), np.zeros(self._line_cycles(), np.int64)
        if self.parallel():  # the first row is overwritten as far as it was read
            line = np.clip(np.arange(len(line)) + self._walk()[0] * self.words(), 0, row)
        else:
            tops = np.maximum(tops, 0)
        return np.minimum(tops[:, None] * row + line, h * row).reshape(-1)

    def capacity(self) -> int:
        """Return how many beats the row buffer holds."""
        memories, depth, _ = self.memories()
        return memories * depth

    def latency(self) -> int:
        """Return 3: into and out of the row buffer, and between them or out of the window."""
        return 3

    def moves(self, there: Sequence[Times]) -> Moves:
        """Return when beats move if the reader is always ready."""
        return self.moves_into(there, always_ready)

    def moves_into(self, there: Sequence[Times], reader: Reader) -> Moves:
        """Return when beats move if the reader is not always ready.

        A beat can be read in the cycle after it was written, single taps one later, and its place
        is free in the cycle after its last read. Writes wait for room, which depends on reads, and
        reads depend on writes, so iterate to a fixed point.

        Args:
            there: when the input's beats are available, over whole frames.
            reader: what reads the windows.
        """
        (times,) = there
        frames = self.frames(times)
        starts = np.arange(frames)[:, None] * (len(times) // frames)
        last_needed = (starts + self.needed() - 1).reshape(-1)
        emits = np.tile(self.emits(), frames)
        freed = np.append(starts + self.freed(), len(times) + self.freed()[0])
        freed = np.maximum.accumulate(freed)
        # The read after which there is room for each beat.
        awaited = np.searchsorted(freed, np.arange(len(times)) - self.capacity(), "right")
        room, held = np.zeros_like(times), np.zeros(len(emits), np.int64)
        while True:
            written = in_turn(np.maximum(times, room))
            present = written[last_needed] + (1 if self.parallel() else 2)
            if self.parallel():  # a column waits behind a window that is not taken
                read = in_turn(np.maximum(present, np.append(0, held[:-1])))
                leave = np.maximum(read + 1, held)[emits] + 1
            else:
                read = in_turn(np.maximum(present, held))
                leave = read + 1
            later_held, later_room = np.zeros_like(held), np.zeros_like(room)
            # A beat can enter the output register once the one before was taken.
            later_held[np.flatnonzero(emits)[1:]] = reader(leave)[:-1]
            later_room[awaited > 0] = read[awaited[awaited > 0] - 1] + 1
            if np.array_equal(later_room, room) and np.array_equal(later_held, held):
                return [written], [leave]
            room, held = later_room, later_held

    # ------------------------------------------------------------------ the row buffer

    def buffer_rows(self) -> int:
        """Return the rows of the buffer: the fewest that sustain the full rate."""
        return self._parallel_rows() if self.parallel() else self._serial_rows()

    def _parallel_rows(self) -> int:
        """Return the fewest rows with which windows in parallel never stall an even producer.

        That holds at the kernel's own rate, and with a slow consumer, for which the windows of a
        row wait most of the time.
        """
        own = self._rows_in_place(self._line_cycles() * self.numbers("OFMDim")[0], 1)
        return max(own, self._rows_in_place(self.get_exp_cycles(), 0))

    def _rows_in_place(self, reading: int, latency: int) -> int:
        """Return the fewest rows with which a producer that writes evenly is never stalled.

        A row of windows starts when its last row starts to arrive, if the one before has ended. Its
        first row is overwritten while it is read, if the next windows don't need it. Three frames
        are simulated: in the last one the reading has settled.

        Args:
            reading: cycles of a frame in which windows are read.
            latency: cycles between writing and reading.
        """
        h, oh = self.numbers("IFMDim")[0], self.numbers("OFMDim")[0]
        (kh, _), tops = self.numbers("ConvKernelDim"), self._tops()
        # The unit of time is 1 / (h * oh) of a cycle.
        arrival, late = self.get_exp_cycles() * oh, latency * h * oh
        rows, clock = max(2, kh), 0
        for start in (0, h, 2 * h):
            for top, next_top in zip(tops, [*tops[1:], h + tops[0]], strict=True):
                needed = start + max(min(top + kh, h), 0)
                begin = max(clock, max(needed - 1, start) * arrival + late)
                clock = max(begin + reading * h, needed * arrival + late)
                first, left = start + min(top, h), min(next_top, h) - min(top, h)
                if left > 0:
                    rows = max(rows, -(-begin // arrival) - first, -(-clock // arrival) - first - 1)
                if left > 1:
                    rows = max(rows, -(-clock // arrival) - first - 1)
        return rows

    def _serial_rows(self) -> int:
        """Return the fewest rows with which neither side ever waits for the other.

        Rows are assumed to arrive evenly over a frame's cycles, and a row of windows to start when
        all its rows have arrived. If a row is still being read when the row ``n`` places later
        starts to arrive, ``n`` rows are too few. Two frames are simulated: in the second one the
        reading has settled.
        """
        (kh, _), (sh, _), top = self.numbers("ConvKernelDim"), self.numbers("Stride"), self._top()
        (h, _), (oh, _) = self.numbers("IFMDim"), self.numbers("OFMDim")
        arrival = self.get_exp_cycles()  # of a row; the unit of time is 1 / h of a cycle
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

    def memories(self) -> tuple[int, int, int]:
        """Return the row buffer's number of memories, their depth in beats and their width."""
        row, rows = self.numbers("IFMDim")[1] * self.words(), self.buffer_rows()
        width = self.get_instream_width()
        return (rows, row, width) if self.parallel() else (1, rows * row, width)

    def buffer_style(self, fpgapart: str) -> str:
        """Return the memory of the row buffer: "distributed" or "block"."""
        style = str(self.get_nodeattr("ram_style"))
        return ram_style(*self.memories()[1:], fpgapart) if style == "auto" else style

    # ------------------------------------------------------------------ area

    def lut_estimation(self, fpgapart: str) -> int:
        """Return the LUTs of the control, the row buffer in LUT-RAM and the row rotation.

        Fitted to Yosys for xc7, within 20 % on the shapes tried; 3x3 windows of 16 to 64 channels
        in parallel within 5 %.
        """
        memories, depth, width = self.memories()
        memory = (
            memories * lut_ram(depth, width, fpgapart)
            if self.buffer_style(fpgapart) == "distributed"
            else 0
        )
        if self.parallel():
            turn = self._column_bits() * -(-(memories - 1) // 3)
            masks = self.taps() if any(self.numbers("Padding")) else 0
            return memory + turn + self._past()[0] + masks + 24 + self._counter_bits() * 7 // 5
        memory += 12 if memory else 0
        whole_bits = depth & (depth - 1) == 0  # otherwise the address takes a product and a sum
        address = 0 if whole_bits else 2 * (depth - 1).bit_length() + 5
        return memory + address + 18 + self._counter_bits() * 9 // 10

    def bram_estimation(self, fpgapart: str) -> int:
        """Return the 18 Kbit block RAMs of the row buffer."""
        memories, depth, width = self.memories()
        return memories * block_ram(depth, width) if self.buffer_style(fpgapart) == "block" else 0

    def ff_estimation(self, fpgapart: str) -> int:
        """Return the flip-flops of the counters and of the registers outside block RAM."""
        memories, _, width = self.memories()
        read = memories * width if self.buffer_style(fpgapart) == "distributed" else 0
        if not self.parallel():
            return self._counter_bits() + 4 + read
        out = self.get_outstream_width()
        walk = (memories - 1).bit_length() + 2 * self.numbers("ConvKernelDim")[1] + 4
        return self._counter_bits() + walk + read + self._past()[1] + out

    def _column_bits(self) -> int:
        """Return the bits of a beat of a window's column."""
        return self.numbers("ConvKernelDim")[0] * self.get_instream_width()

    def _past(self) -> tuple[int, int]:
        """Return the LUTs and flip-flops that hold all but the last column of a window.

        Shift registers of length 3 and more are in LUTs.
        """
        bits = (self.numbers("ConvKernelDim")[1] - 1) * self._column_bits()
        words = self.words()
        return (0, bits * words) if words < 3 else (bits * -(-words // 32), 0)

    def _counter_bits(self) -> int:
        """Return the bits of all counters."""
        (h, w), (kh, kw), (sh, sw) = (
            self.numbers(name) for name in ("IFMDim", "ConvKernelDim", "Stride")
        )
        words, rows = self.words(), self.buffer_rows()
        slot = (rows - 1).bit_length()
        if self.parallel():
            top, left, _, _ = self.numbers("Padding")
            last = self._walk()[1] * words + words - 1
            # # The image's row and beat, both signed, and the row count; the position within the
            # pixel, the columns to the next window, the beat to write; the slots of rows.
            signed = [max(h, self._tops()[-1] + sh), max(w * words, last)]
            signed.append(max(rows + 1 + top, kh + sh))
            others = [words - 1, max(kw - 1 - left, sw - 1), w * words - 1]
            slots = 2 * slot
        else:
            # # The image's row and column (both signed), of the window and of the beat to read; the
            # position within the window; the column to write; the addresses; slots; the row count,
            # rows' numbers, and how many rows to release.
            signed = [h, h, w * words, w * words]
            others = [kw * words - 1, kh - 1, w * words - 1, *[rows * w * words - 1] * 2]
            slots = 2 * slot + 5 * (slot + 2)
        return sum(n.bit_length() + 1 for n in signed) + sum(n.bit_length() for n in others) + slots

    def _top(self) -> int:
        return self.numbers("Padding")[0]

    def _padded(self) -> tuple[int, int]:
        """Return the height and width with padding."""
        (h, w), (top, left, bottom, right) = self.numbers("IFMDim"), self.numbers("Padding")
        return h + top + bottom, w + left + right

    # ------------------------------------------------------------------ hardware

    @property
    def template(self) -> str:
        """The hardware for the order in which taps leave."""
        return "parallel_window" if self.parallel() else "sliding_window"

    def shape_parameters(self) -> dict[str, int]:
        """Return the shapes, the padding and the rows, in the hardware's order."""
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
        }


@register
class SlidingWindow_rtl(SlidingWindow, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`SlidingWindow`."""

    @property
    def module(self) -> str:
        """The module for the order in which taps leave."""
        return self.template

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:  # noqa: ARG002
        """Return the shapes, the padding, the rows of the buffer and its memory."""
        parameters = self.shape_parameters()
        pad = Constant(pack([parameters["PAD"]], 32), 32)  # some don't fit a signed number
        return {**parameters, "PAD": pad, "RAM_STYLE": self.buffer_style(fpgapart)}


@register
class SlidingWindow_hls(SlidingWindow, HLSKernel):  # noqa: N801 (FINN's naming)
    """HLS backend of :class:`SlidingWindow`."""

    @property
    def function(self) -> str:
        """The function for the order in which taps leave."""
        return self.template

    def hls_parameters(self, fpgapart: str) -> Mapping[str, int]:
        """Return the shapes, the padding, the rows of the buffer and its memory."""
        block = self.buffer_style(fpgapart) == "block"
        return {**self.shape_parameters(), "BLOCK_RAM": int(block)}
