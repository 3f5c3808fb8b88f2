"""The compile station: QONNX in, an accelerator's folder out."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes

import irnet_hw.kernels  # noqa: F401 (registers the ops)
from irnet_hw import spec
from irnet_hw.boards import Board, load_board
from irnet_hw.compiler import manifest, reference
from irnet_hw.compiler.area import RESOURCES, area, total
from irnet_hw.compiler.check import check
from irnet_hw.compiler.describe import describe, parameters
from irnet_hw.compiler.finn_quiet import quiet
from irnet_hw.compiler.fold import fold
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.import_finn import ImportFINN
from irnet_hw.compiler.integer_input import IntegerInput
from irnet_hw.compiler.lower import Lower, output_scale
from irnet_hw.compiler.pool_bits import PoolBits
from irnet_hw.compiler.selfcheck import selfcheck
from irnet_hw.compiler.specialize import Specialize
from irnet_hw.compiler.stitch import TOP, stitch
from irnet_hw.compiler.streams import InsertStreams
from irnet_hw.compiler.thresholds import IntegerThresholds
from irnet_hw.compiler.tidy import Tidy
from irnet_hw.errors import UserError
from irnet_hw.files import whole_folder
from irnet_hw.progress import say

#: What each pass does, as the user reads it.
_FRONT = (
    ("importing into FINN", ImportFINN),
    ("making the input integer", IntegerInput),
    ("moving max-pooling behind the signs", PoolBits),
    ("finding integer thresholds", IntegerThresholds),
    ("lowering to hardware ops", Lower),
)


def build(model: Path, board: str, out: Path, target_fps: float) -> dict[str, Any]:
    """Compile a network into an accelerator's folder.

    The folder appears whole or not at all, and is the same, byte for byte, for the same inputs.

    Args:
        model: the exported QONNX file; golden.npz beside it is checked too.
        board: name of a board.
        out: the folder to write; an accelerator that is already there is replaced.
        target_fps: frames per second that the accelerator has to reach at the board's clock.

    Returns:
        the manifest.

    Raises:
        UserError: the network is not supported, the board is unknown, the rate can't be
            reached, or the folder can't be written.
    """
    model, out = Path(model), Path(out)
    where = load_board(board)
    network = spec.load(model)
    _require_replaceable(out)
    with whole_folder(out) as folder, quiet():
        graph = _hardware(model, network, where, target_fps)
        say(f"  writing the RTL of {len(graph.graph.node)} kernels")
        (folder / "rtl").mkdir()
        sources, data = stitch(graph, where, folder / "rtl")
        shutil.copyfile(model, folder / "model.onnx")
        graph.save(str(folder / reference.FILE))
        content = _manifest(model, network, graph, where, target_fps)
        content["sources"] = [f"rtl/{name}" for name in sources]
        content["data"] = [f"rtl/{name}" for name in data]
        content["hashes"]["sources"] = manifest.digest(
            folder / path for path in content["sources"] + content["data"]
        )
        manifest.write(content, folder)
        compared = selfcheck(
            network.transform(InferShapes()), graph, content, model.with_name("golden.npz")
        )
        say(f"  compared {compared} values with the QONNX run: 0 differences")
    return content


def _hardware(path: Path, network: ModelWrapper, board: Board, target_fps: float) -> ModelWrapper:
    """Return the specialised, folded graph with all its nodes."""
    tensors = {name for name in network.get_all_tensor_names()}
    try:
        say("  checking the network")
        graph = network.transform(Tidy())
        check(graph)
        for text, step in _FRONT:
            say(f"  {text}")
            graph = graph.transform(step())
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    say(f"  folding for {target_fps:g} frames per second on {board.name}")
    fold(graph, board, target_fps)
    graph = graph.transform(InsertStreams())
    return graph.transform(Specialize(board.part, tensors))


def _manifest(
    path: Path, network: ModelWrapper, graph: ModelWrapper, board: Board, target_fps: float
) -> dict[str, Any]:
    """Return the manifest without its sources."""
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
    return json.loads(
        json.dumps(
            {
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
                "hashes": {"model": hashlib.sha256(path.read_bytes()).hexdigest(), "sources": ""},
                "metadata": metadata,
            }
        )
    )


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
    beats = 1
    for size in folded[:-1]:
        beats *= int(size)
    return {
        "tensor": tensor,
        "shape": [int(size) for size in shape[1:]],
        "datatype": datatype.name,
        "lanes": int(lanes),
        "bits": int(bits),
        "tdata_bits": int(wide),
        "beats": beats,
    }


def _fold(node: NodeProto) -> dict[str, int]:
    kernel = op(node)
    known = kernel.get_nodeattr_types()
    return {name: kernel.number(name) for name in ("PE", "SIMD") if name in known}


def _require_replaceable(out: Path) -> None:
    """Refuse to replace a folder that holds something else than an accelerator."""
    if out.is_dir() and any(out.iterdir()) and not (out / manifest.FILE).exists():
        raise UserError(
            f"{out}: holds other files and no {manifest.FILE}; "
            "must be a new folder or one made by irnet-hw build"
        )
