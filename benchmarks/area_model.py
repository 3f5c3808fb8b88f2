"""Compare the area models with Yosys' synthesis, layer by layer, for built accelerators.

    python benchmarks/area_model.py [--whole] [--out area_model.json] FOLDER...

A folder is one written by ``irnet-hw build``; cached synthesis results of layers are reused. With
``--whole`` each accelerator is also synthesised in one flattened run, so that Yosys can optimise
across layers: the difference shows how accurate the sum over the layers is.
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from irnet_hw.artifact import manifest
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.resources import RESOURCES, Area
from irnet_hw.artifact.results import Synthesis
from irnet_hw.boards import load_board
from irnet_hw.files import holds_json, require_ours, whole_file
from irnet_hw.synthesise.yosys import flattened, synthesise
from irnet_hw.synthesise.yosys import whole as all_layers

#: An area, by the model or with whatever else was counted.
Counts = Area | Mapping[str, int]


def deviation(model: int, synth: int) -> float | None:
    """Return the model's excess over synthesis in percent, or None if synthesis gives 0."""
    return round(100 * (model - synth) / synth, 1) if synth else None


def compare(model: Counts, synth: Counts) -> dict[str, Any]:
    """Return both areas and the deviation for each kind of resource."""
    return {
        kind: {
            "model": model[kind],
            "synth": synth[kind],
            "deviation": deviation(model[kind], synth[kind]),
        }
        for kind in RESOURCES
    }


def by_operation(built: Manifest, synth: Synthesis) -> dict[str, Any]:
    """Return the comparison of the sums over all layers of each op."""
    found = {}
    for op in sorted({layer.op for layer in built.layers}):
        pairs = [
            (layer.area, counted.area)
            for layer, counted in zip(built.layers, synth.layers, strict=True)
            if layer.op == op
        ]
        model, counted = (
            {kind: sum(pair[side][kind] for pair in pairs) for kind in RESOURCES} for side in (0, 1)
        )
        found[f"all {len(pairs)} {op}"] = compare(model, counted)
    return found


def whole(folder: Path, built: Manifest) -> dict[str, Any]:
    """Return the area of an accelerator synthesised in one flattened run."""
    start = time.monotonic()
    area = flattened(all_layers(folder, built), load_board(built.board).family)
    return {
        **{kind: area[kind] for kind in RESOURCES},
        "seconds": round(time.monotonic() - start, 1),
    }


def line(name: str, figures: dict[str, Any]) -> str:
    """Return a line of the table."""
    cells = [f"{name:28}"]
    for kind in RESOURCES:
        one = figures[kind]
        percent = "" if one["deviation"] is None else f"{one['deviation']:+.1f}%"
        cells.append(f"{one['model']:7} {one['synth']:7} {percent:>8}")
    return " ".join(cells)


def measure(folder: Path, with_whole: bool) -> dict[str, Any]:
    """Print an accelerator's table and return its figures."""
    built = manifest.load(folder)
    synth = synthesise(folder)
    layers = {
        layer.name: compare(layer.area, counted.area)
        for layer, counted in zip(built.layers, synth.layers, strict=True)
    }
    operations = by_operation(built, synth)
    total = compare(built.area, synth.total)
    print(f"{built.name} on {built.board}, {built.cycles_per_frame} cycles a frame")
    heads = (f"{kind:>7} {'synth':>7} {'':>8}" for kind in RESOURCES)
    print(" ".join([f"{'':28}", *heads]))
    for name, figures in {**layers, **operations, "total": total}.items():
        print(line(name, figures), flush=True)
    row = {
        "name": built.name,
        "board": built.board,
        "cycles_per_frame": built.cycles_per_frame,
        "layers": layers,
        "operations": operations,
        "total": total,
        "seconds": round(synth.seconds, 1),
    }
    if with_whole:
        area = row["whole"] = whole(folder, built)
        for kind in RESOURCES:
            off = deviation(synth.total[kind], area[kind])
            percent = "" if off is None else f" ({off:+.1f}%)"
            print(f"{kind}: sum of the layers {synth.total[kind]}, whole {area[kind]}{percent}")
    return row


def main() -> None:
    """Print the tables and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--whole", action="store_true", help="also synthesise each in one run")
    parser.add_argument("--out", type=Path, default=Path("area_model.json"))
    parser.add_argument("--force", action="store_true", help="overwrite another file, too")
    arguments = parser.parse_args()
    require_ours(arguments.out, holds_json(rows=...), arguments.force)
    rows = [measure(folder, arguments.whole) for folder in arguments.folders]
    with whole_file(arguments.out) as path:
        path.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
