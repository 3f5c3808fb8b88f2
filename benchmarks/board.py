"""Measure accelerators with shell and driver on the simulated board: rate, port use, overhead.

Run from the repository's root, with folders written by ``irnet-hw build``::

    python -m benchmarks.board --accelerator BUILD_DIR IMAGES --accelerator ...

Frames pass through :class:`irnet_hw.runtime.Accelerator` as on a board: with registers, buffers,
AXI4 bursts and interrupts, in simulated time. All logits are compared with the QONNX run. Rates
are given at the board's clock. The driver's own time is measured on this machine's processor,
without the simulation, as the median over batches of one image.
"""

import json
import statistics
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.about import about
from irnet_hw import spec
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import MODEL
from irnet_hw.artifact.registers import PORT_BYTES
from irnet_hw.cli import options
from irnet_hw.errors import UserError
from irnet_hw.files import holds_json, require_ours, whole_file
from irnet_hw.images import Images, read_images
from irnet_hw.runtime import Accelerator
from irnet_hw.runtime.frames import Frames
from irnet_hw.simulate.board import SimulatedBoard
from irnet_hw.verilog.trusted import open_for_tools

#: Number of batches of one image used to measure the driver.
SINGLE = 20

Figures = dict[str, Any]


@click.command()
@click.option(
    "--accelerator",
    "accelerators",
    type=(click.Path(path_type=Path), click.Path(path_type=Path)),
    multiple=True,
    required=True,
    metavar="BUILD_DIR IMAGES",
    help="An accelerator and images for it; may be repeated.",
)
@click.option("--frames", default=84, show_default=True, help="Frames used to measure the rate.")
@click.option("--out", default="board.json", show_default=True, type=click.Path(path_type=Path))
@options.force
def main(accelerators: tuple[tuple[Path, Path], ...], frames: int, out: Path, force: bool) -> None:
    """Measure accelerators on the simulated board and print a table of their figures."""
    try:
        require_ours(out, holds_json(machine=..., accelerators=...), force)
        rows = []
        for folder, file in accelerators:
            built = open_for_tools(folder)
            images, _ = read_images(file, built.image, built.output.values)
            rows.append(measure(folder, images[:frames], frames))
    except UserError as error:
        raise click.ClickException(str(error)) from error
    result = {
        **about("python", "verilator"),
        "accelerators": rows,
    }
    with whole_file(out) as path:
        path.write_text(json.dumps(result, indent=1) + "\n")
    Console(width=200).print(table(rows))


def measure(folder: Path, images: Images, frames: int) -> Figures:
    """Return the figures of one accelerator.

    Args:
        folder: the accelerator's.
        images: whose logits are compared.
        frames: to measure the rate.
    """
    built = open_for_tools(folder)
    (expected,) = spec.run(spec.load(folder / MODEL), images).values()
    board = SimulatedBoard(folder, built)
    with Accelerator(folder, board) as accelerator:
        differences = int(np.count_nonzero(accelerator.logits(images) != expected))
        before = board.words()
        rate = accelerator.throughput_test(frames)
        read, written = (now - then for now, then in zip(board.words(), before, strict=True))
        driver = single(accelerator, board, images[:1])
    return {
        "accelerator": built.name,
        "board": built.board,
        "clock_mhz": built.clock_mhz,
        "images": len(images),
        "logits": expected.size,
        "differences": differences,
        "cycles_per_frame": {"model": built.cycles_per_frame, "sim": rate["interval_cycles"]},
        "rate": rate,
        # Relative to the cycles that the frames take at the accelerator's pace.
        "port": {
            name: {
                "utilisation": words / frames / rate["interval_cycles"],
                "megabytes_per_second": PORT_BYTES
                * built.clock_mhz
                * words
                / frames
                / rate["interval_cycles"],
            }
            for name, words in (("read", read), ("write", written))
        },
        "driver_seconds_per_batch": driver,
        "frames_per_batch": -(-frames // rate["batches"]),
        "packed_images_per_second": packing(built, images),
    }


def single(accelerator: Accelerator, board: SimulatedBoard, image: Images) -> float:
    """Return the seconds that the driver takes per batch, without the simulation."""
    found = []
    for _ in range(SINGLE):
        start, simulating = time.perf_counter(), board.simulating
        accelerator.predict(image)
        found.append(time.perf_counter() - start - (board.simulating - simulating))
    return statistics.median(found)


def packing(built: Manifest, images: Images) -> float:
    """Return how many images a second this machine makes frames of."""
    frames, found = Frames(built), []
    for _ in range(SINGLE):
        start = time.perf_counter()
        frames.of(images)
        found.append(time.perf_counter() - start)
    return len(images) / statistics.median(found)


def table(rows: list[Figures]) -> Table:
    """Return the figures as a table."""
    shown = Table(title="Shell and driver on the simulated board, at the board's clock")
    for head in ("network", "board", "differences"):
        shown.add_column(head)
    heads = ("cycles a frame (model)", "frames/s", "latency", "port, read", "port, written")
    for head in (*heads, "driver, a batch", "frames a batch"):
        shown.add_column(head, justify="right")
    for row in rows:
        cycles, port = row["cycles_per_frame"], row["port"]
        shown.add_row(
            row["accelerator"],
            row["board"],
            f"{row['differences']} of {row['logits']:,} logits",
            f"{cycles['sim']:,} ({cycles['model']:,})",
            f"{row['clock_mhz'] * 1e6 / cycles['sim']:,.0f}",
            f"{row['rate']['latency_cycles']:,} cycles",
            *(
                f"{one['megabytes_per_second']:.1f} MB/s, {one['utilisation']:.1%}"
                for one in (port["read"], port["write"])
            ),
            f"{row['driver_seconds_per_batch'] * 1e6:,.0f} us",
            f"{row['frames_per_batch']}",
        )
    return shown


if __name__ == "__main__":
    main()
