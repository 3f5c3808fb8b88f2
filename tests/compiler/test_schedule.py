import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irnet_hw.boards import load_board
from irnet_hw.compiler.folding.fold import fold
from irnet_hw.compiler.folding.links import DEPTH, InsertStreams, depth
from irnet_hw.compiler.folding.schedule import schedule
from irnet_hw.compiler.graph import op
from tests.compiler import branches
from tests.compiler.hardware import Hardware, inception, resnet
from tests.simulate.branches import simulator, specialised

BOARD = load_board("zcu104")


def folded(model, fps: float):
    fold(model, BOARD, fps)
    return model.transform(InsertStreams())


def depths(model) -> dict[str, int]:
    """The depth of each FIFO, by the tensor that it buffers."""
    return {
        node.input[0]: op(node).number("depth")
        for node in model.graph.node
        if node.op_type == "StreamFIFO"
    }


@pytest.mark.simulation
@pytest.mark.parametrize("join", ["ResidualJoin", "AddStreams", "ConcatStreams"])
def test_simulation_confirms_the_depth_and_the_rate(join: str, tmp_path) -> None:
    """The FIFO parallel to the windows has the scheduled depth; then the rate is the model's."""
    graph = branches.graph(join=join)
    plan = schedule(graph)
    waiting = depth(plan.backlog["waiting"])
    assert waiting > DEPTH
    images = branches.images(8)
    streamed = simulator(specialised(branches.graph(depth=waiting, join=join)), tmp_path).stream(
        images, 0, "streaming"
    )
    ends = streamed.ends[-1]
    assert set(np.diff(ends[2:])) == {plan.pace}


def test_a_chain_of_single_beats_by_hand() -> None:
    """A 1x1 layer with one lane on 2 pixels, 2 channels in and out: 4 cycles per pixel."""
    hardware = Hardware((1, 2, 2))
    hardware.convolution("layer", 2, kernel=1)
    hardware.dyadic("Requantise", "requantise", ["layer_out"])
    model = hardware.end(1)
    plan = schedule(model)
    layer, requantise, *_ = plan.passages.values()
    # 4 beats in 8 cycles; a vector is complete with its second beat. The unit reads it in the
    # next cycle, has the sum of one lane 4 cycles later, and that of the second pass 2 cycles after
    # that.
    assert plan.pace == 8
    assert (layer.first_in, layer.first_out, layer.last_out) == (0, 2 + 1 + 4, 6 + 1 + 2 + 4)
    assert layer.busy == 8
    # A DSP block has three stages; saturation takes one more cycle.
    assert (requantise.first_in, requantise.first_out) == (layer.first_out, layer.first_out + 4)
    assert plan.latency == max(passage.last_out for passage in plan.passages.values()) + 1


def test_the_bypass_holds_what_the_windows_wait_for() -> None:
    model = folded(resnet((8, 8, 3), (8,)), 5000.0)
    lanes = op(_node(model, "StreamFork_rtl_0")).lanes_out(1)
    held = schedule(model).backlog["unit0_0_skip_StreamFIFO"] * lanes
    # The first window is complete with the second row's second pixel: 10 pixels of 8 channels.
    assert 10 * 8 <= held <= 14 * 8
    assert depths(model)["unit0_0_skip"] * lanes > held - lanes  # one is in the output register
    assert depths(model)["unit0_0_conv0_out"] == DEPTH


@pytest.mark.parametrize("fps", [500.0, 20_000.0, 90_000.0])
def test_a_concatenation_of_branches_runs_at_the_pace_of_its_slowest_kernel(fps: float) -> None:
    model = folded(inception((6, 7, 3), width=4, channels=6), fps)
    plan = schedule(model)
    assert plan.pace == max(op(node).get_exp_cycles() for node in model.graph.node)
    lanes = op(_node(model, "StreamFork_rtl_0")).lanes_out(2)
    # The first 3x3 window needs the second row's second pixel: 9 pixels of 7 columns.
    assert depths(model)["block_skip"] * lanes >= 8 * 4
    for node in model.graph.node:
        if node.op_type == "StreamFIFO":
            assert plan.backlog[node.output[0]] <= op(node).number("depth")


@pytest.mark.slow
@settings(max_examples=8)
@given(
    fps=st.sampled_from([500.0, 20_000.0, 90_000.0]),
    shortcut=st.sampled_from(["pad", "conv"]),
    convs=st.integers(1, 2),
    height=st.integers(5, 9),
    width=st.integers(5, 9),
)
def test_a_schedule_repeats_itself_and_keeps_the_order(
    fps: float, shortcut: str, convs: int, height: int, width: int
) -> None:
    """Whatever the folds, no kernel is slower than it states."""
    model = folded(resnet((height, width, 3), (4, 8), 1, shortcut, convs), fps)
    plan = schedule(model)
    assert plan.pace == max(op(node).get_exp_cycles() for node in model.graph.node)
    for node, passage in zip(model.graph.node, plan.passages.values(), strict=True):
        assert passage.first_out <= passage.last_out
        assert passage.first_in <= passage.last_out
        if node.op_type == "StreamFIFO":
            assert plan.backlog[node.output[0]] <= op(node).number("depth")


def _node(model, name: str):
    (node,) = (node for node in model.graph.node if node.name == name)
    return node


@pytest.mark.parametrize("shortcut", ["pad", "conv"])
def test_a_stage_with_a_stride_needs_no_more_than_two_rows(shortcut: str) -> None:
    model = folded(resnet((8, 8, 3), (8, 16), 1, shortcut), 5000.0)
    held = depths(model)
    lanes = {node.output[0]: op(node).lanes_out() for node in model.graph.node}
    skip = "unit1_0_subsample_out" if shortcut == "pad" else "unit1_0_requantise_out"
    assert 0 < held[skip] * lanes[skip] <= 2 * 4 * 16
