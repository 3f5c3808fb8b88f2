"""FINN's own builder with our steps in it: every step that does not need Vivado.

That is: partition, specialise, fold, estimate, generate each node's hardware, insert FIFOs, and the
Tcl that puts the nodes into FINN's block design. Sizing FIFOs by simulation, stitching and
synthesis need Vivado and have not been run with our ops.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

import irnet_hw.kernels  # noqa: F401 (registers the ops)
from irnet_hw.artifact import manifest
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.pipeline import build
from irnet_hw.share import share
from tests.compiler.graphs import Conv, Dense, Network
from tests.compiler.residual_graphs import Residual
from tests.finn.networks import few_bits
from tests.finn.python import check_exact, is_ours
from tests.lint import lint

NETWORK = Network(
    image=(6, 6, 2), layers=(Conv(4, bits=8), Conv(6, pool=2), Conv(4), Dense(8)), classes=3, seed=4
)
FPS = 200_000


def finn(network, folder, **settings):
    """Run FINN's builder; return what it printed."""
    command = [sys.executable, "-m", "tests.finn.build", network, folder, json.dumps(settings)]
    # Under pytest, FINN raises exceptions instead of reporting them.
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}
    run = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, env=environment
    )
    return run.returncode, run.stdout + run.stderr


def fifo_depths(model, kind):
    """The depth of each FIFO, by the node in front of it and its output."""
    found = {}
    for node in model.get_nodes_by_op_type(kind):
        source = model.find_producer(node.input[0])
        if source is not None:
            port = list(source.output).index(node.input[0])
            found[source.name, port] = getCustomOp(node).get_nodeattr("depth")
    return found


class Built:
    """What a build left in its folder."""

    def __init__(self, folder):
        self.folder = folder
        self.graph = ModelWrapper(str(folder / "intermediate_models/step_generate_hardware.onnx"))

    def report(self, name):
        return json.loads((self.folder / "report" / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A network, built by us."""
    folder = tmp_path_factory.mktemp("ours")
    NETWORK.build().save(str(folder / "network.onnx"))
    build(folder / "network.onnx", "pynq-z2", folder / "build", float(FPS))
    return folder


@pytest.fixture(scope="module")
def theirs(ours, tmp_path_factory):
    """The same network, built by FINN."""
    folder = tmp_path_factory.mktemp("theirs")
    code, text = finn(ours / "network.onnx", folder, target_fps=FPS)
    assert code == 0, text[-4000:]
    return Built(folder)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A network in which FINN's layers stand among our kernels, and what the build printed."""
    folder = tmp_path_factory.mktemp("mixed")
    few_bits().save(str(folder / "network.onnx"))
    (folder / "folds.json").write_text(
        json.dumps(
            {
                "Defaults": {"ram_style": ["block", ["MVAU_rtl"]]},
                "Thresholding_rtl_1": {"PE": 6},
                "IntMVAU_rtl_0": {"PE": 2},
            }
        )
    )
    code, text = finn(
        folder / "network.onnx",
        folder,
        target_fps=100_000,
        folding_config_file=str(folder / "folds.json"),
        theirs=["thresholds", "layers"],
    )
    assert code == 0, text[-4000:]
    return Built(folder), text


def test_every_step_ran(theirs):
    names = [name for name in theirs.report("time_per_step") if name.startswith("step_")]
    assert names == [
        *("step_irnet_network", "step_create_dataflow_partition", "step_specialize_layers"),
        *("step_irnet_folding", "step_minimize_bit_width", "step_irnet_streams"),
        *("step_transpose_decomposition", "step_generate_estimate_reports"),
        *("step_assign_ddr_weight_offsets", "step_generate_hardware"),
    ]


def test_its_nodes_are_ours_and_fifos(theirs):
    others = {node.op_type for node in theirs.graph.graph.node if not is_ours(node)}
    assert others == {"StreamingFIFO_rtl"}


def test_its_folds_are_those_of_our_build(ours, theirs):
    folds = json.loads((ours / "build" / "folding_config.json").read_text())
    assert theirs.report("auto_folding_config") == folds
    for name, attributes in folds.items():
        if name != "Defaults":
            (node,) = (node for node in theirs.graph.graph.node if node.name == name)
            assert {key: op(node).get_nodeattr(key) for key in attributes} == attributes


def test_its_estimates_are_our_models(ours, theirs):
    content = manifest.load(ours / "build")
    known = {layer.name: layer for layer in content.layers}
    cycles = theirs.report("estimate_layer_cycles")
    compute = [name for name in cycles if "MVAU" in name or "Window" in name]
    assert len(compute) >= 6
    assert {name: cycles[name] for name in compute} == {
        name: known[name].cycles for name in compute
    }
    area = theirs.report("estimate_layer_resources")
    for name in compute:
        assert area[name]["LUT"] == known[name].area.LUT, name
    assert theirs.report("estimate_network_performance")["estimated_throughput_fps"] >= FPS


def test_its_graph_is_exact(theirs):
    check_exact(theirs.graph, theirs.folder, NETWORK.image)


def test_its_block_design_refers_to_modules_of_verilog(theirs, tmp_path):
    """UG994: the top of a module reference must not be SystemVerilog; modules below may be."""
    for node in filter(is_ours, theirs.graph.graph.node):
        *adds, create = op(node).code_generation_ipi()
        files = [Path(line.removeprefix("add_files -norecurse {").rstrip("}")) for line in adds]
        reference = create.split()[-2]
        assert create == f"create_bd_cell -type module -reference {reference} {node.name}"
        assert [file.stem for file in files if file.suffix == ".v"] == [reference]
        assert all(file.is_file() for file in files)
        sources = [str(file) for file in files if file.suffix != ".hex"]
        run = lint(reference, [share("rtl") / "lint.vlt", *sources], tmp_path)
        assert run.returncode == 0, run.stderr


def test_layers_of_finn_stand_among_kernels(mixed):
    built, _ = mixed
    names = [node.name for node in built.graph.graph.node]
    assert [name for name in names if not name.startswith(("StreamingFIFO", "WidthConverter"))] == [
        *("SlidingWindow_rtl_0", "IntMVAU_rtl_0", "Thresholding_rtl_0"),
        *("SlidingWindow_rtl_1", "MVAU_rtl_0", "Thresholding_rtl_1", "MVAU_rtl_1"),
    ]
    for node in built.graph.graph.node:
        assert any(Path(getCustomOp(node).get_nodeattr("code_gen_dir_ipgen")).iterdir())


def test_both_keep_what_the_folding_configuration_fixes_and_reach_the_rate(mixed):
    built, _ = mixed
    folds = built.report("auto_folding_config")
    assert folds["Thresholding_rtl_1"]["PE"] == 6
    assert folds["IntMVAU_rtl_0"]["PE"] == 2
    assert folds["MVAU_rtl_0"]["ram_style"] == "block"
    rate = built.report("estimate_network_performance")["estimated_throughput_fps"]
    assert 100_000 <= rate < 200_000


def test_a_graph_with_layers_of_finn_is_exact(mixed):
    """Its network has biases, ternary weights behind zero padding, and a float32 tail."""
    built, _ = mixed
    check_exact(built.graph, built.folder, (6, 6, 2))


def test_the_fifos_of_branches_are_as_deep_as_in_our_build(tmp_path):
    """So that a residual network needs no simulation to size them."""
    network = Residual(image=(6, 6, 3))
    network.build().save(str(tmp_path / "network.onnx"))
    build(tmp_path / "network.onnx", "pynq-z2", tmp_path / "build", 20_000.0)
    (tmp_path / "finn").mkdir()
    code, text = finn(tmp_path / "network.onnx", tmp_path / "finn", target_fps=20_000)
    assert code == 0, text[-4000:]
    theirs = Built(tmp_path / "finn")
    ours = ModelWrapper(str(tmp_path / "build" / "dataflow.onnx"))
    right = fifo_depths(ours, "StreamFIFO_rtl")
    found = fifo_depths(theirs.graph, "StreamingFIFO_rtl")
    assert max(right.values()) > 16
    assert {source: found[source] for source in right} == right
    check_exact(theirs.graph, theirs.folder, (6, 6, 3))


def test_a_dense_layer_takes_one_pixel_a_cycle(tmp_path):
    """`irnet-hw build` has beats that cross pixels, FINN has not."""
    Network(image=(6, 6, 2), layers=(Dense(8),)).build().save(str(tmp_path / "network.onnx"))
    (tmp_path / "finn").mkdir()
    code, text = finn(tmp_path / "network.onnx", tmp_path / "finn", target_fps=3_000_000)
    assert code != 0
    assert (
        "target_fps: 3e+06, must be at most 2777777: the first layer reads 36 pixels, and in "
        "FINN's accelerators one a cycle; irnet-hw build takes several"
    ) in " ".join(text.split()), text[-4000:]


def test_it_says_what_the_specification_moved_and_what_is_left(mixed):
    built, text = mixed
    assert "the weights' scale 0.1 behind conv1" in text
    assert "specification.onnx: what the hardware and its tail compute" in text
    assert "tail.json: what is left to software: the scale 0.00195312, and Mul, Add" in text
    log = (built.folder / "build_dataflow.log").read_text()
    assert "INFO:    the weights' scale 0.1 behind conv1" in log


def test_streams_have_one_type_at_both_ends(mixed):
    built, _ = mixed
    for node in built.graph.graph.node:
        reader = built.graph.find_consumer(node.output[0])
        if reader is not None:
            sent, taken = getCustomOp(node), getCustomOp(reader)
            assert sent.get_output_datatype(0) == taken.get_input_datatype(0)
            assert sent.get_outstream_width(0) == taken.get_instream_width(0)
