"""What the manifest says about an accelerator: streams, folds, cycles and area, by the models."""

import hashlib
from math import prod
from pathlib import Path
from typing import Any

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw import spec
from irnet_hw.boards import Board
from irnet_hw.compiler import manifest
from irnet_hw.compiler.area import RESOURCES, area, total
from irnet_hw.compiler.describe import describe, parameters
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.lower import output_scale
from irnet_hw.compiler.stitch import TOP


def describe_accelerator(
    path: Path, network: ModelWrapper, graph: ModelWrapper, board: Board, target_fps: float
) -> dict[str, Any]:
    """Return the manifest of a graph; its sources, data and other hashes are not known yet."""
    metadata = spec.metadata(network)
    nodes = list(graph.graph.node)
    carried = _carried(graph)
    layers = [
        {
            "name": node.name,
            "op": node.op_type.removesuffix("_rtl"),
            "text": describe(graph, node),
            "fold": _fold(node),
            "cycles": int(op(node).get_exp_cycles()),
            "area": area(op(node), board.part),
            "output": _stream(node, carried[node.name], "out"),
            "parameters": parameters(graph, node),
        }
        for node in nodes
    ]
    slowest = max(layers, key=lambda layer: layer["cycles"])
    entry, exit_ = graph.graph.input[0].name, graph.graph.output[0].name
    return {
        "format": manifest.FORMAT,
        "name": str(metadata.get("name") or path.stem),
        "versions": manifest.versions(),
        "board": board.name,
        "part": board.part,
        "clock_mhz": float(board.clock_mhz),
        "target_fps": float(target_fps),
        "top": TOP,
        "sources": [],
        "data": [],
        "input": _stream(nodes[0], entry, "in"),
        "output": {**_stream(nodes[-1], exit_, "out"), "scale": output_scale(graph)},
        "labels": [str(label) for label in metadata.get("labels", [])],
        "cycles_per_frame": slowest["cycles"],
        "fps": board.clock_mhz * 1e6 / slowest["cycles"],
        "bottleneck": slowest["name"],
        "layers": layers,
        "area": total(*(layer["area"] for layer in layers)),
        "resources": {key: board.resources[key] for key in RESOURCES},
        "hashes": {"model": hashlib.sha256(path.read_bytes()).hexdigest()},
        "metadata": metadata,
    }


def _carried(graph: ModelWrapper) -> dict[str, str | None]:
    """Return, for each node, the network's tensor that its output stream carries, if one does.

    Windows carry none; what only buffers or regroups a stream carries what enters it.
    """
    tensor: str | None = graph.graph.input[0].name
    found: dict[str, str | None] = {}
    for node in graph.graph.node:
        kind = node.op_type.removesuffix("_rtl")
        if kind == "SlidingWindow":
            tensor = None
        elif kind in ("BinaryMVAU", "IntMVAU") and not op(node).thresholds():
            tensor = graph.graph.output[0].name
        elif kind in ("BinaryMVAU", "IntMVAU", "BitMaxPool"):
            generated = node.output[0].startswith(f"{node.name}_out0")
            tensor = None if generated else node.output[0]
        found[node.name] = tensor
    return found


def _stream(node: NodeProto, tensor: str | None, side: str) -> dict[str, Any]:
    """Return what the manifest says about a node's stream."""
    kernel = op(node)
    if side == "in":
        shape, datatype = kernel.get_normal_input_shape(), kernel.get_input_datatype()
        lanes, bits = kernel.lanes_in(), kernel.get_instream_width()
        wide = kernel.get_instream_width_padded()
        folded = kernel.get_folded_input_shape()
    else:
        shape, datatype = kernel.get_normal_output_shape(), kernel.get_output_datatype()
        lanes, bits = kernel.lanes_out(), kernel.get_outstream_width()
        wide = kernel.get_outstream_width_padded()
        folded = kernel.get_folded_output_shape()
    return {
        "tensor": tensor,
        "shape": [int(size) for size in shape[1:]],
        "datatype": datatype.name,
        "lanes": int(lanes),
        "bits": int(bits),
        "tdata_bits": int(wide),
        "beats": prod(int(size) for size in folded[:-1]),
    }


def _fold(node: NodeProto) -> dict[str, int]:
    kernel = op(node)
    known = kernel.get_nodeattr_types()
    return {name: kernel.number(name) for name in ("PE", "SIMD") if name in known}
