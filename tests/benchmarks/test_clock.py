"""The table of clocks, without the tool: from a short output in its form, written for this test."""

import shutil

import pytest
from rich.console import Console

from benchmarks.clock import ends, run, signal, surrounded, table
from irnet_hw.bitstream.nextpnr import CriticalPath, Step, critical_path
from irnet_hw.errors import UserError
from irnet_hw.share import share
from irnet_hw.synthesise.yosys import READ
from irnet_hw.verilog.layer import MODULE
from irnet_hw.verilog.writer import Port
from tests.yosys import run_yosys

SAID = """\
"nextpnr-xilinx" -- Next Generation Place and Route (Version 0.8.2-25-ge22bcf69)
Info: Device utilisation:
Info: 	          SLICE_LUTX:    12/106400     0%
Info: 	           SLICE_FFX:     7/106400     0%
Info: 	            RAMB18E1:     1/  280     0%
Info: 	            RAMB36E1:     2/  140     1%
Info: 	             DSP48E1:     3/  220     1%
Info: Critical path report for clock 'clk' (posedge -> posedge):
Info: curr total
Info:  0.5  0.5  Source kernel.word_FDRE_Q.Q
Info:  9.0  9.5    Net kernel.old[0] budget 4.5 ns (1,2) -> (3,4)
Info:                Sink kernel.sum_LUT6_O.A1
Info:  0.1  9.6  Setup kernel.sum_FDRE_Q.D
Info: 0.6 ns logic, 9.0 ns routing
Info: Max frequency for clock 'clk': 104.17 MHz (FAIL at 200.00 MHz)
Info: Critical path report for clock 'clk' (posedge -> posedge):
Info: curr total
Info:  0.5  0.5  Source kernel.word_FDRE_Q.Q
Info:  1.2  1.7    Net kernel.accumulate.word[3] budget 2.0 ns (1,2) -> (3,4)
Info:                Sink kernel.sum_LUT6_O.A1
Info:  0.1  1.8  Source kernel.sum_LUT6_O.O6
Info:  3.0  4.8    Net kernel.sum_LUT6_O_I0[2] budget 2.0 ns (3,4) -> (3,5)
Info:                Sink kernel.sum_FDRE_Q.D
Info: -0.1  4.7  Setup kernel.sum_FDRE_Q.D
Info: 0.5 ns logic, 4.2 ns routing
Info: Critical path report for cross-domain path '<async>' -> 'posedge clk':
Info: curr total
Info:  0.0  0.0  Source other.O
Warning: Max frequency for clock 'clk': 212.77 MHz (PASS at 200.00 MHz)
"""
FASM = "CLBLL_L_X2Y5.SLICEL_X0.ALUT.INIT[63:0] = 64'b1\nCLBLL_L_X2Y5.SLICEL_X0.AFF.ZINI\n" * 8
CELLS = {
    "cells": {
        "kernel.sum_FDRE_Q": {
            "connections": {"C": [2], "D": [3], "Q": [4]},
            "port_directions": {"C": "input", "D": "input", "Q": "output"},
        }
    },
    "netnames": {
        "made": {"bits": [9, 4, "0"]},
        "kernel.row[0].accumulator": {"bits": [4, 5]},
        "kernel.other": {"bits": [3, 5]},
        "$auto$1.2.3.4": {"bits": [4], "hide_name": 1},
    },
}


def figures(seed, clock):
    return run(SAID.replace("212.77", clock), FASM, CELLS, seed, 12.34)


def test_figures_of_a_run():
    assert figures(7, "212.77") == {
        "seed": 7,
        "tool": "nextpnr-xilinx 0.8.2-25-ge22bcf69",
        "clock_mhz": 212.77,
        "LUT": 8,
        "FF": 7,
        "BRAM18": 5,
        "DSP": 3,
        "half_luts": 12,
        "seconds": 12.3,
        "path": {
            "start": "kernel.accumulate.word",
            "end": "kernel.row[0].accumulator",
            "cells": 1,
            "logic_ns": 0.5,
            "route_ns": 4.2,
        },
    }


def test_the_last_report_is_of_the_routed_design():
    path = critical_path(SAID)
    assert [step.net for step in path.steps] == [
        *("kernel.accumulate.word[3]", "kernel.sum_LUT6_O_I0[2]")
    ]
    assert path.end == "kernel.sum_FDRE_Q"


def test_an_output_without_a_path():
    with pytest.raises(UserError, match="its log does not state a critical path"):
        critical_path(SAID.partition("Info: Critical")[0])
    with pytest.raises(UserError, match="its log does not state a critical path"):
        critical_path(SAID.partition("Info: -0.1")[0].partition("Info: Max")[2])


def test_a_path_that_ends_in_a_cell_of_the_packers():
    path = CriticalPath((Step("a", "Q", "kernel.a[1]", 0.5, 1.0),), "kernel.b/ADDR", 0.1)
    assert ends(path, CELLS) == ("kernel.a", "kernel.b/ADDR")


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("shell.count[3]", "shell.count"),
        ("shell.count", "shell.count"),
        ("shell.gen[2].count_FDRE_Q_D[3]", "shell.gen[2].count"),
        ("shell.last_frame", "shell.last_frame"),
    ],
)
def test_names_without_what_yosys_appends(name, ours):
    assert signal(name) == ours


def test_the_table_has_the_best_seed_and_the_worst_clock():
    row = {
        "name": "dense",
        "target_mhz": 200.0,
        "runs": [figures(1, "150.00"), figures(2, "212.77")],
    }
    console = Console(width=200, record=True)
    console.print(table([row]))
    shown = console.export_text()
    cells = [one.strip() for one in shown.splitlines()[-2].strip("│").split("│")]
    assert cells == [
        *("dense", "212.8", "150.0", "8", "7", "5", "3", "12", "12"),
        *("kernel.accumulate.word to kernel.row[0].accumulator", "1", "0.5 of 4.7"),
    ]


LAYER = f"""\
module {MODULE} (
    input logic ap_clk, ap_rst_n, input logic [4:0] in0_V, output logic out0_V,
    output logic [2:0] sum
);
always_ff @(posedge ap_clk) begin
    out0_V <= ap_rst_n && ^in0_V;
    sum <= in0_V[4:2] + in0_V[2:0];
end
endmodule
"""


def test_nothing_of_a_layer_alone_is_left_out(tmp_path):
    ports = [
        *(Port("ap_clk", True), Port("ap_rst_n", True), Port("in0_V", True, 5)),
        *(Port("out0_V", False), Port("sum", False, 3)),
    ]
    (tmp_path / "layer.sv").write_text(LAYER)
    (tmp_path / "alone.sv").write_text(surrounded(ports))
    shutil.copyfile(share("boards") / "pynq-z2" / "openxc7_cells.v", tmp_path / "cells.v")
    status, said = run_yosys(
        tmp_path,
        "read_verilog -lib -specify +/xilinx/cells_sim.v\nread_verilog -lib +/xilinx/cells_xtra.v\n"
        f"{READ} -Wno-unconnected-inout-port -Wno-unconnected-input-port --top alone layer.sv "
        "alone.sv\nsynth_xilinx -family xc7 -flatten -noiopad -top alone\n"
        # The layer's four, one for each of six inputs, two for each of four outputs, and one more.
        "select -assert-count 19 t:FD*\nselect -assert-count 1 t:PS7\n",
    )
    assert status == 0, said[-4000:]
