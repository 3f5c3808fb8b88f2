"""Compare the simulation speed of the compiled harness and cocotb in the same run.

Run from the repository's root::

    python -m benchmarks.sim_speed BUILD_DIR IMAGES [--out FILE]

Both stream images at full rate through the same RTL, compiled by the same Verilator, and must
give the same logits. The harness streams all images; cocotb (with cocotbext-axi's stream models)
streams only the first few, because its time is proportional to the cycles. Compilation is not
counted.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.about import about
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import RTL
from irnet_hw.cli import options
from irnet_hw.errors import UserError
from irnet_hw.files import holds_json, require_ours, whole_file
from irnet_hw.images import Images, read_images
from irnet_hw.runtime.frames import Frames
from irnet_hw.scratch import scratch
from irnet_hw.share import share
from irnet_hw.simulate.beats import beat_bytes, decode
from irnet_hw.simulate.simulator import Simulator, compile_accelerator
from irnet_hw.verilog.trusted import open_for_tools
from tests.bench import compile_bench

#: Number of images for cocotb.
COCOTB_IMAGES = 8

Figures = dict[str, Any]


@click.command()
@click.argument("build_dir", type=click.Path(path_type=Path))
@click.argument("images_file", metavar="IMAGES", type=click.Path(path_type=Path))
@click.option("--out", default="sim_speed.json", show_default=True, type=click.Path(path_type=Path))
@options.force
def main(build_dir: Path, images_file: Path, out: Path, force: bool) -> None:
    """Measure the simulation speed of the accelerator in BUILD_DIR on IMAGES."""
    try:
        require_ours(out, holds_json(accelerator=..., cocotb=...), force)
        built = open_for_tools(build_dir)
        images, _ = read_images(images_file, built.image, built.output.values)
        harness, expected = measure_harness(build_dir, built, images)
        cocotb, found = measure_cocotb(build_dir, built, images[:COCOTB_IMAGES])
        if not np.array_equal(found, expected[:COCOTB_IMAGES]):
            raise UserError(f"{build_dir}: cocotb and the harness give different logits")
        result = {
            "accelerator": built.name,
            **about("verilator", "cocotb", "cocotbext-axi"),
            "compiled harness": harness,
            "cocotb": cocotb,
        }
        with whole_file(out) as target:
            target.write_text(json.dumps(result, indent=1) + "\n")
    except UserError as error:
        raise click.ClickException(str(error)) from None
    Console().print(table(built.name, {"compiled harness": harness, "cocotb": cocotb}))


def measure_harness(folder: Path, built: Manifest, images: Images) -> tuple[Figures, np.ndarray]:
    """Return the figures and the logits of all images."""
    simulator = Simulator(compile_accelerator(folder, built), folder, built)
    streamed = simulator.stream(images, 0, "compiled harness")
    return figures(len(images), streamed.cycles, streamed.seconds), streamed.out


def measure_cocotb(folder: Path, built: Manifest, images: Images) -> tuple[Figures, np.ndarray]:
    """Return the figures and the logits of all images."""
    sources = [share("rtl") / "lint.vlt", *(folder / source for source in built.sources)]
    bench = compile_bench(sources, built.top)
    width = beat_bytes(built.output)
    with scratch("speed") as place:
        case, result = place / "case.npz", place / "result.npz"
        np.savez(
            case,
            beats=Frames(built).of(images).reshape(-1, beat_bytes(built.input)),
            expect=len(images) * built.output.beats * width,
            p_gap=0.0,
            p_stall=0.0,
            seed=0,
        )
        bench.run(
            "tests.simulate.stitched_bench",
            {"CASE": str(case), "RESULT": str(result)},
            data=folder / RTL,
        )
        streamed = np.load(result)
        logits = decode(streamed["out"].reshape(-1, width), built.output)
        return figures(len(images), int(streamed["cycles"]), float(streamed["seconds"])), logits


def figures(images: int, cycles: int, seconds: float) -> Figures:
    """Return the figures of one simulator."""
    return {
        "images": images,
        "cycles": cycles,
        "seconds": seconds,
        "cycles_per_second": cycles / seconds,
        "images_per_second": images / seconds,
    }


def table(name: str, rows: Mapping[str, Figures]) -> Table:
    """Return the figures as a table."""
    shown = Table(title=f"Simulation speed of {name}")
    shown.add_column("simulator")
    for column in ("images", "cycles", "seconds", "cycles/s", "images/s"):
        shown.add_column(column, justify="right")
    for simulator, row in rows.items():
        shown.add_row(
            simulator,
            f"{row['images']:,}",
            f"{row['cycles']:,}",
            f"{row['seconds']:.3f}",
            f"{row['cycles_per_second']:,.0f}",
            f"{row['images_per_second']:,.1f}",
        )
    return shown


if __name__ == "__main__":
    main()
