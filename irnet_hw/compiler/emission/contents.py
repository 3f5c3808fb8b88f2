"""What the manifest says about an accelerator: streams, folds, cycles and area, by the models."""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from math import prod
from pathlib import Path

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw import spec
from irnet_hw.artifact.folder import digest
from irnet_hw.artifact.manifest import FORMAT, End, Hashes, Layer, Manifest, Stream, Times
from irnet_hw.artifact.manifest import Folding as Aim
from irnet_hw.artifact.names import DATAFLOW, MODEL
from irnet_hw.artifact.resources import Area
from irnet_hw.artifact.tail import Tail
from irnet_hw.boards import Board
from irnet_hw.compiler.emission.board_top import describe_shell
from irnet_hw.compiler.emission.carried import Carried, carried
from irnet_hw.compiler.emission.stitch import TOP, Stitched
from irnet_hw.compiler.folding.fold import Folding
from irnet_hw.compiler.graph import kind, op
from irnet_hw.compiler.wires import Port, Wire, wires
from irnet_hw.kernels.resources import area, total
from irnet_hw.read import sha256


def describe_accelerator(
    folder: Path,
    name: str,
    network: ModelWrapper,
    tail: Tail,
    pixel_codes: tuple[str, ...],
    graph: ModelWrapper,
    board: Board,
    target_fps: float | None,
    folding: Folding,
    passages: Mapping[str, Times],
    stitched: Stitched,
) -> Manifest:
    """Return the manifest of a graph; the shell's hash and identity come later.

    Args:
        folder: the accelerator's, with the network, the graph and the RTL in it.
        name: the network's name, if its metadata do not state one.
        network: the QONNX model.
        tail: what it computes behind the hardware ops.
        pixel_codes: what the driver computes before them; () if that is nothing.
        graph: the specialised hardware graph.
        board: the board that it is for.
        target_fps: the requested rate; None for the highest that fits.
        folding: how the graph was folded.
        passages: the first frame's times in each node, by the first stream that the node writes.
        stitched: the files of the RTL.
    """
    metadata = spec.metadata(network)
    ends = wires(graph)
    streams = tuple(
        _stream(graph, wire, tensor) for wire, tensor in zip(ends, carried(graph), strict=True)
    )
    plan = folding.schedule
    layers = tuple(
        Layer(
            name=node.name,
            op=kind(node),
            text=op(node).describe(),
            fold=_fold(node),
            cycles=int(op(node).get_exp_cycles()),
            area=area(op(node), board.part),
            inputs=_numbers([wire.target for wire in ends], place),
            outputs=_numbers([wire.source for wire in ends], place),
            schedule=passages[node.output[0]],
            plumbing=op(node).plumbing,
            parameters=op(node).facts(),
        )
        for place, node in enumerate(graph.graph.node)
    )
    return Manifest(
        format=FORMAT,
        name=str(metadata.get("name") or name),
        versions=_versions(),
        board=board.name,
        part=board.part,
        clock_mhz=float(board.clock_mhz),
        target_fps=float(folding.fps if target_fps is None else target_fps),
        top=TOP,
        sources=stitched.sources,
        data=stitched.data,
        image=spec.image_shape(network),
        pixel_codes=pixel_codes,
        input=streams[0],
        output=End(**vars(streams[-1])),
        tail=tail,
        labels=tuple(str(label) for label in metadata.get("labels", [])),
        cycles_per_frame=int(plan.pace),
        fps=folding.fps,
        bottleneck=max(layers, key=lambda layer: layer.cycles).name,
        latency_cycles=int(plan.latency),
        folding=Aim(aim="rate" if target_fps is None else "area", distance=folding.distance),
        next_doubling=folding.next_doubling,
        streams=streams,
        layers=layers,
        area=total(*(layer.area for layer in layers)),
        resources=Area.of(board.resources),
        usable=Area.of(board.usable),
        shell=describe_shell(stitched.sources, board),
        hashes=Hashes(
            model=sha256(folder / MODEL),
            dataflow=sha256(folder / DATAFLOW),
            folding_config=hashlib.sha256(folding.config.encode()).hexdigest(),
            sources=digest(folder / path for path in (*stitched.sources, *stitched.data)),
            shell="",
            manifest="",
        ),
        metadata=metadata,
    )


def _versions() -> dict[str, str]:
    """Return the versions of the packages that made the accelerator."""
    found = {}
    for package in ("irnet-hw", "finn-plus", "qonnx", "onnx", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # a checkout that was not installed
            found[package] = "source"
    return found


def _numbers(ends: Sequence[Port | None], place: int) -> tuple[int, ...]:
    """Return the streams at a node, in the order of its ports.

    Args:
        ends: each stream's end, on the input or on the output side.
        place: the node's.
    """
    ports = {end.port: i for i, end in enumerate(ends) if end is not None and end.node == place}
    return tuple(ports[port] for port in sorted(ports))


def _stream(graph: ModelWrapper, wire: Wire, tensor: Carried | None) -> Stream:
    """Return the manifest's description of a stream, from its source or, at the input, target."""
    if wire.source is not None:
        kernel, port = op(graph.graph.node[wire.source.node]), wire.source.port
        shape, datatype = kernel.get_normal_output_shape(port), kernel.get_output_datatype(port)
        lanes, bits = kernel.lanes_out(port), kernel.get_outstream_width(port)
        wide = kernel.get_outstream_width_padded(port)
        folded = kernel.get_folded_output_shape(port)
    else:
        assert wire.target is not None, "a stream without ends"
        kernel, port = op(graph.graph.node[wire.target.node]), wire.target.port
        shape, datatype = kernel.get_normal_input_shape(port), kernel.get_input_datatype(port)
        lanes, bits = kernel.lanes_in(port), kernel.get_instream_width(port)
        wide = kernel.get_instream_width_padded(port)
        folded = kernel.get_folded_input_shape(port)
    return Stream(
        tensor=None if tensor is None else tensor.tensor,
        scale=None if tensor is None else tensor.scale,
        shape=tuple(int(size) for size in shape[1:]),
        datatype=datatype.name,
        lanes=int(lanes),
        bits=int(bits),
        tdata_bits=int(wide),
        beats=prod(int(size) for size in folded[:-1]),
        source=None if wire.source is None else wire.source.node,
        target=None if wire.target is None else wire.target.node,
    )


def _fold(node: NodeProto) -> dict[str, int]:
    kernel = op(node)
    known = kernel.get_nodeattr_types()
    return {name: kernel.number(name) for name in ("PE", "SIMD") if name in known}
