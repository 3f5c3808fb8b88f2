"""The report on a build: what the accelerator is, what was proved, and what it costs."""

from pathlib import Path
from typing import Any

from irnet_hw.held import held
from irnet_hw.report import tables
from irnet_hw.report.condense import boxes, kernels
from irnet_hw.report.facts import Sample, gather, read_sample
from irnet_hw.report.gantt import draw_schedule
from irnet_hw.report.page import render, save
from irnet_hw.report.picture import draw
from irnet_hw.report.png import data_uri


def write(folder: Path, force: bool = False) -> tuple[Path, Path]:
    """Write report.html and report.json into an accelerator's folder.

    Args:
        folder: a build's; results of simulation and synthesis there are reported, too.
        force: overwrite files of these names that irnet-hw did not write.

    Returns:
        the two files.

    Raises:
        UserError: the folder is not an accelerator's, its files are damaged, it can't be written,
            or a file that irnet-hw did not write is in the way.
    """
    folder = Path(folder)
    with held(folder, ("report.html", "report.json"), force):
        facts = gather(folder)
        return save(folder, "report", _page(facts, read_sample(folder)), facts)


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
