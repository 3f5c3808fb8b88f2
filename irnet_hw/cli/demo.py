"""The whole flow in one command: train, export, build, simulate, synthesise, report, package."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irnet_hw.cli import options
from irnet_hw.progress import say

if TYPE_CHECKING:
    from irnet_hw.train.recipe import Recipe

RECIPE = "digits-vgg"

_STATIONS = 7
#: In the folder for all results.
_RUN, _ACCELERATOR, _PACKAGE, _SUMMARY = "run", "accelerator", "accelerator.zip", "demo.json"


class _Stopwatch:
    """Announces each station and records how long it took.

    Attributes:
        seconds: duration of each finished station, in order.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def station(self, name: str, what: str) -> Iterator[None]:
        say(f"[{len(self.seconds) + 1}/{_STATIONS}] {what}")
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start


def demo(
    recipe: "Recipe", out: Path, board: str, target_fps: float, force: bool = False
) -> dict[str, Any]:
    """Take a recipe to a simulated, synthesised, reported and packaged accelerator.

    Args:
        recipe: what to train.
        out: the folder for all results: run/ with the training and export, accelerator/ with
            the report, accelerator.zip for the board, and demo.json with the wall times.
        board: name of a board.
        target_fps: frames per second to build for.
        force: overwrite others' files in the folder, too.

    Returns:
        the content of demo.json: "seconds" of each station, and the "report" as in report.json.

    Raises:
        UserError: the folder holds files and none of an earlier demo's, another demo is at work
            there, or whatever a station finds wrong.
    """
    from irnet_hw.files import claimed, holds_json

    with claimed(out, {_SUMMARY: holds_json(seconds=..., report=...)}, force):
        return _demo(recipe, out, board, target_fps, force)


def _demo(
    recipe: "Recipe", out: Path, board: str, target_fps: float, force: bool
) -> dict[str, Any]:
    """Do what :func:`demo` says; the folder is held."""
    from irnet_hw.boards import load_board
    from irnet_hw.compiler.pipeline import build
    from irnet_hw.deploy.package import package
    from irnet_hw.export.station import export
    from irnet_hw.images import read_images
    from irnet_hw.report.accelerator import write as write_report
    from irnet_hw.simulate import proof
    from irnet_hw.synthesise import yosys
    from irnet_hw.tools import environment
    from irnet_hw.train.loop import train

    load_board(board)  # report what is missing now, not after the training
    environment.find_verilator()
    environment.cache_dir()
    folder, run = out / _ACCELERATOR, out / _RUN
    # Only the training of an earlier demo may be started over.
    again = (out / _SUMMARY).exists()
    if not again and not run.exists():
        _write(out, {"seconds": {}, "report": None})
    watch = _Stopwatch()
    with watch.station("train", f"training {recipe.name}"):
        checkpoint = train(recipe, run, force=force or again)
    with watch.station("export", "exporting QONNX, and comparing it with PyTorch"):
        exported = export(checkpoint, None, force=force)
    with watch.station("build", f"compiling for {board} at {target_fps:,.0f} frames a second"):
        built = build(exported.model, board, folder, target_fps, force=force)
    assert exported.images is not None  # the data set is there
    with watch.station("simulate", "simulating the RTL on every held-out image"):
        images, labels = read_images(exported.images, built.image, built.output.values)
        proof.simulate(folder, images, labels, force=force)
    with watch.station("synthesise", f"synthesising for {built.part}"):
        yosys.synthesise(folder, force)
    with watch.station("report", "writing the report"):
        _, data = write_report(folder, force)
    with watch.station("package", "packing it with its driver"):
        package(folder, out / _PACKAGE, exported.images, force)
    result = {"seconds": watch.seconds, "report": json.loads(data.read_text())}
    _write(out, result)
    return result


def _write(out: Path, result: dict[str, Any]) -> None:
    from irnet_hw.files import whole_file

    with whole_file(out / _SUMMARY) as temporary:
        temporary.write_text(json.dumps(result, indent=2) + "\n")


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Folder for all results.",
)
@click.option("--board", default="pynq-z2", show_default=True, help="Board to build for.")
@click.option(
    "--target-fps",
    type=float,
    default=150_000.0,
    show_default=True,
    help="Frames per second to build for.",
)
@options.force
def command(out: Path, board: str, target_fps: float, force: bool) -> None:
    """Run the whole flow on a small network.

    Trains a binary network on scikit-learn's handwritten digits, exports it, compiles it to
    an accelerator, simulates the RTL on every held-out image and compares every logit,
    synthesises it, writes a report and packages it with its driver. This takes a few minutes. The
    exit code is 1 if anything differs.
    """
    from irnet_hw.train.recipe import load_recipe

    result = demo(load_recipe(RECIPE), out, board, target_fps, force)
    click.echo(table(result))
    click.echo(f"\nreport: {out / _ACCELERATOR / 'report.html'}\npackage: {out / _PACKAGE}")
    if not result["report"]["verdict"]["bit_exact"]:
        sys.exit(1)


def table(result: dict[str, Any]) -> str:
    """Return a short table of a demo's figures, each with its source.

    Args:
        result: the result of :func:`demo`.
    """
    facts = result["report"]
    proof, throughput, area = facts["proof"], facts["throughput"], facts["area"]
    rows = [
        (row["who"], f"{row['accuracy']:.2%} of {row['images']} images")
        for row in facts["accuracy"]
    ]
    rows += [
        ("logits compared", f"{proof['logits_compared']:,} of {proof['images']:,} images"),
        ("differences", f"{proof['differences']:,}"),
        ("cycles a frame", _kinds(throughput["cycles_per_frame"], ",.0f")),
        ("frames a second", _kinds(throughput["frames_per_second"], ",.0f")),
        ("latency in cycles", _kinds(throughput["latency_cycles"], ",.0f")),
    ]
    for name, entry in area.items():
        used = {kind: entry[kind] for kind in ("model", "synth")}
        rows.append((name, f"{_kinds(used, ',')} of {entry['board']:,}"))
    rows += [(f"time to {name}", f"{took:.1f} s") for name, took in result["seconds"].items()]
    rows.append(("total time", f"{sum(result['seconds'].values()):.1f} s"))
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    head = f"{facts['name']} on {facts['board']} at {facts['clock_mhz']:g} MHz"
    return "\n".join(["", head, facts["verdict"]["text"], "", *lines])


def _kinds(figures: dict[str, float], form: str) -> str:
    return ", ".join(f"{value:{form}} ({kind})" for kind, value in figures.items())
