"""Pass 9: what stands between kernels: width converters, FIFOs, register slices.

A sliding window feeds its matrix-vector unit directly. Every other producer writes into a small
FIFO, so that a beat's wait on one side doesn't at once stop the other, and a width converter
follows where the lanes differ. More depth is mostly not needed for the full rate: what arrives in
bursts or is read in bursts waits in the kernels themselves, in a sliding window's row buffer and a
matrix-vector unit's second vector. Only where a pool writes straight to a matrix-vector unit that
reads evenly, one beat after the other, the FIFO has to hold the pool's bursts. Register slices at
both ends keep the accelerator's ports free of logic.
"""

from dataclasses import dataclass
from math import ceil, prod
from typing import Any

from onnx import NodeProto, helper
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from irnet_hw.compiler.graph import FINN_DOMAIN, add_tensor, consumer, op

#: Beats that a FIFO between two kernels holds, beside bursts.
DEPTH = 2
#: Kernels that have no room for a burst, unless a sliding window stands before them.
UNITS = ("BinaryMVAU", "IntMVAU")


@dataclass(frozen=True)
class Link:
    """A stream between two kernels.

    Attributes:
        source: the kernel that writes it; None at the accelerator's input.
        target: the kernel that reads it; None at the output.
        flatten: the width converter between them that changes the shape, if there is one.
        pools: those that directly follow each other up to the source, itself included.
    """

    source: NodeProto | None
    target: NodeProto | None
    flatten: NodeProto | None
    pools: tuple[NodeProto, ...]

    @property
    def direct(self) -> bool:
        """Whether nothing may stand in between: the unit's beats are the window's."""
        return self.source is not None and self.source.op_type == "SlidingWindow"


def links(model: ModelWrapper) -> list[Link]:
    """Return the streams of a chain of kernels, from the input to the output."""
    found = []
    source: NodeProto | None = None
    flatten: NodeProto | None = None
    pools: tuple[NodeProto, ...] = ()
    node = consumer(model, model.graph.input[0].name)
    while node is not None:
        if node.op_type == "WidthConverter":
            flatten = node
        else:
            found.append(Link(source, node, flatten, pools))
            source, flatten = node, None
            pools = (*pools, node) if node.op_type == "BitMaxPool" else ()
        node = consumer(model, node.output[0])
    found.append(Link(source, None, flatten, pools))
    return found


def burst(link: Link, lanes: int) -> int:
    """Return the beats that wait before a unit that reads evenly what pools write.

    Rows come to the first pool at an even pace. A row of windows comes out while the last of
    its rows goes in, and none during the others and the rows beyond the last window. What waits
    is the largest lead of the pools' beats over the unit's, from the largest lag on; within a
    row, the beats of a pixel come at once.

    Args:
        link: which stream.
        lanes: of the source's beats.
    """
    if not link.pools or link.target is None or link.target.op_type not in UNITS:
        return 0
    rows: int = op(link.pools[0]).numbers("IFMDim")[0]
    height: int = prod(op(pool).numbers("PoolDim")[0] for pool in link.pools)
    pooled: tuple[int, ...] = op(link.pools[-1]).get_normal_output_shape()
    _, windows, columns, channels = pooled
    words = channels // lanes
    line = columns * words
    # The unit's beats in the time of a row; all are counted in beats times rows.
    pace = windows * line
    starts = [q * line * rows - ((q + 1) * height - 1) * pace for q in range(windows)]
    ends = [(q + 1) * line * rows - (q + 1) * height * pace for q in range(windows)]
    return ceil((max(ends) - min(starts)) / rows) + words


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
        depth = DEPTH + burst(link, lanes[0])
        found.append(_node("StreamFIFO", datatype, shape=list(shape), lanes=lanes[0], depth=depth))
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
