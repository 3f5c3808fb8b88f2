"""A bitstream by Vivado: a block design of the board's processor and the accelerator in its shell.

The Tcl is written into vivado/ in the accelerator's folder, whether Vivado is installed or not. It
names all files relative to itself, so it can be run anywhere; boards/vivado/flow.tcl does the work.
"""

import shutil
from pathlib import Path

from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import BITSTREAMS, VIVADO
from irnet_hw.bitstream import vivado_reports
from irnet_hw.bitstream.routed import Routed
from irnet_hw.boards import Board
from irnet_hw.errors import UserError
from irnet_hw.files import claimed, sealed, whole_file
from irnet_hw.held import RESULTS as OURS
from irnet_hw.progress import say
from irnet_hw.scratch import scratch
from irnet_hw.share import share
from irnet_hw.tools.process import follow

_REPORTS = ("timing.rpt", "utilisation.rpt")
#: The files that a run writes.
RESULTS = ("irnet.bit", "irnet.hwh", *_REPORTS)
#: How progress lines in Vivado's output start.
_PROGRESS = "irnet: "


def route(folder: Path, target: Path, log: Path) -> Routed:
    """Run the scripts that :func:`write_project` wrote.

    Args:
        folder: the accelerator's, with vivado/.
        target: folder for irnet.bit, irnet.hwh and Vivado's reports.
        log: the file to which Vivado's output is appended.

    Raises:
        UserError: Vivado is missing or fails.
    """
    script = folder / VIVADO / "build.tcl"
    vivado = shutil.which("vivado")
    if vivado is None:
        raise UserError(
            "vivado: not found on PATH; source its settings64.sh, or run "
            f"`vivado -mode batch -source {script}` on a machine that has Vivado (with the whole "
            f"folder {folder}) and copy irnet.bit and irnet.hwh into {folder / BITSTREAMS}"
        )
    options = ("-mode", "batch", "-notrace", "-nojournal", "-nolog")
    with scratch("vivado") as place:
        for line in follow([vivado, *options, "-source", str(script.absolute())], place, log):
            if line.startswith(_PROGRESS):
                say(f"  {line.removeprefix(_PROGRESS)}")
        for name in RESULTS:
            if not (place / name).is_file():
                raise UserError(f"vivado: ended without writing {name}, see {log}")
            shutil.copyfile(place / name, target / name)
        timing, used = ((place / name).read_text(errors="replace") for name in _REPORTS)
    return Routed(
        tool=vivado_reports.tool(timing),
        clock_mhz=vivado_reports.clock(timing),
        clock_from="vendor",
        area=vivado_reports.area(used),
    )


def write_project(folder: Path, manifest: Manifest, board: Board, force: bool = False) -> None:
    """Write the Vivado scripts for the bitstream into an accelerator's folder.

    Args:
        folder: the accelerator's; the scripts go into vivado/, where other files are kept.
        manifest: its manifest.
        board: to build for.
        force: overwrite scripts even if they were changed.

    Raises:
        UserError: a script was changed, or they can't be written.
    """
    common = share("boards") / "vivado"
    processor = share("boards") / board.name / "processing_system.tcl"
    if board.family == "xcup":
        processor = common / "zynq_ultrascale.tcl"
    texts = {
        "flow.tcl": (common / "flow.tcl").read_text(),
        "irnet_vivado.v": (common / "irnet_vivado.v").read_text(),
        "processing_system.tcl": processor.read_text(),
        "build.tcl": _build(manifest, board),
    }
    target = folder / VIVADO
    with claimed(target, {name: OURS[f"{VIVADO}/{name}"] for name in texts}, force):
        for name, text in texts.items():
            comment = "//" if name.endswith(".v") else "#"
            with whole_file(target / name) as temporary:
                temporary.write_text(sealed(text, comment))


def _build(manifest: Manifest, board: Board) -> str:
    shell = manifest.shell
    files = {"sources": manifest.files, "memories": manifest.data}
    lines = [
        f"# Makes an accelerator's bitstream for the {board.title}. Run in any folder,",
        "#     vivado -mode batch -source THIS_FILE",
        "# writes irnet.bit, irnet.hwh, timing.rpt and utilisation.rpt there.",
        "",
        "set scripts [file dirname [file normalize [info script]]]",
        "set accelerator [file dirname $scripts]",
        f"set part {board.part}",
        f"set vivado_board {{{board.vivado_board}}}",
        f"set clock_mhz {manifest.clock_mhz:g}",
        f"set address_bits {shell.address_bits}",
        f"set register_base 0x{shell.base_address:08X}",
    ]
    for name, paths in files.items():
        lines += [f"set {name} {{", *(f"    {path}" for path in paths), "}"]
    lines += [
        "source [file join $scripts processing_system.tcl]",
        "source [file join $scripts flow.tcl]",
    ]
    return "\n".join([*lines, ""])
