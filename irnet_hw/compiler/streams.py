"""Pass 9: what stands between kernels: width converters, FIFOs, register slices.

A sliding window feeds its matrix-vector unit directly. Every other producer writes into a small
FIFO, so that a beat's wait on one side doesn't at once stop the other, and a width converter
follows where the lanes differ. More depth is not needed for the full rate: what arrives in bursts
or is read in bursts waits in the kernels themselves, in a sliding window's row buffer and a
matrix-vector unit's second vector. Register slices at both ends keep the accelerator's ports free
of logic.
"""

from dataclasses import dataclass
from typing import Any

from onnx import NodeProto, helper
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from irnet_hw.compiler.graph import FINN_DOMAIN, add_tensor, consumer, op

#: Beats that a FIFO between two kernels holds.
DEPTH = 2


@dataclass(frozen=True)
class Link:
    """A stream between two kernels.

    Attributes:
        source: the kernel that writes it; None at the accelerator's input.
        target: the kernel that reads it; None at the output.
        flatten: the width converter between them that changes the shape, if there is one.
    """

    source: NodeProto | None
    target: NodeProto | None
    flatten: NodeProto | None

    @property
    def direct(self) -> bool:
        """Whether nothing may stand in between: the unit's beats are the window's."""
        return self.source is not None and self.source.op_type == "SlidingWindow"


def links(model: ModelWrapper) -> list[Link]:
    """Return the streams of a chain of kernels, from the input to the output."""
    found = []
    source: NodeProto | None = None
    flatten: NodeProto | None = None
    node = consumer(model, model.graph.input[0].name)
    while node is not None:
        if node.op_type == "WidthConverter":
            flatten = node
        else:
            found.append(Link(source, node, flatten))
            source, flatten = node, None
        node = consumer(model, node.output[0])
    found.append(Link(source, None, flatten))
    return found


def between(
    link: Link, shape: tuple[int, ...], datatype: BaseDataType, ends: tuple[int | None, int]
) -> list[NodeProto]:
    """Return the nodes of a link, their tensors still unnamed.

    Args:
        link: which stream.
        shape: of the tensor that leaves the source.
        datatype: of its elements.
        ends: lanes of the source's beats (None at the accelerator's input) and of the target's.
    """
    before, after_lanes = ends
    if before is None:
        # The first kernel's lanes are the input's, unless they cross pixels: then whole pixels.
        before = shape[-1] if link.flatten is not None else after_lanes
    lanes = (before, after_lanes)
    found = []
    if link.source is None or link.target is None:
        found.append(_node("RegisterSlice", datatype, shape=list(shape), lanes=lanes[0]))
    elif not link.direct:
        found.append(_node("StreamFIFO", datatype, shape=list(shape), lanes=lanes[0], depth=DEPTH))
    if link.flatten is not None or lanes[0] != lanes[1]:
        after = op(link.flatten).get_nodeattr("outShape") if link.flatten is not None else shape
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


class InsertStreams(Transformation):  # type: ignore[misc]
    """Put the nodes of each link into a folded graph."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the graph with all its nodes."""
        for link in links(model):
            _insert(model, link)
        return model, False


def link_shape(model: ModelWrapper, link: Link) -> tuple[tuple[int, ...], BaseDataType]:
    """Return the shape and the type of the tensor that enters a link."""
    if link.source is not None:
        kernel = op(link.source)
        return tuple(kernel.get_normal_output_shape()), kernel.get_output_datatype()
    image = model.graph.input[0].name
    return tuple(model.get_tensor_shape(image)), model.get_tensor_datatype(image)


def _insert(model: ModelWrapper, link: Link) -> None:
    sizes, datatype = link_shape(model, link)
    source = None if link.source is None else int(op(link.source).lanes_out())
    target = source if link.target is None else int(op(link.target).lanes_in())
    assert target is not None, "a link without ends"
    new = between(link, sizes, datatype, (source, target))
    if link.flatten is not None:
        model.graph.node.remove(link.flatten)
    if link.source is None:
        stream = model.graph.input[0].name
    elif link.target is None:
        # The last node of all takes over the output's name.
        stream = add_tensor(model, f"{link.source.output[0]}_unregistered", sizes, datatype)
        link.source.output[0] = stream
    else:
        stream = link.source.output[0]
    nodes = model.graph.node
    at = len(nodes) if link.target is None else list(nodes).index(link.target)
    for offset, node in enumerate(new):
        node.input.append(stream)
        out = tuple(op(node).get_normal_output_shape())
        stream = add_tensor(model, f"{stream}_{node.op_type}", out, datatype)
        node.output.append(stream)
        nodes.insert(at + offset, node)
    if link.target is not None:
        link.target.input[0] = stream
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
