"""A bitstream by open tools for the PYNQ-Z2: Yosys, nextpnr-xilinx and Project X-Ray's tools.

Yosys is one of our dependencies. The others are not in any package registry; openXC7 provides them,
and they are looked up where its users have them: ``nextpnr-xilinx``, ``fasm2frames`` and
``xc7frames2bit`` on PATH; the folder of the chip databases (``xc7z020clg400.bin``, made by
nextpnr-xilinx's bbaexport.py and bbasm) in CHIPDB; and that of Project X-Ray's database (which
contains ``zynq7/``) in PRJXRAY_DB_DIR.

The design is synthesised as a whole, without boundaries between layers. nextpnr-xilinx, like our
synthesis figures, counts each LUT of up to six inputs as one, whether or not two of them share a
site. Its delays for this part are estimates.
"""

import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from irnet_hw.artifact.folder import digest
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.resources import Area
from irnet_hw.bitstream.bit_file import read_bit, swapped
from irnet_hw.bitstream.routed import Routed
from irnet_hw.boards import Board
from irnet_hw.errors import UserError
from irnet_hw.progress import say
from irnet_hw.scratch import scratch
from irnet_hw.share import share
from irnet_hw.synthesise import rom_mapping, yosys
from irnet_hw.tools.environment import cache_dir, cached, locked
from irnet_hw.tools.process import follow

BOARD = "pynq-z2"
#: The files that the flow writes.
RESULTS = ("irnet.bit", "irnet.bin")
_TOP = "openxc7_top"
#: The board's sources around irnet_board.
_SOURCES = ("gp_to_axi_lite.sv", f"{_TOP}.sv")
#: What cells that nextpnr-xilinx does not pack are made of.
_MAP = "openxc7_cells.v"
#: The clock's net in the top module.
_CLOCK = "aclk"
#: The cells of nextpnr-xilinx that we count: our name of the resource, and how many each cell is.
_CELLS = {
    "SLICE_LUTX": ("LUT", 1),
    "SLICE_FFX": ("FF", 1),
    "RAMB18E1": ("BRAM18", 1),
    "RAMB36E1": ("BRAM18", 2),
    "DSP48E1": ("DSP", 1),
}
_UTILISATION = re.compile(r"^Info:\s+(\w+): +(\d+)/ *\d+ +\d+%$", re.MULTILINE)
_FMAX = re.compile(r"Max frequency for clock +'([^']+)': (\d+\.\d+) MHz")
_VERSION = re.compile(r"\(Version (\S+)\)")


class Tools(NamedTuple):
    """The paths of the tools and databases that are not our dependencies."""

    nextpnr: str
    fasm2frames: str
    frames2bit: str
    chip: str
    database: str


def route(folder: Path, manifest: Manifest, board: Board, target: Path, log: Path) -> Routed:
    """Take an accelerator to a bitstream.

    Args:
        folder: the accelerator's.
        manifest: its manifest.
        board: to build for.
        target: folder for irnet.bit, and irnet.bin for Linux' FPGA manager.
        log: the file to which the tools' output is appended.

    Raises:
        UserError: the flow is not for this board, a tool or database is missing, or a tool fails.
    """
    tools = find_tools(board)
    netlist = synthesise(folder, manifest, log)
    with scratch("openxc7") as place:
        say("  placing and routing with nextpnr-xilinx")
        routed = figures(_place_and_route(tools, netlist, manifest.clock_mhz, place, log))
        say("  writing the bitstream")
        _write_bitstream(tools, board.part, place, log)
        part, data = read_bit(place / "irnet.bit")
        if part != board.part:
            raise UserError(f"irnet.bit: is for {part}, must be for {board.part}, see {log}")
        shutil.copyfile(place / "irnet.bit", target / "irnet.bit")
        (target / "irnet.bin").write_bytes(swapped(data))
    return routed


def synthesise(folder: Path, manifest: Manifest, log: Path) -> Path:
    """Return the netlist of an accelerator in its shell, with the processor, as Yosys JSON.

    It is cached, so a retry after a later failure does not synthesise again.

    Args:
        folder: the accelerator's.
        manifest: its manifest.
        log: the file to which Yosys' output is appended.

    Raises:
        UserError: Yosys is missing or fails, or its netlist can't be trusted.
    """
    sources = [folder / file for file in manifest.files]
    sources += [share("boards") / BOARD / name for name in _SOURCES]
    texts = {path.name: path.read_text() for path in sources}
    data = {Path(file).name: folder / file for file in manifest.data}
    cells = share("boards") / BOARD / _MAP
    script, read = _script(list(texts)), digest([*sources, *data.values(), cells])
    made_of = (yosys.version(), script, rom_mapping.mapping(texts), read)
    name = hashlib.sha256("".join(made_of).encode()).hexdigest()[:32]
    kept = cache_dir() / "netlists" / f"{name}.json"
    with locked(kept), scratch("yosys") as place:
        if kept.is_file():
            return kept
        say("  synthesising the whole design with Yosys")
        rom_mapping.write(texts, data, place)
        shutil.copyfile(cells, place / _MAP)
        (place / "synthesis.ys").write_text(script)
        command = [yosys.program(), "-Q", "-T", "synthesis.ys"]
        for line in follow(command, place, log, yosys.environment()):
            if yosys.MISCOMPILED.search(line):
                raise UserError(f"Yosys: its netlist can't be trusted, see {log}: {line.strip()}")
        with cached(kept) as target:
            shutil.copyfile(place / "netlist.json", target)
    return kept


def _script(sources: list[str]) -> str:
    """Return the Yosys script for sources that :func:`rom_mapping.write` wrote."""
    return (
        "read_verilog -lib -specify +/xilinx/cells_sim.v\n"
        "read_verilog -lib +/xilinx/cells_xtra.v\n"
        # The processor's pins are not in a bitstream, and unused ports stay open.
        f"{yosys.READ} -Wno-unconnected-inout-port -Wno-unconnected-input-port "
        f"--keep-hierarchy --top {_TOP} {' '.join(sources)}\n"
        f"{rom_mapping.CLOSE}\n"
        f"{yosys.dissolving(f'synth_xilinx -family xc7 -flatten -abc9 -noiopad -top {_TOP}')}\n"
        f"{rom_mapping.DISSOLVE}\n"
        f"techmap -map {_MAP}\n"
        "delete t:$scopeinfo\n"
        "check -assert\n"
        "write_json netlist.json\n"
    )


def constraints(clock_mhz: float) -> str:
    """Return the .xdc, which has the clock only, as the design has no pins."""
    return f"create_clock -period {1000 / clock_mhz:.3f} [get_nets {_CLOCK}]\n"


def figures(said: str) -> Routed:
    """Return the figures of a routed design from nextpnr-xilinx' log.

    Raises:
        UserError: the log lacks a figure.
    """
    used = {cell: int(number) for cell, number in _UTILISATION.findall(said)}
    absent = [cell for cell in _CELLS if cell not in used]
    # Estimated after placement, and again once routed.
    clocks = dict(_FMAX.findall(said))
    version = _VERSION.search(said)
    if absent or len(clocks) != 1 or version is None:
        what = [*absent, *([] if len(clocks) == 1 else ["one clock"])] or ["a version"]
        raise UserError(f"nextpnr-xilinx: its log does not state {', '.join(what)}")
    area = dict.fromkeys((kind for kind, _ in _CELLS.values()), 0)
    for cell, (kind, each) in _CELLS.items():
        area[kind] += used[cell] * each
    return Routed(
        tool=f"nextpnr-xilinx {version[1]}",
        clock_mhz=float(next(iter(clocks.values()))),
        clock_from="estimate",
        area=Area.of(area),
    )


def find_tools(board: Board) -> Tools:
    """Return the paths of the tools for a board.

    Raises:
        UserError: the tools are not for this board, or one is missing; the message names it.
    """
    if board.name != BOARD:
        raise UserError(
            f"flow: openxc7 supports {BOARD}, not {board.name}: no open tools place and route its "
            "part; use vivado"
        )
    part = board.part
    names = ("nextpnr-xilinx", "fasm2frames", "xc7frames2bit")
    nextpnr, fasm2frames, frames2bit = map(_program, names)
    chip = _folder("CHIPDB", "nextpnr-xilinx' chip databases") / f"{part.rpartition('-')[0]}.bin"
    database = _folder("PRJXRAY_DB_DIR", "Project X-Ray's database") / "zynq7"
    for path, what in (
        (chip, "made by nextpnr-xilinx' bbaexport.py and bbasm"),
        (database / part / "part.yaml", "part of Project X-Ray's database, in PRJXRAY_DB_DIR"),
    ):
        if not path.is_file():
            raise UserError(f"{path}: not found; it is {what}")
    return Tools(nextpnr, fasm2frames, frames2bit, str(chip), str(database))


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise UserError(
            f"{name}: not found on PATH; it is needed for --flow openxc7 and comes with openXC7 "
            "(github.com/openXC7)"
        )
    return found


def _folder(variable: str, what: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        raise UserError(f"{variable}: not set; it must name the folder of {what}")
    return Path(value).absolute()


def _place_and_route(tools: Tools, netlist: Path, clock_mhz: float, place: Path, log: Path) -> str:
    """Write irnet.fasm; return what the tool printed."""
    (place / "irnet.xdc").write_text(constraints(clock_mhz))
    # Missing the target clock is reported but not fatal: the design works at a lower clock.
    options = ("--freq", f"{clock_mhz:g}", "--timing-allow-fail")
    files = ("--xdc", "irnet.xdc", "--json", str(netlist), "--fasm", "irnet.fasm")
    command = [tools.nextpnr, "--chipdb", tools.chip, *files, *options]
    version = "\n".join(follow([tools.nextpnr, "--version"], place, log))
    return "\n".join([version, *follow(command, place, log)])


def _write_bitstream(tools: Tools, part: str, place: Path, log: Path) -> None:
    """Write irnet.bit from irnet.fasm."""
    frames, described = place / "irnet.frames", f"{tools.database}/{part}/part.yaml"
    command = [tools.fasm2frames, "--part", part, "--db-root", tools.database, "irnet.fasm"]
    for _ in follow(command, place, log, output=frames):
        pass
    command = [tools.frames2bit, "--part_file", described, "--part_name", part]
    command += ["--frm_file", frames.name, "--output_file", "irnet.bit"]
    for _ in follow(command, place, log):
        pass
