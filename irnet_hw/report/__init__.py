"""Reports, of a build: what the accelerator is, was proved and costs; and of trainings."""

from pathlib import Path
from typing import Any

import click

from irnet_hw.progress import say
from irnet_hw.report import tables
from irnet_hw.report.condense import boxes, kernels
from irnet_hw.report.facts import Sample, gather, read_sample
from irnet_hw.report.gantt import draw_schedule
from irnet_hw.report.page import render, save
from irnet_hw.report.picture import draw
from irnet_hw.report.png import data_uri


def write(folder: Path) -> tuple[Path, Path]:
    """Write report.html and report.json into an accelerator's folder.

    Args:
        folder: from a build; what simulation and synthesis left there is reported too.

    Returns:
        the two files.

    Raises:
        UserError: the folder is no accelerator's, its files are damaged, or it can't be written.
    """
    folder = Path(folder)
    facts = gather(folder)
    return save(folder, "report", _page(facts, read_sample(folder)), facts)


@click.command("report", short_help="Write a build's report.html and report.json.")
@click.argument("build_dir", type=click.Path(path_type=Path))
def command(build_dir: Path) -> None:
    """Write report.html and report.json into BUILD_DIR, an accelerator's folder.

    The page is one file that needs no network. It says what was proved, draws the pipeline,
    and states throughput, area and accuracy; every figure says how it was got.
    """
    page, data = write(build_dir)
    say(f"wrote {page} and {data}")


@click.command("train-report")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the files; by default the run's, or the current one for several runs.",
)
def command_train(runs: tuple[Path, ...], out: Path | None) -> None:
    """Draw the curves of trainings: train-report.html and train-report.json.

    Each RUN is the folder of a run of `irnet-hw train`, such as runs/resnet20; it may still be
    going on. The page is one file that needs no network: results and what differs between the
    recipes, loss and accuracy, the weights' entropy, how many flip, and EDE's gradient over
    time.
    """
    # It imports torch, which takes seconds that --help should not.
    from irnet_hw.report.training import write

    page, data = write(runs, out)
    say(f"wrote {page} and {data}")


def _page(facts: dict[str, Any], sample: Sample | None) -> str:
    tiles = []
    if sample is not None:
        labels = sample.labels if sample.labels is not None else [None] * len(sample.images)
        tiles = [
            {"src": data_uri(image), "prediction": prediction, "label": label}
            for image, prediction, label in zip(
                sample.images, sample.predictions, labels, strict=True
            )
        ]
    layers = tables.layers(facts)
    slowest = facts["throughput"]["bottleneck"]
    bottleneck = next(layer for layer in facts["layers"] if layer["name"] == slowest)
    return render(
        "report.html.jinja",
        facts=facts,
        picture=draw(facts),
        repeats=boxes(kernels(facts))[1],
        gantt=draw_schedule(facts),
        doubling=tables.doubling(facts),
        ops=tables.ops(facts),
        layers=layers,
        compared=tables.compared(facts),
        tiles=tiles,
        lut={
            how: facts["area"]["LUT"][how]
            for how in ("model", "synth", "route")
            if how in facts["area"]["LUT"]
        },
        bottleneck=bottleneck,
        equals=sum(
            layer["cycles"] == bottleneck["cycles"] and layer["name"] != slowest for layer in layers
        ),
    )
