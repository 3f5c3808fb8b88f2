"""Our steps one by one: what they refuse, and graphs that the builds of test_builder.py lack."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from finn.transformation.qonnx.give_unique_node_names_recursive import GiveUniqueNodeNamesRecursive
from finn.util.exception import FINNUserError
from onnx import helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from irnet_hw import spec
from irnet_hw.artifact import ending
from irnet_hw.compiler.graph import FINN_DOMAIN, op
from irnet_hw.errors import UserError
from irnet_hw.finn import step_irnet_folding, step_irnet_network, step_irnet_streams, steps
from tests.compiler.graphs import Conv, Network
from tests.compiler.residual_graphs import Residual
from tests.finn.networks import few_bits
from tests.finn.python import check_exact
from tests.finn.theirs import step_their_layers, step_their_thresholds

PARTS = {"Pynq-Z2": "xc7z020clg400-1", "ZCU102": "xczu9eg-ffvb1156-2-e"}


@pytest.fixture
def cfg(tmp_path):
    """What our steps read of FINN's configuration, which only FINN's builder can make."""
    found = SimpleNamespace(
        output_dir=str(tmp_path),
        board="Pynq-Z2",
        synth_clk_period_ns=10.0,
        target_fps=100_000,
        folding_config_file=None,
        mvau_wwidth_max=36,
        get_report_directory=lambda: tmp_path,
    )
    found._resolve_fpga_part = lambda: PARTS.get(found.board, "xc7a35t")
    found._resolve_cycles_per_frame = lambda: (
        None
        if found.target_fps is None
        else int(1e9 / found.synth_clk_period_ns / found.target_fps)
    )
    return found


def specialised(cfg, network=None, theirs=()):
    """A network's graph as step_irnet_folding gets it."""
    model = step_irnet_network(few_bits() if network is None else network, cfg)
    for step in theirs:
        model = step(model, cfg)
    model = model.transform(SpecializeLayers(cfg._resolve_fpga_part()))
    return model.transform(GiveUniqueNodeNamesRecursive())


def fix(cfg, folds):
    path = Path(cfg.output_dir) / "folds.json"
    path.write_text(json.dumps(folds))
    cfg.folding_config_file = path


def slowest(model):
    return max(getCustomOp(node).get_exp_cycles() for node in model.graph.node)


def test_the_steps_are_ours_and_then_finn_s():
    names = [each if isinstance(each, str) else each.__name__ for each in steps("1/255")]
    assert names[:6] == [
        *("step_irnet_network", "step_create_dataflow_partition", "step_specialize_layers"),
        *("step_irnet_folding", "step_minimize_bit_width", "step_irnet_streams"),
    ]
    assert names[-1] == "step_deployment_package"
    with pytest.raises(UserError, match="input_scale: bright, must be a number"):
        steps("bright")


def test_pixels_are_scaled(cfg, capsys):
    network = Network(zero=0, layers=(Conv(4, bits=8),)).build()
    steps("1/2")[0](network, cfg)
    text = capsys.readouterr()
    assert "reads values from 0 to 0.996094" in text.out  # of 255 / 2 / 128
    assert text.err == ""


def test_a_file_that_finn_can_t_read_is_readable_once_it_is_saved_again(cfg, tmp_path):
    """Exporters list constants among the inputs, and describe them twice."""
    network, path = few_bits(), tmp_path / "network.onnx"
    for constant in network.graph.initializer:
        shape = list(constant.dims)
        network.graph.input.append(helper.make_tensor_value_info(constant.name, 1, shape))
    network.save(str(path))
    with pytest.raises(AssertionError, match="Multiple ValueInfoProto found"):
        ModelWrapper(str(path))
    spec.load(path).save(str(tmp_path / "readable.onnx"))
    model = step_irnet_network(ModelWrapper(str(tmp_path / "readable.onnx")), cfg)
    check_exact(model, tmp_path, (6, 6, 2))


def test_what_can_t_be_built_is_named_and_nothing_is_written(cfg, tmp_path):
    network = few_bits()
    (node,) = (node for node in network.graph.node if node.name == "conv0_relu")
    node.op_type = "Sin"
    with pytest.raises(FINNUserError, match=r"conv0_relu \(Sin\)"):
        step_irnet_network(network, cfg)
    assert list(tmp_path.iterdir()) == []


def test_the_tail_is_read_back_and_checked(cfg, tmp_path):
    step_irnet_network(few_bits(), cfg)
    path = tmp_path / "tail.json"
    found = ending.load(path)
    assert found.output.shape == (5,)
    assert [step.op for step in found.tail.steps] == ["Mul", "Add"]
    content = json.loads(path.read_text())
    content["output"]["shape"] = [4]
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"tail.json: tail.entry = \[1, 5\], must have .* 4 values"):
        ending.load(path)


def test_a_scale_that_is_a_power_of_two_moves_nothing(cfg, capsys):
    network = Network(layers=(Conv(4, bits=8), Conv(4))).build()
    step_irnet_network(network, cfg)
    assert "depends on the order" not in capsys.readouterr().out


@pytest.mark.parametrize("theirs", [(), (step_their_layers, step_their_thresholds)])
def test_the_rate_is_reached_with_little_to_spare(cfg, theirs):
    model = step_irnet_folding(specialised(cfg, theirs=theirs), cfg)
    assert 500 < slowest(model) <= 1000


def test_a_rate_that_finn_s_layer_can_t_reach_is_refused(cfg):
    cfg.target_fps = 5_000_000
    fix(cfg, {"IntMVAU_rtl_0": {}})
    model = specialised(cfg, theirs=[step_their_layers])
    with pytest.raises(FINNUserError, match="target-fps: 5e\\+06 leaves 20 cycles"):
        step_irnet_folding(model, cfg)
    cfg.target_fps = 50_000
    fix(cfg, {"MVAU_rtl_0": {"PE": 1, "SIMD": 1}})
    says = r"layer MVAU_rtl_0 \(FINN's MVAU_rtl\) takes at least 7776; must be at most 12860"
    with pytest.raises(FINNUserError, match=says):
        step_irnet_folding(model, cfg)


def test_without_a_rate_the_file_s_folds_are_kept_and_the_rest_is_small(cfg):
    cfg.target_fps = None
    fix(cfg, {"IntMVAU_rtl_0": {"PE": 4}, "MVAU_rtl_0": {"SIMD": 9}})
    model = step_irnet_folding(specialised(cfg, theirs=[step_their_layers]), cfg)
    nodes = {node.name: getCustomOp(node) for node in model.graph.node}
    assert nodes["IntMVAU_rtl_0"].get_nodeattr("PE") == 4
    assert nodes["MVAU_rtl_0"].get_nodeattr("SIMD") == 9
    assert nodes["MVAU_rtl_0"].get_nodeattr("PE") == nodes["MVAU_rtl_1"].get_nodeattr("PE") == 1
    assert nodes["Thresholds_rtl_0"].get_nodeattr("PE") == 1


def test_what_a_build_wrote_repeats_it(cfg, tmp_path):
    theirs = [step_their_layers, step_their_thresholds]
    first = step_irnet_folding(specialised(cfg, theirs=theirs), cfg)
    written = (tmp_path / "auto_folding_config.json").read_text()
    cfg.target_fps, cfg.folding_config_file = None, tmp_path / "auto_folding_config.json"
    second = step_irnet_folding(specialised(cfg, theirs=theirs), cfg)
    assert (tmp_path / "auto_folding_config.json").read_text() == written
    assert [node.name for node in first.graph.node] == [node.name for node in second.graph.node]


@pytest.mark.parametrize(
    ("folds", "says"),
    [
        ({"MVAU_rtl_7": {"PE": 1}}, "MVAU_rtl_7 is unknown, must be one of SlidingWindow_rtl_0, "),
        ({"MVAU_rtl_0": {"lanes": 1}}, "Op has no such attribute: lanes"),
        ({"IntMVAU_rtl_0": {"PE": 3}}, "IntMVAU_rtl_0: PE = 3, must be one of 1, 2, 4"),
        (
            {"SlidingWindow_rtl_1": {"parallel_window": 1, "SIMD": 2}},
            r"SlidingWindow_rtl_1 \(parallel_window = 1, SIMD = 2\) feeds MVAU_rtl_0 "
            r"\(FINN's MVAU_rtl\); must have parallel_window = 0 or SIMD = 4",
        ),
        ({"Defaults": {"PE": 2}}, "Defaults.PE = 2, must be"),
    ],
)
def test_a_wrong_folding_configuration_is_refused(cfg, folds, says):
    fix(cfg, folds)
    with pytest.raises(FINNUserError, match=says):
        step_irnet_folding(specialised(cfg, theirs=[step_their_layers]), cfg)


def test_windows_reach_finn_s_layers_in_their_order(cfg, tmp_path):
    """If all taps are in a beat, this is so only if the beat has all channels, too."""
    fix(cfg, {"SlidingWindow_rtl_1": {"parallel_window": 1}})
    model = step_irnet_folding(specialised(cfg, theirs=[step_their_layers]), cfg)
    (window,) = (node for node in model.graph.node if node.name == "SlidingWindow_rtl_1")
    assert op(window).get_nodeattr("SIMD") == 4
    check_exact(model, tmp_path, (6, 6, 2))


def test_lanes_are_equal_at_both_ends(cfg):
    """So that FINN inserts no converters, whose RTL takes only whole ratios."""
    network = Residual(image=(6, 6, 3)).build()
    for model in (specialised(cfg, network), specialised(cfg, theirs=[step_their_thresholds])):
        folded = step_irnet_folding(model, cfg)
        for node in folded.graph.node:
            for i, stream in enumerate(node.output):
                reader = folded.find_consumer(stream)
                if reader is not None:
                    sent = getCustomOp(node).get_folded_output_shape(i)
                    at = list(reader.input).index(stream)
                    assert sent[-1] == getCustomOp(reader).get_folded_input_shape(at)[-1]


def test_a_layer_of_finn_may_stand_in_a_branch(cfg):
    """Here it takes the place of a kernel in front of a join, and need not compute the same."""

    def replace(model):
        (first, *_) = (node for node in model.graph.node if node.op_type == "BinaryMVAU")
        kernel = op(first)
        keys = ("MW", "MH", "numInputVectors", "inputDataType", "outputDataType")
        theirs = helper.make_node(
            "MVAU",
            first.input[:2],
            first.output,
            domain=FINN_DOMAIN,
            backend="fpgadataflow",
            PE=1,
            SIMD=1,
            weightDataType="BIPOLAR",
            noActivation=1,
            **{key: kernel.get_nodeattr(key) for key in keys},
        )
        first.CopyFrom(theirs)
        return model

    network = Residual(image=(6, 6, 3)).build()
    model = specialised(cfg, network, [lambda model, _: replace(model)])
    folded = step_irnet_folding(model, cfg)
    assert [node.op_type for node in folded.graph.node].count("MVAU_hls") == 1
    assert slowest(folded) <= 1000


def test_boards_that_only_finn_knows_are_folded_for(cfg):
    cfg.board = "ZCU102"
    model = step_irnet_folding(specialised(cfg), cfg)
    assert slowest(model) <= 1000
    cfg.board = None
    with pytest.raises(FINNUserError, match="board: None, whose resources are unknown; must be"):
        step_irnet_folding(specialised(cfg), cfg)


@pytest.mark.parametrize(
    ("theirs", "ours", "says"),
    [
        ("MVAU_rtl_0", "Thresholds_rtl_1", r"INT\d+ go into INT30; .* Thresholds_rtl_1 the type"),
        ("Thresholding_rtl_0", "SlidingWindow_rtl_1", "UINT3 go into UINT2"),
    ],
)
def test_streams_whose_ends_differ_in_type_are_refused(cfg, theirs, ours, says):
    step = step_their_layers if theirs.startswith("MVAU") else step_their_thresholds
    model = specialised(cfg, theirs=[step])
    assert step_irnet_streams(model, cfg) is model
    changed = ModelWrapper(model.model, make_deepcopy=True)
    nodes = {node.name: getCustomOp(node) for node in changed.graph.node}
    if "30" in says:
        nodes[ours].set_nodeattr("inputDataType", DataType["INT30"].name)
    else:
        nodes[theirs].set_nodeattr("outputDataType", DataType["UINT3"].name)
    with pytest.raises(FINNUserError, match=f"{theirs} and {ours}: elements of type {says}"):
        step_irnet_streams(changed, cfg)
