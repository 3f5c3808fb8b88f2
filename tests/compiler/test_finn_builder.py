"""FINN's own builder with our ops and passes in it: every step that does not need Vivado.

That is: partition, specialise, fold, estimate, generate each node's hardware, and the Tcl that puts
the nodes into FINN's block design. Sizing FIFOs, stitching and synthesis need Vivado and have not
been run with our ops.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from qonnx.core.modelwrapper import ModelWrapper

import irnet_hw.kernels  # noqa: F401 (registers the ops)
from irnet_hw.artifact import manifest
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.pipeline import build
from irnet_hw.share import share
from tests.compiler.graphs import Conv, Dense, Network
from tests.lint import lint

NETWORK = Network(
    image=(6, 6, 2), layers=(Conv(4, bits=8), Conv(6, pool=2), Conv(4), Dense(8)), classes=3, seed=4
)
FPS = 200_000


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """The same network, built by us."""
    folder = tmp_path_factory.mktemp("ours")
    NETWORK.build().save(str(folder / "network.onnx"))
    build(folder / "network.onnx", "pynq-z2", folder / "build", float(FPS))
    return folder


@pytest.fixture(scope="module")
def theirs(ours, tmp_path_factory):
    """The output of FINN's builder, with our folds."""
    folder = tmp_path_factory.mktemp("theirs")
    config = ours / "build" / "folding_config.json"
    command = [sys.executable, "-m", "tests.compiler.finn_build"]
    run = subprocess.run(
        [*command, str(ours / "network.onnx"), str(folder), str(FPS), str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    return folder


@pytest.fixture(scope="module")
def graph(theirs):
    return ModelWrapper(str(theirs / "intermediate_models" / "step_hw_ipgen.onnx"))


def test_every_step_ran(theirs):
    times = json.loads((theirs / "report" / "time_per_step.json").read_text())
    assert [name for name in times if name.startswith("step_")] == [
        *("step_create_dataflow_partition", "step_specialize_layers"),
        *("step_target_fps_parallelization", "step_apply_folding_config"),
        *("step_minimize_bit_width", "step_generate_estimate_reports"),
        *("step_hw_codegen", "step_hw_ipgen"),
    ]


def test_all_nodes_are_ours(graph):
    assert all(node.op_type.endswith("_rtl") for node in graph.graph.node)
    assert all(type(op(node)).__module__.startswith("irnet_hw.") for node in graph.graph.node)


def test_its_estimates_are_our_models(ours, theirs):
    content = manifest.load(ours / "build")
    known = {layer.name: layer for layer in content.layers}
    cycles = json.loads((theirs / "report" / "estimate_layer_cycles.json").read_text())
    compute = [name for name in cycles if "MVAU" in name or "Window" in name]
    assert len(compute) >= 6
    assert {name: cycles[name] for name in compute} == {
        name: known[name].cycles for name in compute
    }
    area = json.loads((theirs / "report" / "estimate_layer_resources.json").read_text())
    for name in compute:
        assert area[name]["LUT"] == known[name].area.LUT, name


def test_its_block_design_refers_to_modules_of_verilog(graph, tmp_path):
    """UG994: the top of a module reference must not be SystemVerilog; modules below may be."""
    for node in graph.graph.node:
        *adds, create = op(node).code_generation_ipi()
        files = [Path(line.removeprefix("add_files -norecurse {").rstrip("}")) for line in adds]
        reference = create.split()[-2]
        assert create == f"create_bd_cell -type module -reference {reference} {node.name}"
        assert [file.stem for file in files if file.suffix == ".v"] == [reference]
        assert all(file.is_file() for file in files)
        sources = [str(file) for file in files if file.suffix != ".hex"]
        run = lint(reference, [share("rtl") / "lint.vlt", *sources], tmp_path)
        assert run.returncode == 0, run.stderr
