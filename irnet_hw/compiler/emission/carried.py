"""The tensor of the network that each stream of the accelerator carries, and its units."""

from collections.abc import Mapping
from dataclasses import dataclass

from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.emission.wires import Wire, wires
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.passes.lower import output_scale

#: Ops of a network that keep the unit of their first input.
_KEEPS_UNIT = frozenset({"Flatten", "MaxPool", "Pad", "ReduceSum", "Reshape", "Slice"})


@dataclass(frozen=True)
class Carried:
    """A tensor of the network: the stream's integers times the scale."""

    tensor: str
    scale: float


def carried(graph: ModelWrapper, network: ModelWrapper) -> list[Carried | None]:
    """Return what each stream carries; None if it is not a tensor of the network.

    A stream with the name of a tensor of the network carries that tensor. So do the streams before
    and after it with the same values: buffering, regrouping and forking do not change them. If such
    a path has two names, the first one counts, because a flattened tensor has another order in the
    stream (channels last) than in the network. Windows and unrounded accumulators carry no tensor.

    Args:
        graph: the specialised hardware graph.
        network: the QONNX model.
    """
    streams = wires(graph)
    scales = _scales(network)
    scales[graph.graph.output[0].name] = output_scale(graph)
    names = [wire.tensor if wire.tensor in scales else None for wire in streams]
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


def _scales(network: ModelWrapper) -> dict[str, float]:
    """Return the tensors of a network that are integers times a single scale, and the scale."""
    scales = {network.graph.input[0].name: 1.0}
    for node in network.graph.node:
        first = node.input[0]
        if node.op_type in ("BipolarQuant", "Quant"):
            scale = network.get_initializer(node.input[1])
            if scale is not None and scale.size == 1:
                scales[node.output[0]] = float(scale.item())
        elif node.op_type in _KEEPS_UNIT and first in scales:
            scales[node.output[0]] = scales[first]
    return scales
