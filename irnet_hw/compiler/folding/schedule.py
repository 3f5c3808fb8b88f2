"""The schedule: when every beat of a frame enters and leaves each kernel, and how many wait.

Every kernel works as soon as it can: it takes a beat when there is one and it has room, and passes
one on when it has made it. The streams between kernels never fill, and the input arrives evenly, at
the pace of the slowest kernel. Each kernel says when its beats move
(:meth:`irnet_hw.kernels.base.Kernel.moves`), and the RTL tests verify that. Frames follow each
other until one repeats the timing of the one before; by then every queue has reached its maximum.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.artifact.manifest import Times
from irnet_hw.compiler.graph import consumer, op, reader
from irnet_hw.compiler.wires import streams_in
from irnet_hw.kernels import timing

#: Frames to simulate: at first, and at most.
FRAMES = 3
MOST_FRAMES = 48


@dataclass(frozen=True)
class Schedule:
    """A run of an accelerator.

    Attributes:
        passages: of the first frame through each kernel, by the name of the first tensor that it
            writes, in the order of the nodes.
        latency: cycles from the first beat in to the last beat out of the first frame, inclusive.
        backlog: for each stream between kernels, by tensor name, the most beats that have been
            written but not yet taken by the next kernel. The FIFO and the width converter of a
            stream count as part of it.
        pace: cycles from frame to frame: those of the slowest kernel, or more if kernels stall each
            other.
        held: if they do, the name of the first kernel with that pace.
    """

    passages: Mapping[str, Times]
    latency: int
    backlog: Mapping[str, int]
    pace: int
    held: str | None

    def of(self, model: ModelWrapper) -> "Schedule":
        """Return the schedule of a copy: the same nodes in the same order, tensors named anew."""
        first = [node.output[0] for node in model.graph.node]
        return replace(
            self,
            passages=dict(zip(first, self.passages.values(), strict=True)),
            backlog=dict(zip(_measured(model), self.backlog.values(), strict=True)),
        )


def schedule(model: ModelWrapper) -> Schedule:
    """Return the schedule of a folded graph, with or without its FIFOs and width converters."""
    run = _Run(model, FRAMES, max(int(op(node).get_exp_cycles()) for node in model.graph.node))
    held = None
    while not run.settled():
        if run.frames < MOST_FRAMES:
            run = _Run(model, 2 * run.frames, run.pace)
        else:
            pace, held = run.reached()
            run = _Run(model, FRAMES, pace)
    passages = {node.output[0]: run.passage(node) for node in model.graph.node}
    return Schedule(
        passages=passages,
        latency=max(passage.last_out for passage in passages.values()) + 1,
        backlog={tensor: run.backlog(tensor) for tensor in _measured(model)},
        pace=run.pace,
        held=held,
    )


def _measured(model: ModelWrapper) -> list[str]:
    """Return the streams whose waiting beats are known."""
    return [tensor for node in model.graph.node if not op(node).regroups for tensor in node.output]


class _Run:
    """The times of all beats over several frames.

    Args:
        model: the graph, its nodes in topological order.
        frames: how many.
        pace: cycles from one input frame to the next.
    """

    def __init__(self, model: ModelWrapper, frames: int, pace: int) -> None:
        self._model = model
        self.frames = frames
        self.pace = pace
        # When each beat of a tensor becomes available, and when it is taken.
        self._there: dict[str, timing.Times] = {}
        self._taken: dict[str, timing.Times] = {}
        entry = model.graph.input[0].name
        first = reader(model, entry)
        beats = prod(op(first).get_folded_input_shape()[:-1])
        self._there[entry] = np.arange(frames * beats) * self.pace // beats
        for node in model.graph.node:
            self._add(node)
        exit_ = model.graph.output[0].name
        self._taken[exit_] = self._there[exit_]

    def _add(self, node: NodeProto) -> None:
        kernel = op(node)
        there = [self._there[tensor] for tensor in streams_in(node)]
        if kernel.feeds_directly:  # no FIFO behind it, so its reader may stall it
            unit = op(reader(self._model, node.output[0]))
            moves = kernel.moves_into(there, lambda windows: unit.moves([windows])[0][0])
        else:
            moves = kernel.moves(there)
        taken, written = moves
        self._taken.update(zip(node.input, taken, strict=False))
        self._there.update(zip(node.output, written, strict=True))

    def settled(self) -> bool:
        """Return whether the last frame repeats the one before, one pace later."""
        for times in (*self._there.values(), *self._taken.values()):
            *_, before, last = times.reshape(self.frames, -1)
            if np.any(last - before != self.pace):
                return False
        return True

    def reached(self) -> tuple[int, str]:
        """Return the actual cycles of a frame if kernels stall each other: more than the pace.

        Also return the name of the first kernel that takes that many.
        """
        intervals = {}
        for i, node in enumerate(self._model.graph.node):
            if not op(node).is_conduit():
                *_, before, last = self._there[node.output[0]].reshape(self.frames, -1)
                intervals[i] = int(last[-1] - before[-1])
        slowest = max(intervals, key=intervals.__getitem__)
        return max(intervals[slowest], self.pace + 1), str(self._model.graph.node[slowest].name)

    def passage(self, node: NodeProto) -> Times:
        """Return the first frame through a kernel."""
        kernel = op(node)
        inputs = [self._taken[tensor] for tensor in streams_in(node)]
        outputs = [self._there[tensor] for tensor in node.output]
        return Times(
            first_in=int(min(times[0] for times in inputs)),
            first_out=int(min(times[0] for times in outputs)),
            last_out=int(max(times[len(times) // self.frames - 1] for times in outputs)),
            busy=int(kernel.get_exp_cycles()),
        )

    def backlog(self, tensor: str) -> int:
        """Return the most beats of a tensor that ever wait at once."""
        source = self._model.find_producer(tensor)
        written = self._there[tensor]
        if op(source).queues:
            written = self._taken[source.input[0]]
        end, node = tensor, consumer(self._model, tensor)
        while node is not None and op(node).is_conduit():
            end, node = node.output[0], consumer(self._model, node.output[0])
        taken = self._taken[end]
        # The taken beats, counted in beats as they were written.
        before = np.searchsorted(taken, written, side="left") * len(written) // len(taken)
        return int((np.arange(1, len(written) + 1) - before).max())
