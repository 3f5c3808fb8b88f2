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

from irnet_hw.compiler.graph import consumer, kind, op
from irnet_hw.kernels.binary_mvau import LANE_DEPTH, THREES_DEPTH

#: Cycles, one for each beat of a stream, over all frames.
Times = npt.NDArray[np.int64]
#: When the beats of each input stream are taken, and those of each output stream are there.
Moves = tuple[list[Times], list[Times]]

#: Frames that are looked at: at first, and at the most.
FRAMES = 3
MOST_FRAMES = 48

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
        pace: cycles from frame to frame: those of the slowest kernel, and more where kernels
            hold each other up.
    """

    passages: tuple[Passage, ...]
    latency: int
    backlog: Mapping[str, int]
    pace: int


def schedule(model: ModelWrapper) -> Schedule:
    """Return the schedule of a folded graph, with or without its FIFOs and width converters."""
    run = _Run(model, FRAMES, max(int(op(node).get_exp_cycles()) for node in model.graph.node))
    while not run.settled():
        if run.frames < MOST_FRAMES:
            run = _Run(model, 2 * run.frames, run.pace)
        else:
            run = _Run(model, FRAMES, run.reached())
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
        pace: cycles in which a frame comes in.
    """

    def __init__(self, model: ModelWrapper, frames: int, pace: int) -> None:
        self._model = model
        self.frames = frames
        self.pace = pace
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
            self._record(node, _MODELS[kind(node)](kernel, there))

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

    def reached(self) -> int:
        """Return a frame's cycles where kernels that hold each other up take more than the pace."""
        found = self.pace + 1
        for times in self._there.values():
            *_, before, last = times.reshape(self.frames, -1)
            found = max(found, int(last[-1] - before[-1]))
        return found

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
    return _in_steps(times, np.arange(len(times)))


def _in_steps(times: Times, steps: Times) -> Times:
    """Return when each beat moves, the steps' difference after the one before at the earliest."""
    found: Times = np.maximum.accumulate(times - steps) + steps
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


def _subsample_pad(kernel: Any, there: Sequence[Times]) -> Moves:
    """What is dropped comes in while zeros leave; those before a frame's first beat wait for it."""
    (h, w), (sh, sw) = kernel.numbers("IFMDim"), kernel.numbers("Stride")
    before, words, after = kernel.pixel_beats()
    frames = _frames(kernel, there[0])
    places = np.arange(len(there[0])).reshape(frames, h, w, words)[:, ::sh, ::sw]
    kept = places.reshape(-1, words)
    starts = np.zeros(len(kept), np.int64)
    starts[:: len(kept) // frames] = before
    # From a pixel's last beat to the next one's first: what is dropped or what leaves.
    dropped = np.diff(kept[:, 0], prepend=0) - words
    between = np.maximum(dropped, after + np.where(starts > 0, 0, before)) + starts
    steps = np.cumsum(between + words)[:, None] + np.arange(words)
    ready = _in_turn(there[0])[kept] + starts[:, None]
    passed = _in_steps(ready.reshape(-1), steps.reshape(-1))
    least = there[0].copy()
    least[kept.reshape(-1)] = passed
    pixels = passed.reshape(-1, words)
    first, last = pixels[:, :1], pixels[:, -1:]
    leave = np.concatenate(
        [first - before + np.arange(before), pixels, last + 1 + np.arange(after)], axis=1
    )
    return [_in_turn(least)], [leave.reshape(-1) + 1]


def _global_sum_pool(kernel: Any, there: Sequence[Times]) -> Moves:
    """The sums leave a cycle after the last pixel's beats came."""
    taken = _in_turn(there[0])
    last = taken.reshape(_frames(kernel, taken), -1, kernel.words())[:, -1]
    return [taken], [last.reshape(-1) + 1]


def _requantise(kernel: Any, there: Sequence[Times]) -> Moves:
    """Beats pass the multiplication's stages and a register."""
    taken = _in_turn(there[0])
    return [taken], [taken + _dyadic_stages(kernel) + 1]


def _residual_join(kernel: Any, there: Sequence[Times]) -> Moves:
    """A beat of the shortcut is taken where the multiplication ends; two registers follow."""
    stages = _dyadic_stages(kernel)
    joined = _in_turn(np.maximum(there[0] + stages, there[1]))
    return [joined - stages, joined], [joined + 2]


def _dyadic_stages(kernel: Any) -> int:
    """Return the stages of hls/dyadic_lanes."""
    return 3 if kernel.in_dsp() else int(kernel.rows()) + 2


def _unit(kernel: Any, there: Sequence[Times]) -> Moves:
    """A matrix-vector unit reads each vector as it comes, then again for each further pass."""
    taken, results = _replay(kernel, there[0], np.arange(len(there[0])))
    return [taken], [results]


def _replay(unit: Any, there: Times, steps: Times) -> tuple[Times, Times]:
    """Return when a matrix-vector unit takes its beats and has its results.

    It keeps two vectors: the beats after them wait until it has read the first one for the last
    time. When that is depends on when the beats came: the times are moved back until they agree.

    Args:
        unit: the kernel.
        there: when its beats are there.
        steps: the cycles from one to the next that it can't be quicker than, summed up.
    """
    beats, passes = unit.beats(), unit.passes()
    room = np.zeros(len(there) // beats, np.int64)
    work = np.arange(len(room)) * beats * passes
    while True:
        taken = _in_steps(np.maximum(there, np.repeat(room, beats)), steps)
        # The first pass ends after its last beat came, and after all passes of the vector before.
        first_ends = _in_steps(taken.reshape(-1, beats)[:, -1] + 1, work)
        later = np.zeros_like(room)
        if passes > 1:
            later[2:] = first_ends[:-2] + (passes - 1) * beats + 1
        if np.array_equal(later, room):
            ends = first_ends[:, None] + np.arange(passes) * beats
            return taken, ends.reshape(-1) + _unit_latency(unit)
        room = later


def _unit_latency(unit: Any) -> int:
    """Return the cycles from reading a pass' last beat to its result.

    The beat, its weights, the products and the accumulator take one each, the sum its levels.
    """
    lanes = int(unit.number("SIMD"))
    if _is(unit.onnx_node, "IntMVAU"):
        return 4 + (lanes - 1).bit_length()
    if not unit.weights_in_block_ram() and THREES_DEPTH < unit.depth() <= LANE_DEPTH:
        return 4 + _popcount_latency(lanes, 0)
    threes = -(-lanes // 3)
    return 4 + _popcount_latency(threes, threes)


def _popcount_latency(ones: int, twos: int) -> int:
    """Return the cycles in which hls/popcount counts bits of weight 1 and of weight 2."""
    columns, levels = [ones, twos, 0, 0], 0
    while max(columns) > 4:
        after = [0] * (len(columns) + 2)
        for column, height in enumerate(columns):
            counters = 0 if height < 5 else (height + 1) // 6
            after[column] += max(height - 6 * counters, 0)
            for place in range(3):
                after[column + place] += counters
        columns, levels = after, levels + 1
    return levels + (2 if max(columns) > 2 else 1)


def _window(kernel: Any, unit: Any, there: Times) -> tuple[Times, Times, Times, Times]:
    """Return when a sliding window and its unit take and have their beats.

    A beat can be read in the cycle after it was written, and its place is free in the cycle after
    it was read for the last time. Room depends on what is read, which depends on what was written
    when there was room: the times are moved back until they agree.
    """
    frames = np.arange(_frames(kernel, there))[:, None]
    beats = len(there) // len(frames)
    last_needed = (frames * beats + kernel.needed() - 1).reshape(-1)
    freed = np.maximum.accumulate((frames * beats + kernel.freed()).reshape(-1))
    steps = (frames * kernel.frame_steps() + kernel.steps()).reshape(-1)
    # The windows' beat after which there is room for each beat, but for the first ones.
    full = kernel.capacity()
    awaited = np.searchsorted(freed, np.arange(len(there) - full) + 1)
    latency = 2 if kernel.parallel() else 1
    room = np.zeros_like(there)
    while True:
        written = _in_turn(np.maximum(there, room))
        present = written[last_needed] + 1
        read = _in_steps(present, steps)
        taken, results = _replay(unit, read + latency, steps)
        # As many beats can be under way to the unit as there are registers in between.
        read[latency:] = np.maximum(read[latency:], taken[:-latency])
        later = np.zeros_like(room)
        later[full:] = read[awaited] + 1
        if np.array_equal(later, room):
            return written, read + latency, taken, results
        room = later


def _frames(kernel: Any, times: Times) -> int:
    """Return how many frames an input stream's times are of."""
    beats: int = prod(kernel.get_folded_input_shape()[:-1])
    return len(times) // beats


_MODELS: Mapping[str, Callable[[Any, Sequence[Times]], Moves]] = {
    "BinaryMVAU": _unit,
    "BitMaxPool": _bit_max_pool,
    "GlobalSumPool": _global_sum_pool,
    "IntMVAU": _unit,
    "RegisterSlice": _conduit(1),
    "Requantise": _requantise,
    "ResidualJoin": _residual_join,
    "StreamFIFO": _conduit(2),
    "StreamFork": _conduit(1),
    "SubsamplePad": _subsample_pad,
    "WidthConverter": _converter,
}


def _is(node: NodeProto, *kinds: str) -> bool:
    return kind(node) in kinds
