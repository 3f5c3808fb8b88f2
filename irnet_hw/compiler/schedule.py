"""When every beat of a frame enters and leaves each kernel, and how many wait in between.

Every kernel works as soon as it can: it takes a beat when there is one and it has room, and
hands one on when it has made it. The streams between kernels never fill, and the input comes
evenly, at the pace of the slowest kernel. Kernels are described as their RTL behaves: windows
wait for their rows and for room for the next ones, matrix-vector units replay each vector, pools
and sums gather, forks and joins wait for each other. Frames follow each other until one is like
the one before; then all that can wait has waited.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import consumer, op

#: Cycles, one for each beat of a stream, over all frames.
Times = npt.NDArray[np.int64]
#: When the beats of each input stream are taken, and those of each output stream are there.
Moves = tuple[list[Times], list[Times]]

#: Frames that are looked at: at first, and at the most.
FRAMES = 3
MOST_FRAMES = 96

#: What only hands beats on, and holds but a few of them.
_CONDUITS = ("StreamFIFO", "WidthConverter", "RegisterSlice")


@dataclass(frozen=True)
class Passage:
    """A kernel's first frame, in cycles from the accelerator's first beat on.

    Attributes:
        first_in: when the first beat is taken, of whichever input.
        first_out: when the first beat is there for the next kernel.
        last_out: when the last one is.
        busy: cycles of work.
    """

    first_in: int
    first_out: int
    last_out: int
    busy: int


@dataclass(frozen=True)
class Schedule:
    """A run of an accelerator.

    Attributes:
        passages: of the first frame through each kernel, in the order of the nodes.
        latency: cycles from the first beat in to the last beat out of the first frame, both
            included.
        backlog: for each stream between kernels, by its tensor's name, the most beats that have
            been written and are still not taken by the next kernel. A width converter behind a
            stream counts as part of it, as does the FIFO before.
        pace: cycles from frame to frame.
    """

    passages: tuple[Passage, ...]
    latency: int
    backlog: Mapping[str, int]
    pace: int


def schedule(model: ModelWrapper) -> Schedule:
    """Return the schedule of a folded graph, with or without its FIFOs and width converters."""
    run = _Run(model, FRAMES)
    while not run.settled():
        assert run.frames < MOST_FRAMES, "a kernel is slower than it says"
        run = _Run(model, 2 * run.frames)
    passages = tuple(run.passage(node) for node in model.graph.node)
    return Schedule(
        passages=passages,
        latency=max(passage.last_out for passage in passages) + 1,
        backlog={
            tensor: run.backlog(tensor)
            for node in model.graph.node
            if not _is(node, "WidthConverter")
            for tensor in node.output
        },
        pace=run.pace,
    )


class _Run:
    """All times of some frames.

    Args:
        model: the graph, its nodes in topological order.
        frames: how many.
    """

    def __init__(self, model: ModelWrapper, frames: int) -> None:
        self._model = model
        self.frames = frames
        self.pace = max(int(op(node).get_exp_cycles()) for node in model.graph.node)
        # When a beat of a tensor is there, and when it is taken.
        self._there: dict[str, Times] = {}
        self._taken: dict[str, Times] = {}
        entry = model.graph.input[0].name
        first = consumer(model, entry)
        beats = prod(op(first).get_folded_input_shape()[:-1])
        self._there[entry] = np.arange(frames * beats) * self.pace // beats
        for node in model.graph.node:
            if node.output[0] not in self._there:
                self._add(node)
        exit_ = model.graph.output[0].name
        self._taken[exit_] = self._there[exit_]

    def _add(self, node: NodeProto) -> None:
        kernel = op(node)
        streams = list(node.input)[: kernel.streams_in()]
        there = [self._there[tensor] for tensor in streams]
        if _is(node, "SlidingWindow"):
            unit = consumer(self._model, node.output[0])
            taken, windows, unit_taken, unit_there = _window(kernel, op(unit), there[0])
            self._record(node, ([taken], [windows]))
            self._record(unit, ([unit_taken], [unit_there]))
        else:
            self._record(node, _MODELS[_kind(node)](kernel, there))

    def _record(self, node: NodeProto, moves: Moves) -> None:
        taken, there = moves
        self._taken.update(zip(node.input, taken, strict=False))
        self._there.update(zip(node.output, there, strict=True))

    def settled(self) -> bool:
        """Return whether the last frame is as the one before, a frame's time later."""
        for times in (*self._there.values(), *self._taken.values()):
            *_, before, last = times.reshape(self.frames, -1)
            if np.any(last - before != self.pace):
                return False
        return True

    def passage(self, node: NodeProto) -> Passage:
        """Return the first frame through a kernel."""
        kernel = op(node)
        inputs = [self._taken[tensor] for tensor in list(node.input)[: kernel.streams_in()]]
        outputs = [self._there[tensor] for tensor in node.output]
        return Passage(
            first_in=int(min(times[0] for times in inputs)),
            first_out=int(min(times[0] for times in outputs)),
            last_out=int(max(times[len(times) // self.frames - 1] for times in outputs)),
            busy=int(kernel.get_exp_cycles()),
        )

    def backlog(self, tensor: str) -> int:
        """Return the most beats of a tensor that wait at once."""
        source = self._model.find_producer(tensor)
        written = self._there[tensor]
        if _is(source, "StreamFIFO"):
            written = self._taken[source.input[0]]
        end, node = tensor, consumer(self._model, tensor)
        while node is not None and _is(node, *_CONDUITS):
            end, node = node.output[0], consumer(self._model, node.output[0])
        taken = self._taken[end]
        # Beats that a taken one has used up, counted in those that were written.
        before = np.searchsorted(taken, written, side="left") * len(written) // len(taken)
        return int((np.arange(1, len(written) + 1) - before).max())


# ---------------------------------------------------------------------- kernels


def _in_turn(times: Times) -> Times:
    """Return when each beat moves that may do so from its time on: one a cycle, in order."""
    place = np.arange(len(times))
    found: Times = np.maximum.accumulate(times - place) + place
    return found


def _conduit(latency: int) -> Callable[[Any, Sequence[Times]], Moves]:
    """Return the model of kernels that take a beat of each stream and write one of each."""

    def move(kernel: Any, there: Sequence[Times]) -> Moves:
        taken = _in_turn(np.maximum.reduce(list(there)))
        return [taken] * len(there), [taken + latency] * kernel.streams_out()

    return move


def _converter(kernel: Any, there: Sequence[Times]) -> Moves:
    """A beat leaves a cycle after the last one came that it has a part of."""
    before, after = kernel.lanes_in(), kernel.lanes_out()
    (times,) = there
    if before == after:
        return [times], [times]
    taken = _in_turn(times)
    beats = np.arange(len(times) * before // after)
    return [taken], [_in_turn(taken[((beats + 1) * after - 1) // before] + 1)]


def _bit_max_pool(kernel: Any, there: Sequence[Times]) -> Moves:
    """A window's beat leaves a cycle after its last pixel's came."""
    (h, w), (kh, kw) = kernel.numbers("IFMDim"), kernel.numbers("PoolDim")
    taken = _in_turn(there[0])
    pixels = taken.reshape(-1, h, w, len(taken) // _frames(kernel, taken) // (h * w))
    last = pixels[:, kh - 1 : h // kh * kh : kh, kw - 1 : w // kw * kw : kw]
    return [taken], [last.reshape(-1) + 1]


def _unit(kernel: Any, there: Sequence[Times]) -> Moves:
    """A matrix-vector unit reads each vector as it comes, then again for each further pass."""
    (times,) = there
    beats, passes = kernel.beats(), kernel.passes()
    arrived = _in_turn(times).reshape(-1, beats)[:, -1]
    # When the first pass ends: after its last beat came, and after all passes of the vector
    # before. The unit keeps two vectors: the one after them waits for the first one's end.
    step = np.arange(len(arrived)) * beats * passes
    first_ends: Times = np.maximum.accumulate(arrived + 1 - step) + step
    room = np.zeros_like(first_ends)
    if passes > 1:
        room[2:] = first_ends[:-2] + (passes - 1) * beats + 1
    taken = _in_turn(np.maximum(times, np.repeat(room, beats)))
    ends = first_ends[:, None] + np.arange(passes) * beats
    return [taken], [ends.reshape(-1) + _unit_latency(kernel)]


def _unit_latency(kernel: Any) -> int:
    """Return the cycles from reading a pass' last beat to its result."""
    return 4 + 2 * int(kernel.number("SIMD") - 1).bit_length()


def _window(kernel: Any, unit: Any, there: Times) -> tuple[Times, Times, Times, Times]:
    """Return when a sliding window and its unit take and have their beats.

    A beat of a window can be read in the cycle after it was written, and a row's place is free
    in the cycle after its last window was read. Room depends on what is read, which depends on
    what was written when there was room: the times are moved back until they agree.
    """
    frames = _frames(kernel, there)
    beats = len(there) // frames
    needed = (np.arange(frames)[:, None] * beats + _window_sources(kernel)).reshape(-1)
    (height, _), (lines, _) = kernel.numbers("IFMDim"), kernel.numbers("OFMDim")
    released = (np.arange(frames)[:, None] * height + _released(kernel)).reshape(-1)
    # The row of windows after which there is room for each row of pixels.
    row = np.arange(frames * height)
    awaited = np.searchsorted(released, row - kernel.buffer_rows() + 1, side="left")
    waits = row >= kernel.buffer_rows()
    room = np.zeros(frames * height, np.int64)
    while True:
        written = _in_turn(np.maximum(there, np.repeat(room, beats // height)))
        present = written[needed] + 1
        (taken,), (results,) = _unit(unit, [_in_turn(present) + 1])
        read = present.copy()
        read[1:] = np.maximum(present[1:], taken[:-1])
        line_ends = read.reshape(frames * lines, -1)[:, -1] + 1
        later = np.where(waits, line_ends[awaited], 0)
        if np.array_equal(later, room):
            return written, read + 1, taken, results
        room = later


def _window_sources(kernel: Any) -> Times:
    """Return for each beat of the windows of a frame the input beat that it waits for.

    Padding waits for the frame's first beat only.
    """
    (h, w), (oh, ow) = kernel.numbers("IFMDim"), kernel.numbers("OFMDim")
    (kh, kw), (sh, sw) = kernel.numbers("ConvKernelDim"), kernel.numbers("Stride")
    top, left, _, _ = kernel.numbers("Padding")
    words = kernel.number("IFMChannels") // kernel.number("SIMD")
    y = np.arange(oh)[:, None, None, None] * sh - top + np.arange(kh)[:, None, None]
    x = np.arange(ow)[:, None, None, None] * sw - left + np.arange(kw)[:, None]
    y, x = y[:, None], x[None]
    inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
    places = np.where(inside, y * w + x, 0) * words + np.where(inside, np.arange(words), 0)
    return np.asarray(places.reshape(-1), np.int64)


def _released(kernel: Any) -> Times:
    """Return how many rows of a frame are given back after each row of windows."""
    (h, _), (oh, _) = kernel.numbers("IFMDim"), kernel.numbers("OFMDim")
    (sh, _), top = kernel.numbers("Stride"), kernel.numbers("Padding")[0]
    rows: Times = np.clip((np.arange(oh) + 1) * sh - top, 0, h)
    rows[-1] = h
    return rows


def _frames(kernel: Any, times: Times) -> int:
    """Return how many frames an input stream's times are of."""
    return len(times) // prod(kernel.get_folded_input_shape()[:-1])


_MODELS: Mapping[str, Callable[[Any, Sequence[Times]], Moves]] = {
    "BinaryMVAU": _unit,
    "BitMaxPool": _bit_max_pool,
    "IntMVAU": _unit,
    "RegisterSlice": _conduit(1),
    "StreamFIFO": _conduit(2),
    "WidthConverter": _converter,
}


def _kind(node: NodeProto) -> str:
    return str(node.op_type.removesuffix("_rtl"))


def _is(node: NodeProto, *kinds: str) -> bool:
    return _kind(node) in kinds
