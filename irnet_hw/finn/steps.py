"""The steps for FINN's builder: functions of a model and FINN's configuration of the build."""

import contextlib
import sys
from collections.abc import Callable
from fractions import Fraction
from functools import wraps
from pathlib import Path

from finn.builder.build_dataflow_config import DataflowBuildConfig, default_build_dataflow_steps
from finn.transformation.fpgadataflow.set_folding import SetFolding
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from finn.transformation.general import ApplyConfig
from finn.transformation.qonnx.give_unique_node_names_recursive import GiveUniqueNodeNamesRecursive
from finn.util.exception import FINNUserError
from finn.util.platforms import platforms
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

import irnet_hw.kernels  # noqa: F401 (registers the ops)
from irnet_hw import onnx_file, spec
from irnet_hw.artifact import ending
from irnet_hw.artifact.ending import Ending, Exit
from irnet_hw.boards import Board, known_boards, load_board
from irnet_hw.compiler import front
from irnet_hw.compiler.folding import config as folding_file
from irnet_hw.compiler.graph import op, shape
from irnet_hw.compiler.passes.emit import output
from irnet_hw.errors import UserError
from irnet_hw.finn.folding import fold_kernels, for_finn
from irnet_hw.finn.layer import is_ours, streams_in
from irnet_hw.progress import say

Step = Callable[[ModelWrapper, DataflowBuildConfig], ModelWrapper]

#: What a build writes into its folder.
SPECIFICATION, TAIL = "specification.onnx", "tail.json"


def _step(function: Step) -> Step:
    """Make FINN report our errors as the user's, and log our lines as any other output."""

    @wraps(function)
    def run(model: ModelWrapper, cfg: DataflowBuildConfig) -> ModelWrapper:
        try:
            with contextlib.redirect_stderr(sys.stdout):  # FINN logs stderr as errors
                return function(model, cfg)
        except UserError as error:
            raise FINNUserError(str(error)) from error

    return run


@_step
def step_irnet_network(model: ModelWrapper, cfg: DataflowBuildConfig) -> ModelWrapper:
    """Turn a QONNX network into a graph of our kernels.

    The build's folder gets specification.onnx, which is what the kernels compute, bit for bit, and
    tail.json, the nodes that follow them in the file.
    """
    return _network(model, cfg, None)


@_step
def step_irnet_folding(model: ModelWrapper, cfg: DataflowBuildConfig) -> ModelWrapper:
    """Fold the graph after step_specialize_layers, for cfg.target_fps.

    Attributes of cfg.folding_config_file are kept. FINN folds its own layers as always, and our
    kernels get the least area that reaches the rate. All folds are in report/
    auto_folding_config.json, which a later build can take as its folding_config_file.
    """
    model = model.transform(GiveUniqueNodeNamesRecursive())
    path = None if cfg.folding_config_file is None else Path(cfg.folding_config_file)
    content = {} if path is None else folding_file.read(path)
    cycles = cfg._resolve_cycles_per_frame()
    theirs = [node for node in model.graph.node if not is_ours(node)]
    if theirs and cycles is not None:
        # A second pass would slow them down to the slowest kernel, and ours are not folded yet.
        model = model.transform(SetFolding(cycles, cfg.mvau_wwidth_max, two_pass_relaxation=False))
    if theirs and path is not None:
        fixed = for_finn(model, content)
        try:
            model = model.transform(ApplyConfig(fixed, node_filter=lambda node: not is_ours(node)))
        except AttributeError as error:
            raise UserError(f"{path}: {error}") from error
    folds = fold_kernels(model, _board(cfg), cfg.target_fps, path, content)
    (cfg.get_report_directory() / "auto_folding_config.json").write_text(folds)
    model = model.transform(SpecializeLayers(cfg._resolve_fpga_part()))
    return model.transform(GiveUniqueNodeNamesRecursive())


@_step
def step_irnet_streams(model: ModelWrapper, cfg: DataflowBuildConfig) -> ModelWrapper:  # noqa: ARG001
    """Refuse a graph in which FINN's layers and our kernels differ in a stream's type.

    FINN's layers take over the types of what they read, and step_minimize_bit_width makes what they
    write narrower. Our kernels have the types that they were made with.
    """
    for after in model.graph.node:
        ours = is_ours(after)
        inputs = range(op(after).streams_in()) if ours else streams_in(model, after)
        for i in inputs:
            before = model.find_producer(after.input[i])
            if before is None or is_ours(before) == ours:
                continue
            port = list(before.output).index(after.input[i])
            sent = getCustomOp(before).get_output_datatype(port).name
            taken = getCustomOp(after).get_input_datatype(i).name
            if sent != taken:
                raise UserError(
                    f"{before.name} and {after.name}: elements of type {sent} go into {taken}; "
                    f"must be equal: give {(after if ours else before).name} the type "
                    f"{sent if ours else taken} where you put FINN's layer into the graph"
                )
    return model


def steps(input_scale: str | None = None) -> list[Step | str]:
    """Return the steps of a build: ours, and from there on FINN's default steps.

    Args:
        input_scale: pixels are multiplied by this, such as "1/255", before they reach the file's
            input; None: as the file's metadata says, or not at all.

    Raises:
        UserError: ``input_scale`` is not a positive number.
    """
    network = step_irnet_network
    if input_scale is not None:
        network = _scaled(front.input_scale(input_scale, "input_scale"))
    minimize = "step_minimize_bit_width"
    rest = default_build_dataflow_steps[default_build_dataflow_steps.index(minimize) + 1 :]
    return [
        network,
        "step_create_dataflow_partition",
        "step_specialize_layers",
        step_irnet_folding,
        minimize,
        step_irnet_streams,
        *rest,
    ]


def _scaled(scale: Fraction) -> Step:
    """Return step_irnet_network for a scale of the pixels."""

    @_step
    @wraps(step_irnet_network)
    def run(model: ModelWrapper, cfg: DataflowBuildConfig) -> ModelWrapper:
        return _network(model, cfg, scale)

    return run


def _network(model: ModelWrapper, cfg: DataflowBuildConfig, scale: Fraction | None) -> ModelWrapper:
    onnx_file.check(model.model)
    spec.metadata(model)
    network = front.network_of(model, scale, say)
    front.say_first_layer(network)
    front.say_what_moved(network)
    folder, graph = Path(cfg.output_dir), network.graph
    said = output(graph)
    frame = shape(graph, graph.graph.output[0].name)[1:]
    network.specification.save(str(folder / SPECIFICATION))
    ending.write(Ending(Exit(frame, said.scale), network.tail), folder / TAIL)
    say(f"  {folder / SPECIFICATION}: what the hardware and its tail compute, bit for bit")
    ops = ", ".join(step.op for step in network.tail.steps) or "nothing"
    say(f"  {folder / TAIL}: what is left to software: the scale {said.scale:g}, and {ops}")
    return graph


def _board(cfg: DataflowBuildConfig) -> Board:
    """Return the board of a build, at its clock: ours for its part, or else as FINN knows it.

    Raises:
        UserError: nobody knows its resources.
    """
    part, clock = cfg._resolve_fpga_part(), 1000 / cfg.synth_clk_period_ns
    for name in known_boards():
        if load_board(name).part == part:
            return load_board(name, clock)
    if cfg.board not in platforms:
        raise UserError(
            f"board: {cfg.board}, whose resources are unknown; must be one of "
            f"{', '.join(sorted(platforms))}"
        )
    names = ("LUT", "FF", "BRAM18", "URAM", "DSP")
    regions = platforms[cfg.board]().compute_resources
    resources = dict(zip(names, map(sum, zip(*regions, strict=True)), strict=True))
    return Board(
        name=cfg.board,
        title=cfg.board,
        part=part,
        family="",
        clock_mhz=clock,
        vivado_board="",
        address_bits=0,
        register_base=0,
        resources=resources,
        reserve={},
    )
