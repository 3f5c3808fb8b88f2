"""How the bitstream flows call their tools, with fake programs in place of the tools.

The tools themselves are not tested here; test_openxc7.py runs them where they are on PATH.
"""

import json
import os
import re
import struct
import sys

import pytest
from click.testing import CliRunner

from irnet_hw.artifact import manifest
from irnet_hw.artifact.resources import Area
from irnet_hw.bitstream.flow import make_bitstream, summary
from irnet_hw.cli.main import group
from irnet_hw.errors import UserError
from irnet_hw.form import plain
from irnet_hw.report.accelerator import write
from tests.bitstream.test_bit_file import WORDS, bit_file
from tests.bitstream.test_vivado_reports import TIMING, UTILISATION
from tests.networks import LEAST, build_network

NEXTPNR_LOG = """\
Info: Packing constants..
Info: Device utilisation:
Info: 	          SLICE_LUTX:  7890/106400     7%
Info: 	           SLICE_FFX:  6543/106400     6%
Info: 	              CARRY4:   400/13300     3%
Info: 	            RAMB18E1:     5/  280     1%
Info: 	            RAMB36E1:     8/  140     5%
Info: 	             DSP48E1:    32/  220    14%
Info: 	                 PS7:     1/    1   100%
Info: Max frequency for clock 'aclk': 71.50 MHz (FAIL at 100.00 MHz)
Warning: Max frequency for clock 'aclk': 64.25 MHz (FAIL at 100.00 MHz)
Info: Max delay <async> -> posedge aclk: 1.00 ns
"""


@pytest.fixture
def pretend(tmp_path, monkeypatch):
    """Return a function that puts a fake program on PATH; no real bitstream tool is on it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    kept = os.pathsep.join(["/usr/bin", "/bin"])  # the fake programs need them
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{kept}")

    def put(name, lines):
        (folder / name).write_text(f"#!{sys.executable}\nimport sys\n{lines}\n")
        (folder / name).chmod(0o755)

    return put


VIVADO = f"""
import pathlib, time
print("****** Vivado v2023.2 (64-bit)")
print("irnet: making the project for xc7z020clg400-1", flush=True)
print("called with", *sys.argv[1:])
for name, text in {{"timing.rpt": {TIMING!r}, "utilisation.rpt": {UTILISATION!r},
                   "irnet.hwh": "<xml/>"}}.items():
    pathlib.Path(name).write_text(text)
pathlib.Path("irnet.bit").write_bytes({bit_file()!r})
print("irnet: done")
"""


def test_what_vivado_leaves_is_kept_and_summed_up(least_dir, pretend, capsys):
    pretend("vivado", VIVADO)
    result = make_bitstream(least_dir, "vivado")
    folder = least_dir / "bitstream"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("irnet.bit", "irnet.hwh", "route.json", "timing.rpt", "utilisation.rpt")
    ]
    assert json.loads((folder / "route.json").read_text()) == plain(result)
    assert result.seconds > 0
    assert plain(result) == {
        "seconds": result.seconds,
        "kind": "route",
        "identity": manifest.load(least_dir).shell.identity,
        "flow": "vivado",
        "part": "xc7z020clg400-1",
        "target_mhz": 100.0,
        "LUT": 12345,
        "FF": 15678,
        "BRAM18": 21,
        "DSP": 32,
        "tool": "Vivado 2023.2",
        "clock_mhz": 125.0,
        "half_luts": None,
        "seeds": {},
        "clock_from": "vendor",
        "bytes": len(bit_file()),
    }
    assert capsys.readouterr().err == "  making the project for xc7z020clg400-1\n  done\n"
    log = (least_dir / "bitstream.log").read_text()
    script = least_dir / "vivado" / "build.tcl"
    assert f"called with -mode batch -notrace -nojournal -nolog -source {script}\n" in log
    assert summary(manifest.load(least_dir), result) == (
        "12345 of 53200 LUT, 15678 of 106400 FF, 21 of 280 BRAM18, 32 of 220 DSP; 125.0 MHz "
        "of 100 reached (after place and route by Vivado 2023.2)"
    )
    facts = json.loads(write(least_dir)[1].read_text())
    assert facts["area"]["LUT"]["route"] == 12345


def test_vivado_that_fails_leaves_its_log_and_no_bitstream(least_dir, pretend):
    pretend("vivado", 'print("ERROR: [Place 30-640] too much"); sys.exit(1)')
    with pytest.raises(UserError) as error:
        make_bitstream(least_dir, "vivado")
    log = least_dir / "bitstream.log"
    assert str(error.value) == (
        f"vivado: failed with exit status 1, see {log}:\nERROR: [Place 30-640] too much\n"
    )
    assert "too much" in log.read_text()
    assert not (least_dir / "bitstream").exists()


def test_vivado_that_ends_early_is_no_success(least_dir, pretend):
    pretend("vivado", 'print("irnet: done")')
    with pytest.raises(UserError) as error:
        make_bitstream(least_dir, "vivado")
    assert str(error.value) == (
        f"vivado: ended without writing irnet.bit, see {least_dir / 'bitstream.log'}"
    )
    assert not (least_dir / "bitstream").exists()


def test_a_failure_leaves_an_earlier_bitstream(least_dir, pretend):
    pretend("vivado", VIVADO)
    make_bitstream(least_dir, "vivado")
    pretend("vivado", "sys.exit(3)")
    with pytest.raises(UserError):
        make_bitstream(least_dir, "vivado")
    assert (least_dir / "bitstream" / "irnet.bit").read_bytes() == bit_file()


@pytest.mark.usefixtures("pretend")
def test_without_vivado_its_scripts_are_written_all_the_same(tmp_path):
    build_network(LEAST, tmp_path)
    model, folder = tmp_path / "network.onnx", tmp_path / "out"
    arguments = ["build", str(model), "--board", "pynq-z2", "--out", str(folder)]
    result = CliRunner().invoke(group, [*arguments, "--flow", "vivado"])
    assert isinstance(result.exception, UserError)
    script = folder / "vivado" / "build.tcl"
    assert str(result.exception) == (
        "vivado: not found on PATH; source its settings64.sh, or run "
        f"`vivado -mode batch -source {script}` on a machine that has Vivado (with the whole "
        f"folder {folder}) and copy irnet.bit and irnet.hwh into {folder / 'bitstream'}"
    )
    assert script.is_file()
    assert manifest.load(folder)
    assert not (folder / "bitstream").exists()


@pytest.fixture
def databases(tmp_path, monkeypatch):
    """The files that the flow expects of a chip database and of Project X-Ray's, all empty."""
    chip, xray = tmp_path / "chipdb", tmp_path / "xray"
    part = xray / "zynq7" / "xc7z020clg400-1"
    for folder in (chip, part):
        folder.mkdir(parents=True)
    (chip / "xc7z020clg400.bin").touch()
    (part / "part.yaml").touch()
    monkeypatch.setenv("CHIPDB", str(chip))
    monkeypatch.setenv("PRJXRAY_DB_DIR", str(xray))
    return chip, xray


#: Each tool writes its arguments into a file that the next one reads.
NEXTPNR = f"""
import json, pathlib
if "--version" in sys.argv:
    print('"nextpnr-xilinx" -- Next Generation Place and Route (Version 0.8.2-25)')
    sys.exit()
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert set(given) >= {{"--chipdb", "--xdc", "--json", "--fasm", "--freq"}}, given
top = json.loads(pathlib.Path(given["--json"]).read_text())["modules"]["openxc7_top"]
assert any(cell["type"] == "PS7" for cell in top["cells"].values())
luts = "CLBLL_L_X2Y50.SLICEL_X0.ALUT.INIT[63:0] = 64'b1\\nCLBLL_L_X2Y50.SLICEL_X0.AFF.ZINI\\n" * 3
pathlib.Path(given["--fasm"]).write_text(
    given["--chipdb"] + "; " + pathlib.Path(given["--xdc"]).read_text() + luts)
clocks = {{"1": "64.25", "2": "70.50", "3": "61.00"}}
print({NEXTPNR_LOG!r}.replace("64.25", clocks[given["--seed"]]))
"""
FASM2FRAMES = 'print(" ".join(sys.argv[1:]), open(sys.argv[-1]).read(), sep="; ")'
FRAMES2BIT = f"""
import pathlib
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert given["--part_name"] == "xc7z020clg400-1", given
pathlib.Path(given["--output_file"]).write_bytes({bit_file(part=b"xc7z020clg400-1")!r})
print(pathlib.Path(given["--frm_file"]).read_text())
"""


@pytest.fixture
def open_tools(pretend, databases):
    pretend("nextpnr-xilinx", NEXTPNR)
    pretend("fasm2frames", FASM2FRAMES)
    pretend("xc7frames2bit", FRAMES2BIT)
    return databases


@pytest.mark.yosys
def test_the_open_tools_are_called_one_after_the_other(least_dir, open_tools, capsys):
    chip, xray = open_tools
    result = make_bitstream(least_dir, "openxc7")
    folder = least_dir / "bitstream"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("irnet.bin", "irnet.bit", "irnet.fasm", "route.json")
    ]
    assert (folder / "irnet.bin").read_bytes() == struct.pack("<6I", *WORDS)
    said = capsys.readouterr().err.removeprefix("  synthesising the whole design with Yosys\n")
    assert re.sub(r", \d+ s$", "", said, flags=re.MULTILINE).splitlines() == [
        "  placing and routing with nextpnr-xilinx",
        "seed 1: packing",
        "  seed 1: 64.2 MHz",
        "  writing the bitstream",
    ]
    assert (result.area, result.clock_mhz) == (Area(3, 6543, 21, 32), 64.25)
    assert (result.half_luts, result.seeds) == (7890, {"1": 64.25})
    assert (result.tool, result.clock_from) == ("nextpnr-xilinx 0.8.2-25", "estimate")
    # The file that the last program read says how the first two were called.
    assert (
        f"--part xc7z020clg400-1 --db-root {xray}/zynq7 1.fasm; "
        f"{chip}/xc7z020clg400.bin; create_clock -period 10.000 [get_nets aclk]\n"
    ) in (least_dir / "bitstream.log").read_text()
    assert summary(manifest.load(least_dir), result) == (
        "3 of 53200 LUT, 6543 of 106400 FF, 21 of 280 BRAM18, 32 of 220 DSP (7890 of 106400 half "
        "LUTs); 64.2 MHz of 100 reached, so it must not run faster than 64.2 MHz (after place and "
        "route by nextpnr-xilinx 0.8.2-25)"
    )


@pytest.mark.yosys
@pytest.mark.usefixtures("open_tools")
def test_the_best_of_several_seeds_is_kept(least_dir, capsys):
    result = make_bitstream(least_dir, "openxc7", seeds=3)
    assert result.clock_mhz == 70.5
    assert result.seeds == {"1": 64.25, "2": 70.5, "3": 61.0}
    assert "  seed 2: 70.5 MHz\n" in capsys.readouterr().err
    fasm = least_dir / "bitstream" / "irnet.fasm"
    assert fasm.read_text().count("ALUT") == 3
    assert "zynq7 2.fasm" in (least_dir / "bitstream.log").read_text()


@pytest.mark.yosys
@pytest.mark.parametrize(
    ("tool", "lines", "message"),
    [
        ("nextpnr-xilinx", 'print("ERROR: Unable to find legal placement"); sys.exit(255)',
         "nextpnr-xilinx: failed with exit status 255, see LOG:\n"
         "ERROR: Unable to find legal placement\n"),
        ("nextpnr-xilinx", 'open("1.fasm", "w")',
         "nextpnr-xilinx: its log does not state SLICE_LUTX, SLICE_FFX, RAMB18E1, RAMB36E1, "
         "DSP48E1, one clock"),
        ("fasm2frames", 'sys.exit("no such feature")',
         "fasm2frames: failed with exit status 1, see LOG:\nno such feature\n"),
        ("xc7frames2bit", 'open("irnet.bit", "w")', "irnet.bit: is not a complete .bit file"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("open_tools")
def test_a_tool_that_fails_is_named(least_dir, pretend, tool, lines, message):
    pretend(tool, lines)
    with pytest.raises(UserError) as error:
        make_bitstream(least_dir, "openxc7")
    log = str(least_dir / "bitstream.log")
    assert str(error.value).endswith(message.replace("LOG", log))
    assert not (least_dir / "bitstream").exists()


@pytest.mark.yosys
@pytest.mark.usefixtures("open_tools")
def test_a_bitstream_for_another_part_is_refused(least_dir, pretend):
    other = bit_file(part=b"7a35tcpg236")
    pretend("xc7frames2bit", f'open("irnet.bit", "wb").write({other!r})')
    with pytest.raises(UserError) as error:
        make_bitstream(least_dir, "openxc7")
    assert str(error.value) == (
        "irnet.bit: is for 7a35tcpg236, must be for xc7z020clg400-1, see "
        f"{least_dir / 'bitstream.log'}"
    )


@pytest.mark.usefixtures("open_tools")
@pytest.mark.parametrize("tool", ["nextpnr-xilinx", "fasm2frames", "xc7frames2bit"])
def test_a_missing_open_tool_is_named(least_dir, tmp_path, tool):
    (tmp_path / "bin" / tool).unlink()
    with pytest.raises(UserError) as error:
        make_bitstream(least_dir, "openxc7")
    assert str(error.value) == (
        f"{tool}: not found on PATH; it is needed for --flow openxc7 and comes with openXC7 "
        "(github.com/openXC7)"
    )


def test_missing_databases_are_named(least_dir, open_tools, monkeypatch):
    chip, xray = open_tools

    def message():
        with pytest.raises(UserError) as error:
            make_bitstream(least_dir, "openxc7")
        return str(error.value)

    (xray / "zynq7" / "xc7z020clg400-1" / "part.yaml").unlink()
    assert message() == (
        f"{xray}/zynq7/xc7z020clg400-1/part.yaml: not found; it is part of Project X-Ray's "
        "database, in PRJXRAY_DB_DIR"
    )
    (chip / "xc7z020clg400.bin").unlink()
    assert message() == (
        f"{chip}/xc7z020clg400.bin: not found; it is made by nextpnr-xilinx' bbaexport.py and bbasm"
    )
    (chip / "xc7z020clg400.bin").touch()
    monkeypatch.delenv("PRJXRAY_DB_DIR")
    assert message() == (
        "PRJXRAY_DB_DIR: not set; it must name the folder of Project X-Ray's database"
    )
    monkeypatch.setenv("CHIPDB", "")
    assert message() == (
        "CHIPDB: not set; it must name the folder of nextpnr-xilinx' chip databases"
    )


@pytest.mark.usefixtures("open_tools")
def test_the_open_tools_are_for_one_board(tmp_path):
    folder = build_network(LEAST, tmp_path, "zcu104")
    with pytest.raises(UserError) as error:
        make_bitstream(folder, "openxc7")
    assert str(error.value) == (
        "flow: openxc7 supports pynq-z2, not zcu104: no open tools place and route its part; use "
        "vivado"
    )


@pytest.mark.usefixtures("pretend")
def test_what_is_missing_is_said_before_the_build(tmp_path):
    model, folder = tmp_path / "network.onnx", tmp_path / "out"
    arguments = ["build", str(model), "--board", "pynq-z2", "--out", str(folder)]
    result = CliRunner().invoke(group, [*arguments, "--flow", "openxc7"])
    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith("nextpnr-xilinx: not found on PATH")
    assert not folder.exists()


@pytest.mark.usefixtures("open_tools")
def test_a_changed_accelerator_gets_no_bitstream(least_dir):
    path = least_dir / "shell" / "irnet_board.sv"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(UserError) as error:
        make_bitstream(least_dir, "openxc7")
    assert str(error.value) == (
        f"{least_dir}: a source in shell/ was changed since the build; build it again"
    )
