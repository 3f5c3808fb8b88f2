"""A bitstream by Vivado: a block design of the board's processor and the accelerator in its shell.

The Tcl is written into the accelerator's folder, vivado/, whether Vivado is there or not: it names
all files relative to itself and can be run anywhere. What it does is in boards/vivado/flow.tcl.
"""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from irnet_hw.bitstream import vivado_reports
from irnet_hw.bitstream.routed import Routed
from irnet_hw.boards import Board
from irnet_hw.compiler.emission.board_top import shell_files
from irnet_hw.errors import UserError
from irnet_hw.files import whole_folder
from irnet_hw.progress import say
from irnet_hw.share import share
from irnet_hw.tools.process import follow

#: In an accelerator's folder.
FOLDER = "vivado"
#: What a run leaves, of which the reports stay in the folder of the scripts.
_RESULTS = ("irnet.bit", "irnet.hwh")
_REPORTS = ("timing.rpt", "utilisation.rpt")
#: Lines of Vivado's that say how far it is begin so.
_PROGRESS = "irnet: "


def route(
    folder: Path, content: Mapping[str, Any], board: Board, target: Path, log: Path
) -> Routed:
    """Write the scripts and run them.

    Args:
        folder: the accelerator's; vivado/ is written into it.
        content: its manifest.
        board: to build for.
        target: folder for irnet.bit, irnet.hwh and Vivado's reports.
        log: to which all that Vivado prints is added.

    Raises:
        UserError: Vivado is missing or fails.
    """
    write_project(folder, content, board)
    script = folder / FOLDER / "build.tcl"
    vivado = shutil.which("vivado")
    if vivado is None:
        raise UserError(
            "vivado: not found on PATH; source its settings64.sh, or run "
            f"`vivado -mode batch -source {script}` where there is one (the whole folder {folder} "
            f"is needed) and copy irnet.bit and irnet.hwh into {folder / 'bitstream'}"
        )
    options = ("-mode", "batch", "-notrace", "-nojournal", "-nolog")
    with tempfile.TemporaryDirectory(prefix="vivado-") as temporary:
        scratch = Path(temporary)
        for line in follow([vivado, *options, "-source", str(script.absolute())], scratch, log):
            if line.startswith(_PROGRESS):
                say(f"  {line.removeprefix(_PROGRESS)}")
        for name in (*_RESULTS, *_REPORTS):
            if not (scratch / name).is_file():
                raise UserError(f"vivado: ended without having written {name}, see {log}")
            shutil.copyfile(scratch / name, target / name)
        timing, used = ((scratch / name).read_text(errors="replace") for name in _REPORTS)
    return Routed(
        tool=vivado_reports.tool(timing),
        clock_mhz=vivado_reports.clock(timing),
        clock_from="vendor",
        area=vivado_reports.area(used),
    )


def write_project(folder: Path, content: Mapping[str, Any], board: Board) -> None:
    """Write the scripts from which Vivado makes the bitstream into an accelerator's folder.

    Args:
        folder: the accelerator's; vivado/ is written, or replaced.
        content: its manifest.
        board: to build for.
    """
    boards = share("boards")
    with whole_folder(folder / FOLDER) as target:
        for name in ("flow.tcl", "irnet_vivado.v"):
            shutil.copyfile(boards / "vivado" / name, target / name)
        shutil.copyfile(
            boards / board.name / "processing_system.tcl", target / "processing_system.tcl"
        )
        (target / "build.tcl").write_text(_build(content, board))


def _build(content: Mapping[str, Any], board: Board) -> str:
    shell = content["shell"]
    files = {
        "sources": [*content["sources"], *shell_files(content)],
        "memories": content["data"],
    }
    lines = [
        f"# Makes an accelerator's bitstream for the {board.title}. In any folder,",
        "#     vivado -mode batch -source THIS_FILE",
        "# leaves irnet.bit, irnet.hwh, timing.rpt and utilisation.rpt there. Written by irnet-hw.",
        "",
        "set scripts [file dirname [file normalize [info script]]]",
        "set accelerator [file dirname $scripts]",
        f"set part {board.part}",
        f"set clock_mhz {content['clock_mhz']:g}",
        f"set address_bits {shell['address_bits']}",
        f"set register_base 0x{shell['base_address']:08X}",
    ]
    for name, paths in files.items():
        lines += [f"set {name} {{", *(f"    {path}" for path in paths), "}"]
    lines += [
        "source [file join $scripts processing_system.tcl]",
        "source [file join $scripts flow.tcl]",
    ]
    return "\n".join([*lines, ""])
