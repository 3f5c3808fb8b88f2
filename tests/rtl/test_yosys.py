"""Yosys maps every kernel to each family, and the area is close to that of the models."""

import functools

import pytest

from irnet_hw.synthesise.yosys import READ, cells_area, modules_cells
from tests.rtl.designs import (
    CHANNELWISE,
    DESIGNS,
    MATRIX,
    RESIDUAL,
    STREAMING,
    made_for,
    sources,
)
from tests.rtl.harness import PART
from tests.yosys import mapped

#: Designs per run of Yosys: enough that its start-up hardly counts, and few enough that each worker
#: of a test run gets runs of its own; workers share the results.
BATCH = 8
#: A part of each family, by Yosys' name for the family.
PARTS = {"xc7": PART, "xcup": "xczu7ev-ffvc1156-2-e"}


@pytest.fixture(scope="module", params=PARTS)
def family(request):
    """Return Yosys' name of a family."""
    return request.param


@pytest.fixture(scope="module")
def designs(family):
    """Return the kernels under test by name."""
    return made_for(PARTS[family])


@pytest.fixture(scope="module")
def cells(family, designs):
    """Return a function that returns a design's cells by type."""
    made = list(designs.values())
    batches = [made[start : start + BATCH] for start in range(0, len(made), BATCH)]

    @functools.cache
    def of_batch(batch):
        found = map_side_by_side(family, batches[batch])
        return [found[design.kernel.onnx_node.name] for design in batches[batch]]

    def of(name):
        batch, place = divmod(list(designs).index(name), BATCH)
        return of_batch(batch)[place]

    return of


def map_side_by_side(family, designs):
    """Return the cells of designs' modules by type, from this or an earlier equal run."""
    files, names = sources(designs)
    instances = []
    for design in designs:
        kernel = design.kernel
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
    script = (
        f"{READ} --keep-hierarchy --top side_by_side {' '.join(names)} "
        "side_by_side.sv\n"
        f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf -top side_by_side\n"
        "check -assert\n"
        "tee -q -o stat.json stat -json\n"
    )
    return modules_cells(mapped(files, script))


@pytest.mark.parametrize("name", DESIGNS)
def test_maps_to_cells_of_the_device(name, cells):
    cells_area(name, cells(name))  # raises for a cell that no accelerator may hold


@pytest.mark.parametrize("name", MATRIX)
def test_dsp_blocks_are_the_models(name, family, designs, cells):
    found = cells_area(name, cells(name))
    assert designs[name].kernel.dsp_estimation(PARTS[family]) == found["DSP"]


@pytest.mark.parametrize("name", [name for name in MATRIX if "tables" in name])
def test_tables_take_the_models_block_rams(name, family, designs, cells):
    found = cells_area(name, cells(name))
    assert designs[name].kernel.bram_estimation(PARTS[family]) == found["BRAM18"] > 0


#: The models of the matrix kernels hold for larger folds than most of these.
LARGE = (
    "binary tables of many rows",
    "binary constant weights",
    "pixel convolution, two rows in a DSP block",
)


@pytest.mark.parametrize("name", [*STREAMING, *CHANNELWISE, *RESIDUAL, *LARGE])
def test_area_is_about_the_models(name, family, designs, cells):
    part, kernel = PARTS[family], designs[name].kernel
    found = cells_area(name, cells(name))
    close = 0.2 if name in STREAMING or name in CHANNELWISE else 0.1
    assert kernel.lut_estimation(part) == pytest.approx(found["LUT"], rel=close, abs=12)
    assert kernel.ff_estimation(part) == pytest.approx(found["FF"], rel=close, abs=8)
    assert kernel.bram_estimation(part) == found["BRAM18"]
    assert kernel.dsp_estimation(part) == found["DSP"]
