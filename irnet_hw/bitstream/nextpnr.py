"""Place and route with nextpnr-xilinx: what it takes, how it is run, and what its output says.

Its packer counts half LUTs (SLICE_LUTX), because a LUT has room for one function of six inputs or
two of five; among them are functions that Yosys' netlist does not have, such as inputs of carry
chains. How many LUTs are in use after placement is read from the FASM, where each has its own INIT.
The delays of this part are the tool's estimates.
"""

import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from irnet_hw.artifact.resources import Area
from irnet_hw.bitstream.routed import Routed
from irnet_hw.errors import UserError
from irnet_hw.progress import stages
from irnet_hw.share import share
from irnet_hw.tools.process import follow

#: The cells that it takes.
_PACKED = "openxc7_packed.toml"
#: The parameters of flip-flops that its packer passes over.
_INVERSION = re.compile(r"IS_[CDRS]\w*_INVERTED")
#: Its cells that we count: our name of the resource, and how many each cell is.
_CELLS = {
    "SLICE_LUTX": ("half LUT", 1),
    "SLICE_FFX": ("FF", 1),
    "RAMB18E1": ("BRAM18", 1),
    "RAMB36E1": ("BRAM18", 2),
    "DSP48E1": ("DSP", 1),
}
_LUT_SITE = re.compile(r"[A-D]LUT\.INIT\[63:0\]")
_UTILISATION = re.compile(r"^Info:\s+(\w+): +(\d+)/ *\d+ +\d+%$", re.MULTILINE)
_FMAX = re.compile(r"Max frequency for clock +'([^']+)': (\d+\.\d+) MHz")
_VERSION = re.compile(r"\(Version (\S+)\)")
#: The stages of a run: how the first line of each starts, and its name.
_STAGES = (
    ("Packing constants", "packing"),
    ("Creating initial analytic placement", "placing"),
    ("Running simulated annealing placer", "refining the placement"),
    ("Running router2", "routing"),
    ("Running router1", "checking the routes"),
)
#: The lines of a run that say how far it is, and what they mean.
_DETAILS = (
    (re.compile(r"initial placer iter (\d+), wirelen = (\d+)"), "first pass {}, wires {} long"),
    (re.compile(r"at iteration #(\d+), .*legal = (\d+)"), "pass {}, wires {} long"),
    (re.compile(r"at iteration #(\d+): .*wirelen = (\d+)"), "pass {}, wires {} long"),
    (re.compile(r"iter=(\d+) .*overused=(\d+)"), "pass {}, {} wires taken twice"),
)
_PATH = re.compile(r"Critical path report for clock '[^']+' \(.*\):$")
_SOURCE = re.compile(r" *(-?\d+\.\d) +-?\d+\.\d  (Source|Setup) (\S+)\.(\w+)$")
_NET = re.compile(r" *(-?\d+\.\d) +-?\d+\.\d    Net (\S+) budget ")
_PATH_END = re.compile(r"\d+\.\d ns logic, \d+\.\d ns routing$")


class Nextpnr(NamedTuple):
    """The paths of the program and of the part's chip database."""

    program: str
    chip: str


@dataclass(frozen=True)
class Step:
    """A cell and the net behind it on a critical path.

    Attributes:
        cell: its name in the netlist, or the packer's.
        port: its output.
        net: the net's name.
        logic_ns: delay in the cell.
        route_ns: delay on the net.
    """

    cell: str
    port: str
    net: str
    logic_ns: float
    route_ns: float


@dataclass(frozen=True)
class CriticalPath:
    """The slowest path between flip-flops.

    Attributes:
        steps: from the first flip-flop to the last cell before the second one.
        end: the name of the second one.
        setup_ns: its setup time.
    """

    steps: tuple[Step, ...]
    end: str
    setup_ns: float

    @property
    def logic_ns(self) -> float:
        """Delay in cells, with the setup time."""
        return sum(step.logic_ns for step in self.steps) + self.setup_ns

    @property
    def route_ns(self) -> float:
        """Delay on nets."""
        return sum(step.route_ns for step in self.steps)


def find(part: str) -> Nextpnr:
    """Return the paths of the program and of a part's chip database.

    Raises:
        UserError: one is missing; the message names it.
    """
    found = program("nextpnr-xilinx")
    chip = folder("CHIPDB", "nextpnr-xilinx' chip databases") / f"{part.rpartition('-')[0]}.bin"
    if not chip.is_file():
        raise UserError(f"{chip}: not found; it is made by nextpnr-xilinx' bbaexport.py and bbasm")
    return Nextpnr(found, str(chip))


def program(name: str) -> str:
    """Return the path of one of openXC7's programs.

    Raises:
        UserError: it is not on PATH.
    """
    found = shutil.which(name)
    if found is None:
        raise UserError(
            f"{name}: not found on PATH; it is needed for --flow openxc7 and comes with openXC7 "
            "(github.com/openXC7)"
        )
    return found


def folder(variable: str, what: str) -> Path:
    """Return the folder that an environment variable names.

    Args:
        variable: its name.
        what: what the folder has, for the message.

    Raises:
        UserError: it is not set.
    """
    value = os.environ.get(variable)
    if not value:
        raise UserError(f"{variable}: not set; it must name the folder of {what}")
    return Path(value).absolute()


def check_netlist(netlist: Path, top: str) -> None:
    """Refuse a netlist with cells that the tool does not take, before it is run for minutes.

    Args:
        netlist: Yosys' JSON.
        top: its top module, which must be flat.

    Raises:
        UserError: it has such a cell; the message names it and where it is from.
    """
    known = tomllib.loads((share("boards") / "pynq-z2" / _PACKED).read_text())
    for name, cell in json.loads(netlist.read_text())["modules"][top]["cells"].items():
        kind = cell["type"]
        source = cell["attributes"].get("src", "").partition("|")[0]
        where = f"{name} in {top}" + (f", from {source}" if source else "")
        if kind not in known["packed"]:
            why = known["refused"].get(kind, "its packer has no rule for it")
            raise UserError(
                f"{kind} ({where}): {known['tool']} does not take this cell: {why}; make it of "
                f"cells that it takes, in boards/pynq-z2/openxc7_cells.v (list: {_PACKED})"
            )
        for parameter, value in cell["parameters"].items() if kind.startswith("FD") else ():
            if _INVERSION.fullmatch(parameter) and int(value, 2):
                raise UserError(
                    f"{kind} ({where}): {parameter} = {int(value, 2)}, must be 0: {known['tool']} "
                    "passes over it"
                )


def constraints(clock: str, clock_mhz: float) -> str:
    """Return the .xdc, which has the clock only, as designs have no pins."""
    return f"create_clock -period {1000 / clock_mhz:.3f} [get_nets {clock}]\n"


def place_and_route(
    tool: Nextpnr, netlist: Path, clock: str, clock_mhz: float, seed: int, place: Path, log: Path
) -> str:
    """Write SEED.fasm; return what the tool printed, with its version.

    Args:
        tool: its paths.
        netlist: Yosys' JSON.
        clock: the clock's net.
        clock_mhz: the target clock. A slower design does not fail.
        seed: for the placer.
        place: the working folder.
        log: the file to which its output is appended.

    Raises:
        UserError: it fails.
    """
    (place / "design.xdc").write_text(constraints(clock, clock_mhz))
    options = ("--freq", f"{clock_mhz:g}", "--seed", str(seed), "--timing-allow-fail")
    files = ("--xdc", "design.xdc", "--json", str(netlist), "--fasm", f"{seed}.fasm")
    command = [tool.program, "--chipdb", tool.chip, *files, *options]
    said = list(follow([tool.program, "--version"], place, log))
    with stages(f"seed {seed}", len(_STAGES)) as show:
        said += _shown(follow(command, place, log), show)
    return "\n".join(said)


def _shown(lines: Iterator[str], show: Callable[[int, str], None]) -> Iterator[str]:
    """Yield the tool's lines, and show what they say of its progress."""
    done = 0
    for line in lines:
        yield line
        text = line.removeprefix("Info:").strip()
        for index, (start, _) in enumerate(_STAGES):
            if index >= done and text.startswith(start):
                done = index
                show(done, _STAGES[done][1])
        for pattern, form in _DETAILS:
            if found := pattern.search(text):
                show(done, f"{_STAGES[done][1]}, {form.format(*found.groups())}")
                break


def figures(said: str, fasm: str) -> Routed:
    """Return the figures of a routed design.

    Args:
        said: what nextpnr-xilinx printed.
        fasm: the FASM that it wrote.

    Raises:
        UserError: what it printed lacks a figure.
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
        area=Area.of({**area, "LUT": len(_LUT_SITE.findall(fasm))}),
        half_luts=area["half LUT"],
    )


def critical_path(said: str) -> CriticalPath:
    """Return the slowest path of a routed design from what nextpnr-xilinx printed.

    Raises:
        UserError: it does not state one.
    """
    lines = [line.removeprefix("Info:").strip() for line in said.splitlines()]
    starts = [index for index, line in enumerate(lines) if _PATH.match(line)]
    steps: list[Step] = []
    cell, port, logic = "", "", 0.0
    for line in lines[starts[-1] :] if starts else ():
        if found := _SOURCE.match(line):
            logic, cell, port = float(found[1]), found[3], found[4]
            if found[2] == "Setup":
                return CriticalPath(tuple(steps), cell, logic)
        elif found := _NET.match(line):
            steps.append(Step(cell, port, found[2], logic, float(found[1])))
        elif _PATH_END.match(line):
            break
    raise UserError("nextpnr-xilinx: its log does not state a critical path")
