"""Folds a graph of our kernels in which FINN's layers may stand."""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from finn.util.config import extract_model_config
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.boards import Board
from irnet_hw.compiler.folding import config
from irnet_hw.compiler.folding.fold import fold
from irnet_hw.compiler.folding.links import (
    DEPTH,
    InsertStreams,
    between,
    kernels,
    link_shape,
    links,
)
from irnet_hw.compiler.graph import add_tensor, op
from irnet_hw.errors import UserError
from irnet_hw.finn.layer import is_ours, stand_in

#: Frames per second that any fold reaches.
_ANY_RATE = 1e-6
#: Attributes of FINN's layers that a folding configuration holds, as FINN writes them.
_FINN_ATTRIBUTES = (
    "PE",
    "SIMD",
    "parallel_window",
    "ram_style",
    "ram_style_thresholds",
    "resType",
    "mem_mode",
    "runtime_writeable_weights",
    "depth_trigger_uram",
    "depth_trigger_bram",
)


def for_finn(model: ModelWrapper, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a folding configuration for FINN's layers.

    Args:
        model: the graph, specialised.
        content: of the file.
    """
    theirs = {node.name for node in model.graph.node if not is_ours(node)}
    kept = {name: value for name, value in content.items() if name in theirs}
    return {config.DEFAULTS: content.get(config.DEFAULTS, {}), **kept}


def fold_kernels(
    model: ModelWrapper,
    board: Board,
    target_fps: float | None,
    path: Path | None,
    content: Mapping[str, Any],
) -> str:
    """Set the folds of our kernels and the depths of the FIFOs behind them; insert converters.

    FINN's layers keep the attributes that they have. The converters are not yet specialised.

    Args:
        model: the graph, specialised, with FINN's layers folded.
        board: to fit.
        target_fps: frames per second to reach with the least area; None: what ``content`` does not
            fix is folded for the least area at any rate.
        path: the folding configuration, for messages.
        content: of that file.

    Returns:
        a folding configuration with the folds of all nodes.

    Raises:
        UserError: the rate can't be reached, or the file fixes what is not possible.
    """
    copy = _with_stand_ins(model, board.part)
    _require_pace_of_pixels(copy, board, target_fps or _ANY_RATE)
    pins = {}
    if path is not None:
        pins = config.pins(path, _for_ours(model, content), copy, board.part)
    folding = fold(copy, board, target_fps or _ANY_RATE, pins)
    folded = {node.name: node for node in kernels(copy)}
    ours = {node.name: node for node in model.graph.node if is_ours(node)}
    for name in folded.keys() & ours.keys():
        for key in config.keys(folded[name]):
            op(ours[name]).set_nodeattr(key, op(folded[name]).get_nodeattr(key))
    _set_depths(copy.transform(InsertStreams(folding.schedule, folding.fifo_styles)), ours)
    _fit_lanes(model, copy)
    written = json.loads(config.text(copy))
    theirs = extract_model_config(model, None, _FINN_ATTRIBUTES)
    written.update({name: value for name, value in theirs.items() if name in folded.keys() - ours})
    return json.dumps(written, indent=1) + "\n"


def _require_pace_of_pixels(model: ModelWrapper, board: Board, target_fps: float) -> None:
    """Raise a UserError if a dense layer that reads the image needs more than a pixel a cycle.

    FINN's input has whole pixels as beats, where `irnet-hw build` lets beats cross pixels.
    """
    for link in links(model):
        if link.source is not None or link.flatten is None:
            continue
        pixels = prod(link_shape(model, link)[0][:-1])
        most = board.clock_mhz * 1e6 / pixels
        if target_fps > most:
            raise UserError(
                f"target_fps: {target_fps:g}, must be at most {int(most)}: the first layer reads "
                f"{pixels} pixels, and in FINN's accelerators one a cycle; irnet-hw build takes "
                "several"
            )


def _with_stand_ins(model: ModelWrapper, part: str) -> ModelWrapper:
    """Return a copy of a graph with stand-ins for FINN's layers."""
    copy = ModelWrapper(model.model, make_deepcopy=True)
    for i, node in enumerate(model.graph.node):
        if not is_ours(node):
            copy.graph.node[i].CopyFrom(stand_in(model, node, part))
    return copy


def _for_ours(model: ModelWrapper, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a folding configuration that is not for FINN's layers alone."""
    theirs = [node for node in model.graph.node if not is_ours(node)]
    names, ops = {node.name for node in theirs}, {node.op_type for node in theirs}
    kept = {name: value for name, value in content.items() if name not in names}
    defaults = {}
    for key, entry in kept.pop(config.DEFAULTS, {}).items():
        if any(each == "all" or not ops.issuperset(each) for each in entry[1::2]):
            defaults[key] = entry
    return {**kept, config.DEFAULTS: defaults}


def _set_depths(streamed: ModelWrapper, ours: Mapping[str, NodeProto]) -> None:
    """Give our kernels the depths of the FIFOs behind them, for FINN's InsertFIFO.

    Args:
        streamed: the graph with our FIFOs.
        ours: the kernels of the graph that FINN builds.
    """
    for node in ours.values():
        op(node).set_nodeattr("outFIFODepths", [DEPTH] * len(node.output))
    for fifo in streamed.graph.node:
        source = streamed.find_producer(fifo.input[0])
        if op(fifo).queues and source.name in ours:
            kernel = op(ours[source.name])
            depths = list(kernel.numbers("outFIFODepths"))
            depths[list(source.output).index(fifo.input[0])] = op(fifo).number("depth")
            kernel.set_nodeattr("outFIFODepths", depths)


def _fit_lanes(model: ModelWrapper, copy: ModelWrapper) -> None:
    """Give flattenings the lanes of the nodes around them; insert converters where lanes differ.

    Our converters take any ratio of lanes in RTL, and the search has counted their area. FINN
    inserts its own only where lanes still differ.
    """
    nodes = {node.name: node for node in model.graph.node}
    for link in links(copy):
        sizes, datatype = link_shape(copy, link)
        before = None if link.source is None else int(op(link.source).lanes_out(link.outlet))
        if link.target is None:
            assert link.flatten is None, "an accelerator ends in a kernel"
            continue
        after = int(op(link.target).lanes_in(link.inlet))
        if link.flatten is not None:
            flatten = op(nodes[link.flatten.name])
            # At the accelerator's input, a beat is a pixel.
            flatten.set_nodeattr("inLanes", before or sizes[-1])
            flatten.set_nodeattr("outLanes", after)
        elif link.source is not None and before != after and not link.direct:
            *_, converter = between(link, sizes, datatype, (before, after))
            target = nodes[link.target.name]
            stream = link.source.output[link.outlet]
            converter.input.append(stream)
            converter.output.append(add_tensor(model, f"{stream}_lanes", sizes, datatype))
            target.input[list(target.input).index(stream)] = converter.output[0]
            model.graph.node.insert(list(model.graph.node).index(target), converter)
