"""The tensor of the network that each stream of the accelerator carries, and its units."""

from collections.abc import Mapping
from dataclasses import dataclass

from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import op
from irnet_hw.compiler.passes.emit import output, units
from irnet_hw.compiler.wires import Wire, wires


@dataclass(frozen=True)
class Carried:
    """A tensor of the network: the stream's integers times the scale."""

    tensor: str
    scale: float


def carried(graph: ModelWrapper) -> list[Carried | None]:
    """Return what each stream carries; None if it is not a tensor of the network.

    A stream with the name of a tensor of the network carries that tensor. So do the streams before
    and after it with the same values: buffering, regrouping and forking do not change them. If such
    a path has two names, the first one counts, because a flattened tensor has another order in the
    stream (channels last) than in the network. Windows and unrounded accumulators carry no tensor.

    Args:
        graph: the specialised hardware graph.
    """
    streams = wires(graph)
    end, last = output(graph), graph.graph.output[0].name
    scales = {**units(graph), end.tensor: end.scale}
    named = [end.tensor if wire.tensor == last else wire.tensor for wire in streams]
    names = [name if name in scales else None for name in named]
    before = _before(graph, streams)
    for stream, source in before.items():
        names[stream] = names[source] or names[stream]
    for stream, source in reversed(list(before.items())):
        names[source] = names[source] or names[stream]
    for stream, source in before.items():
        names[stream] = names[source]
    return [None if name is None else Carried(name, scales[name]) for name in names]


def _before(graph: ModelWrapper, streams: list[Wire]) -> Mapping[int, int]:
    """Return, for each stream that repeats another one's values, that stream, in order."""
    entering = {wire.target: i for i, wire in enumerate(streams) if wire.target is not None}
    nodes = graph.graph.node
    return {
        i: entering[wire.source._replace(port=0)]
        for i, wire in enumerate(streams)
        if wire.source is not None and op(nodes[wire.source.node]).keeps_values(wire.source.port)
    }
