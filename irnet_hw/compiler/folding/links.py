"""Links: the width converters, FIFOs and register slices between kernels.

A sliding window feeds its matrix-vector unit directly. Every other stream between two kernels gets
a FIFO, so that a stall on one side does not stop the other at once, and a width converter behind it
if the lanes differ. Register slices at both ends keep the accelerator's ports free of logic. The
input has the first kernel's lanes, or more if those would leave padding in memory.

:mod:`irnet_hw.compiler.folding.schedule` determines the depth of each FIFO. It lets every kernel
work as soon as it can, with unlimited FIFOs, and with the input at the pace of the slowest kernel.
A FIFO's depth is the most beats that ever wait in it. So this run is possible with the FIFOs as
they are built, at the full rate, and that is sufficient in all other cases:

- No deadlock. Kernels wait only for their next beat or for room for one, and their behaviour does
  not depend on its timing. In such a network the order of events is the same in all runs and only
  their times differ, so either every run deadlocks or none does; the scheduled one does not. Where
  a stream forks, the bypass therefore holds at least what the body takes in before its first beat
  comes out.
- Full rate. An event never happens later because another one happened earlier. An input that offers
  its beats sooner than scheduled delays nothing, and after gaps or stalls the accelerator catches
  up as far as its kernels are faster than the slowest one.

Depths are exact if each kernel's RTL takes the cycles that the kernel states. One beat too few on a
bypass stalls its fork in every frame, which costs a few percent of the rate. So each FIFO has a
spare beat, and whatever its memory holds beyond that: together they cost almost no LUTs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from onnx import NodeProto, helper
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from irnet_hw.compiler.folding.schedule import Schedule, schedule
from irnet_hw.compiler.graph import FINN_DOMAIN, add_tensor, consumer, op, redeclare
from irnet_hw.kernels.base import divisors

#: Beats that a FIFO holds if nothing waits: as many as the full rate needs.
DEPTH = 2
#: Beats that a column of LUT-RAM holds.
BANK = 64
#: The input's beats have at most this many bits, or those of the first kernel.
ENTRY_BITS = 1024


@dataclass(frozen=True)
class Link:
    """A stream between two kernels.

    Attributes:
        source: the kernel that writes it; None at the accelerator's input.
        outlet: index of the source's stream.
        target: the kernel that reads it; None at the output.
        inlet: index of the target's stream.
        flatten: the width converter between them that changes the shape, if any.
    """

    source: NodeProto | None
    outlet: int
    target: NodeProto | None
    inlet: int
    flatten: NodeProto | None

    @property
    def direct(self) -> bool:
        """Whether nothing may be inserted: the unit takes the window's beats as they are."""
        apart = self.target is not None and op(self.target).stands_apart
        return self.source is not None and op(self.source).feeds_directly and not apart


def kernels(model: ModelWrapper) -> list[NodeProto]:
    """Return the kernels of a graph that has only flattenings between them."""
    return [node for node in model.graph.node if not op(node).regroups]


def links(model: ModelWrapper) -> list[Link]:
    """Return the streams: the input, then the outputs of each kernel, in the kernels' order."""
    found = [_link(model, None, 0, model.graph.input[0].name)]
    for node in kernels(model):
        found += [_link(model, node, i, tensor) for i, tensor in enumerate(node.output)]
    return found


def _link(model: ModelWrapper, source: NodeProto | None, outlet: int, tensor: str) -> Link:
    target, flatten = consumer(model, tensor), None
    if target is not None and op(target).regroups:
        flatten, tensor = target, target.output[0]
        target = consumer(model, tensor)
    inlet = 0 if target is None else list(target.input).index(tensor)
    return Link(source, outlet, target, inlet, flatten)


def between(
    link: Link,
    shape: tuple[int, ...],
    datatype: BaseDataType,
    ends: tuple[int | None, int],
    depth: int = DEPTH,
) -> list[NodeProto]:
    """Return the nodes of a link, with their tensors still unnamed.

    Args:
        link: which stream.
        shape: of the tensor that leaves the source.
        datatype: of its elements.
        ends: lanes of the source's beats (None at the accelerator's input) and of the target's.
        depth: of the FIFO.
    """
    before, after_lanes = ends
    after = tuple(op(link.flatten).numbers("outShape")) if link.flatten is not None else shape
    if before is None:
        before = entry_lanes(prod(shape), int(datatype.bitwidth()), after_lanes)
        # Beats of the input may cross pixels.
        shape = after if before == after_lanes else (1, prod(shape))
    lanes = (before, after_lanes)
    found = []
    if link.source is None or link.target is None:
        found.append(_node("RegisterSlice", datatype, shape=list(shape), lanes=lanes[0]))
    elif not link.direct:
        found.append(_node("StreamFIFO", datatype, shape=list(shape), lanes=lanes[0], depth=depth))
    if shape != after or lanes[0] != lanes[1]:
        found.append(
            _node(
                "WidthConverter",
                datatype,
                inShape=list(shape),
                outShape=list(after),
                inLanes=lanes[0],
                outLanes=lanes[1],
            )
        )
    return found


def entry_lanes(values: int, bits: int, lanes: int) -> int:
    """Return how many elements a beat of the accelerator's input has.

    In memory, a beat takes whole bytes. These are the fewest lanes that leave the least padding in
    a frame, among those at which the input is as fast as the first kernel takes it.

    Args:
        values: elements of a frame.
        bits: of an element.
        lanes: of the first kernel; divides ``values``.
    """
    possible = [
        each
        for each in divisors(values)
        if each == lanes or (each > lanes and each * bits <= ENTRY_BITS)
    ]
    return min(possible, key=lambda each: (values // each * -(-each * bits // 8), each))


class InsertStreams(Transformation):  # type: ignore[misc]
    """Insert the nodes of each link into a folded graph, with FIFO depths from the schedule.

    Args:
        known: the schedule of a copy of the graph with all its nodes, if there is one.
        styles: the memory of each FIFO ("distributed" or "block"), if that is known, too.

    Attributes:
        plan: the schedule of the graph with all its nodes, when that is done.
    """

    plan: Schedule

    def __init__(self, known: Schedule | None = None, styles: Sequence[str] | None = None) -> None:
        super().__init__()
        self._known, self._styles = known, styles

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the graph with all its nodes."""
        for link in links(model):
            _insert(model, link)
        self.plan = self._known.of(model) if self._known is not None else schedule(model)
        fifos = queues(model)
        for node in fifos:
            op(node).set_nodeattr("depth", depth(self.plan.backlog[node.output[0]]))
        if self._styles is not None:
            for node, style in zip(fifos, self._styles, strict=True):
                op(node).set_nodeattr("ram_style", style)
        return model, False


def queues(model: ModelWrapper) -> list[NodeProto]:
    """Return the FIFOs of a graph."""
    return [node for node in model.graph.node if op(node).queues]


def depth(backlog: int) -> int:
    """Return the depth of a FIFO in which ``backlog`` beats wait, with a spare beat.

    One of the beats is in the output register; the spare beat takes its place. LUT-RAM comes in
    banks of 64 beats, and pointers that wrap at a power of 2 are cheaper.
    """
    needed = max(DEPTH, backlog)
    return 1 << (needed - 1).bit_length() if needed <= BANK else -(-needed // BANK) * BANK


def link_shape(model: ModelWrapper, link: Link) -> tuple[tuple[int, ...], BaseDataType]:
    """Return the shape and the type of the tensor that enters a link."""
    if link.source is not None:
        kernel = op(link.source)
        shape = kernel.get_normal_output_shape(link.outlet)
        return tuple(shape), kernel.get_output_datatype(link.outlet)
    image = model.graph.input[0].name
    return tuple(model.get_tensor_shape(image)), model.get_tensor_datatype(image)


def _insert(model: ModelWrapper, link: Link) -> None:
    sizes, datatype = link_shape(model, link)
    source = None if link.source is None else int(op(link.source).lanes_out(link.outlet))
    target = source if link.target is None else int(op(link.target).lanes_in(link.inlet))
    assert target is not None, "a link without ends"
    new = between(link, sizes, datatype, (source, target))
    if link.flatten is not None:
        model.graph.node.remove(link.flatten)
    if link.source is None:
        stream = model.graph.input[0].name
        redeclare(model, stream, op(new[0]).get_normal_input_shape(), datatype)
    elif link.target is None:
        # The last node takes over the output's name.
        stream = add_tensor(model, f"{link.source.output[0]}_unregistered", sizes, datatype)
        link.source.output[link.outlet] = stream
    else:
        stream = link.source.output[link.outlet]
    nodes = model.graph.node
    at = len(nodes) if link.target is None else list(nodes).index(link.target)
    for offset, node in enumerate(new):
        node.input.append(stream)
        out = tuple(op(node).get_normal_output_shape())
        stream = add_tensor(model, f"{stream}_{node.op_type}", out, datatype)
        node.output.append(stream)
        nodes.insert(at + offset, node)
    if link.target is not None:
        link.target.input[link.inlet] = stream
    else:
        nodes[-1].output[0] = model.graph.output[0].name


def _node(kind: str, datatype: BaseDataType, **attributes: Any) -> NodeProto:
    return helper.make_node(
        kind,
        [],
        [],
        domain=FINN_DOMAIN,
        backend="fpgadataflow",
        inputDataType=datatype.name,
        outputDataType=datatype.name,
        **attributes,
    )
