"""The streams of a hardware graph and their numbers.

Stream 0 is the accelerator's input; the outputs of all nodes follow, in the order of the nodes. The
last one is the accelerator's output.
"""

from dataclasses import dataclass
from typing import NamedTuple

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import op


class Port(NamedTuple):
    """A stream of a node: the node's place in the graph, and the index of the input or output."""

    node: int
    port: int


@dataclass(frozen=True)
class Wire:
    """A stream.

    Attributes:
        tensor: its name in the graph.
        source: where it is written; None for the accelerator's input.
        target: where it is read; None for the accelerator's output.
    """

    tensor: str
    source: Port | None
    target: Port | None


def wires(graph: ModelWrapper) -> list[Wire]:
    """Return the streams of a hardware graph, whose nodes are in topological order."""
    sources: dict[str, Port | None] = {graph.graph.input[0].name: None}
    targets: dict[str, Port | None] = {graph.graph.output[0].name: None}
    for place, node in enumerate(graph.graph.node):
        for port, tensor in enumerate(streams_in(node)):
            assert tensor in sources, f"{node.name} reads {tensor} before a node writes it"
            assert tensor not in targets, f"{tensor} is read more than once"
            targets[tensor] = Port(place, port)
        for port, tensor in enumerate(node.output):
            assert tensor not in sources, f"{tensor} is written more than once"
            sources[tensor] = Port(place, port)
    unread = [tensor for tensor in sources if tensor not in targets]
    assert not unread, f"{', '.join(unread)}: read by no node"
    found = [Wire(tensor, source, targets[tensor]) for tensor, source in sources.items()]
    assert found[-1].target is None, "the last node does not write the accelerator's output"
    return found


def streams_in(node: NodeProto) -> list[str]:
    """Return the inputs of a node that are streams; the others are constants."""
    return list(node.input)[: op(node).streams_in()]
