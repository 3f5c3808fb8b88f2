"""A bitstream by open tools for the PYNQ-Z2: Yosys, nextpnr-xilinx and Project X-Ray's tools.

Yosys is one of our dependencies. The others are not in any package registry; openXC7 provides them,
and they are looked up where its users have them: ``nextpnr-xilinx``, ``fasm2frames`` and
``xc7frames2bit`` on PATH; the folder of the chip databases (``xc7z020clg400.bin``, made by
nextpnr-xilinx's bbaexport.py and bbasm) in CHIPDB; and that of Project X-Ray's database (which
contains ``zynq7/``) in PRJXRAY_DB_DIR.

The design is synthesised as a whole, without boundaries between layers.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from irnet_hw.artifact.folder import digest
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.bitstream import mux_inputs, nextpnr
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
RESULTS = ("irnet.bit", "irnet.bin", "irnet.fasm")
#: The top module, and its clock's net.
TOP, CLOCK = "openxc7_top", "aclk"
#: The board's sources around irnet_board.
_SOURCES = ("gp_to_axi_lite.sv", f"{TOP}.sv")
#: What cells that nextpnr-xilinx does not pack are made of.
_MAP = "openxc7_cells.v"


class Tools(NamedTuple):
    """The paths of the tools and databases that are not our dependencies."""

    nextpnr: nextpnr.Nextpnr
    fasm2frames: str
    frames2bit: str
    database: str


def route(
    folder: Path, manifest: Manifest, board: Board, target: Path, log: Path, seeds: int
) -> Routed:
    """Take an accelerator to a bitstream: the one with the highest clock of some seeds.

    Args:
        folder: the accelerator's.
        manifest: its manifest.
        board: to build for.
        target: folder for irnet.bit, irnet.bin for Linux' FPGA manager, and irnet.fasm.
        log: the file to which the tools' output is appended.
        seeds: how many of the placer's seeds to try, from 1 on.

    Raises:
        UserError: the flow is not for this board, a tool or database is missing, or a tool fails.
    """
    tools = find_tools(board)
    design = synthesise(folder, manifest, log)
    nextpnr.check_netlist(design, TOP)
    with scratch("openxc7") as place:
        say("  placing and routing with nextpnr-xilinx")
        found = {}
        for seed in range(1, seeds + 1):
            said = nextpnr.place_and_route(
                tools.nextpnr, design, CLOCK, manifest.clock_mhz, seed, place, log
            )
            found[seed] = nextpnr.figures(said, (place / f"{seed}.fasm").read_text())
            say(f"  seed {seed}: {found[seed].clock_mhz:.1f} MHz")
        best = max(found, key=lambda seed: found[seed].clock_mhz)
        say("  writing the bitstream")
        _write_bitstream(tools, board.part, f"{best}.fasm", place, log)
        part, data = read_bit(place / "irnet.bit")
        if part != board.part:
            raise UserError(f"irnet.bit: is for {part}, must be for {board.part}, see {log}")
        shutil.copyfile(place / "irnet.bit", target / "irnet.bit")
        shutil.copyfile(place / f"{best}.fasm", target / "irnet.fasm")
        (target / "irnet.bin").write_bytes(swapped(data))
    return replace(found[best], seeds={str(seed): one.clock_mhz for seed, one in found.items()})


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
    return netlist(TOP, texts, data, log)


def netlist(top: str, texts: Mapping[str, str], data: Mapping[str, Path], log: Path) -> Path:
    """Return a design's netlist of cells that nextpnr-xilinx takes, flat, as Yosys JSON.

    Args:
        top: the top module; it has no ports.
        texts: the sources by file name, each before those that instantiate it.
        data: the hex files, by the names under which the sources read them.
        log: the file to which Yosys' output is appended.

    Raises:
        UserError: Yosys is missing or fails, or its netlist can't be trusted.
    """
    cells = share("boards") / BOARD / _MAP
    script = _script(top, list(texts))
    made_of = (yosys.version(), script, rom_mapping.mapping(texts), *texts.values())
    read = digest([*data.values(), cells, Path(mux_inputs.__file__)])
    name = hashlib.sha256("".join([*made_of, read]).encode()).hexdigest()[:32]
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
        written = json.loads((place / "netlist.json").read_text())
        mux_inputs.separate(written["modules"][top])
        with cached(kept) as target:
            target.write_text(json.dumps(written))
    return kept


def _script(top: str, sources: list[str]) -> str:
    """Return the Yosys script for sources that :func:`rom_mapping.write` wrote."""
    return (
        "read_verilog -lib -specify +/xilinx/cells_sim.v\n"
        "read_verilog -lib +/xilinx/cells_xtra.v\n"
        # The processor's pins are not in a bitstream, and unused ports stay open.
        f"{yosys.READ} -Wno-unconnected-inout-port -Wno-unconnected-input-port "
        f"--keep-hierarchy --top {top} {' '.join(sources)}\n"
        f"{rom_mapping.CLOSE}\n"
        f"{yosys.dissolving(f'synth_xilinx -family xc7 -flatten -abc9 -noiopad -top {top}')}\n"
        f"{rom_mapping.DISSOLVE}\n"
        f"techmap -map {_MAP}\n"
        "delete t:$scopeinfo\n"
        "check -assert\n"
        "write_json netlist.json\n"
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
    place_and_route = nextpnr.find(board.part)
    fasm2frames, frames2bit = map(nextpnr.program, ("fasm2frames", "xc7frames2bit"))
    database = nextpnr.folder("PRJXRAY_DB_DIR", "Project X-Ray's database") / "zynq7"
    described = database / board.part / "part.yaml"
    if not described.is_file():
        raise UserError(
            f"{described}: not found; it is part of Project X-Ray's database, in PRJXRAY_DB_DIR"
        )
    return Tools(place_and_route, fasm2frames, frames2bit, str(database))


def _write_bitstream(tools: Tools, part: str, fasm: str, place: Path, log: Path) -> None:
    """Write irnet.bit from FASM."""
    frames, described = place / "irnet.frames", f"{tools.database}/{part}/part.yaml"
    command = [tools.fasm2frames, "--part", part, "--db-root", tools.database, fasm]
    for _ in follow(command, place, log, output=frames):
        pass
    command = [tools.frames2bit, "--part_file", described, "--part_name", part]
    command += ["--frm_file", frames.name, "--output_file", "irnet.bit"]
    for _ in follow(command, place, log):
        pass
