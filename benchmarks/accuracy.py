"""Train the rows of the paper's table, one after the other, and write the table.

Run from the repository's root::

    python -m benchmarks.accuracy --rows resnet20,vgg-small --data DATA --budget 30000

DATA holds a folder for each data set, such as DATA/cifar10. A row is a chain of recipes, each of
which starts from the weights of the one before: the paper's precision, then the hardware's. Every
recipe trains in OUT/RECIPE like ``irnet-hw train``. Runs that are there are resumed, and finished
ones are kept, so that the same command goes on after it was killed or its budget was spent.

Before it begins, it times some steps of every recipe and says how long all will take. When a row's
last recipe is done, its network is exported, built and simulated. The results go to
OUT/accuracy.json and, as a table, to OUT/accuracy.md; rows that were not asked for stay in them.
"""

import dataclasses
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.train_speed import steps
from irnet_hw import data
from irnet_hw.cli import options
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError
from irnet_hw.export.station import export
from irnet_hw.files import begins, claimed, holds_json, whole_file
from irnet_hw.images import read_images
from irnet_hw.progress import say
from irnet_hw.read import json_file, sha256
from irnet_hw.scratch import scratch
from irnet_hw.simulate.proof import simulate
from irnet_hw.train import table as tables
from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.loop import train
from irnet_hw.train.recipe import Recipe, load_recipe
from irnet_hw.train.run import Run
from irnet_hw.train.work import accuracy, batches_of, devices


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        title: the network, and the bits of its weights and activations.
        recipes: names of recipes; each starts from the weights of the one before.
        published: top-1 accuracy in percent.
        by: who published it: IR-Net's paper (Qin et al., CVPR 2020), or Brevitas for its
            bnn_pynq examples.
        board: the board to build for; empty if the network can't be exported.
        fps: the frames a second to build for.
    """

    title: str
    recipes: tuple[str, ...]
    published: float
    by: str
    board: str = ""
    fps: float = 0.0


ROWS = {
    "resnet20": Row(
        "ResNet-20 1/1",
        ("resnet20", "resnet20-hardware", "resnet20-rounded"),
        86.5,
        "IR-Net",
        "pynq-z2",
        24_000,
    ),
    "resnet20-1w32a": Row("ResNet-20 1/32", ("resnet20-1w32a",), 90.8, "IR-Net"),
    "vgg-small": Row(
        "VGG-Small 1/1", ("vgg-small", "vgg-small-hardware"), 90.4, "IR-Net", "zcu104", 3_000
    ),
    "resnet18": Row(
        "ResNet-18 1/1",
        ("resnet18", "resnet18-hardware", "resnet18-rounded"),
        91.5,
        "IR-Net",
        "zcu104",
        3_000,
    ),
    "cnv": Row("CNV 1/1", ("cnv",), 84.2, "Brevitas", "pynq-z2", 12_000),
    "tfc": Row("TFC 1/1", ("tfc",), 93.2, "Brevitas", "pynq-z2", 100_000),
    "sfc": Row("SFC 1/1", ("sfc",), 97.8, "Brevitas", "pynq-z2", 100_000),
    "lfc": Row("LFC 1/1", ("lfc",), 98.9, "Brevitas", "pynq-z2", 10_000),
}

#: The steps that are timed, or as many as this many seconds take.
TIMED_STEPS, TIMED_SECONDS = 200, 60.0
#: Steps before them, for compilation and caches.
WARM_UP = 3

_NUMBER = "best epoch's number"
JSON, MARKDOWN = "accuracy.json", "accuracy.md"
HEAD = (
    "| network | recipe | seed | epochs | last epoch | best epoch | published "
    "| hardware precision | QONNX | RTL |\n"
)


@dataclass(frozen=True)
class Stage:
    """A recipe of a row, and the folder of its run."""

    recipe: Recipe
    folder: Path

    @property
    def last(self) -> Path:
        """The checkpoint after the last epoch, whether it exists or not."""
        return self.folder / "last.pt"

    def finished(self) -> bool:
        """Return whether all epochs are done."""
        return self.last.exists() and load_checkpoint(self.last).epoch >= self.recipe.epochs


def stages(row: Row, assignments: Sequence[str], where: Path, out: Path) -> list[Stage]:
    """Return the recipes of a row.

    Args:
        row: the row.
        assignments: overrides, each "key=value" for all recipes or "recipe:key=value" for one.
        where: the folder of the data sets' folders.
        out: the folder of the runs.

    Raises:
        UserError: an override is wrong.
    """
    found: list[Stage] = []
    for name in row.recipes:
        local = {"data_folder": str(where / load_recipe(name).data)}
        if found:
            local["start"] = str(found[-1].last)
        own = [f"{key}={json.dumps(value)}" for key, value in local.items()]
        own += [each for recipe, each in map(split, assignments) if recipe in ("", name)]
        found.append(Stage(load_recipe(name, own), out / name))
    return found


def split(assignment: str) -> tuple[str, str]:
    """Split "recipe:key=value" into the recipe and the rest; the recipe may be left out."""
    key, equals, value = assignment.partition("=")
    recipe, _, key = key.rpartition(":")
    return recipe, key + equals + value


def seconds_of(stage: Stage, dataset: data.Dataset) -> float:
    """Return how long the rest of a recipe's training will take, in seconds.

    Some steps are timed, on a run in a scratch folder, and an evaluation of some images.

    Raises:
        UserError: there is a run of another recipe in the folder.
    """
    recipe, done = stage.recipe, 0
    if stage.last.exists():
        done = Run.resumed(recipe, 1, stage.last, dataset.labels).epoch
    left = recipe.epochs - done
    if left <= 0:
        say(f"{recipe.name}: all {done} epochs are done")
        return 0.0
    # What it starts from may not be there yet; a teacher that is not there is not timed.
    teacher = recipe.teacher if Path(recipe.teacher).is_file() else ""
    recipe = dataclasses.replace(recipe, start="", teacher=teacher)
    fabric = devices(recipe, 1, 1)
    feed = batches_of(dataset, recipe, fabric)
    before = torch.get_num_threads()
    torch.set_num_threads(recipe.threads)
    with scratch("accuracy") as folder:
        training = steps(dataset, recipe, fabric, Path(folder))
        for _ in islice(training, WARM_UP):
            pass
        begun = _now(fabric.device)
        for count, _ in enumerate(islice(training, TIMED_STEPS), 1):
            if count % 10 == 0 and _now(fabric.device) - begun > TIMED_SECONDS:
                break
        step = (_now(fabric.device) - begun) / count
    batches = list(feed.test())
    model = Run.fresh(recipe, 1, dataset.labels).model.to(fabric.device)
    begun = _now(fabric.device)
    accuracy(model, batches[:1])
    evaluation = (_now(fabric.device) - begun) * len(batches)
    torch.set_num_threads(before)
    seconds = left * (feed.steps * step + evaluation)
    say(
        f"{recipe.name}: {left} of {recipe.epochs} epochs left, each {feed.steps} steps of "
        f"{step * 1000:.3g} ms: {span(seconds)}"
    )
    return seconds


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def span(seconds: float) -> str:
    """Return a time in hours, minutes and seconds."""
    return str(timedelta(seconds=math.ceil(seconds)))


def proof(row: Row, stage: Stage, images: int, force: bool) -> dict[str, Any]:
    """Export a finished network, build it and simulate it; return the figures.

    Args:
        row: the row.
        stage: its last recipe.
        images: how many held-out images to simulate.
        force: overwrite others' files in the run's folder.
    """
    summary = export(stage.last, force=force).summary
    folder = stage.folder / f"model-{row.board}"
    model = stage.folder / "model.onnx"
    built = build(model, row.board, folder, row.fps, force=force)
    pixels, labels = read_images(model.with_name("heldout.npz"), built.image, built.output.values)
    assert labels is not None  # export writes them
    found = simulate(folder, pixels[:images], labels[:images], force=force)
    assert found.accuracy is not None
    return {
        "checkpoint": sha256(stage.last),
        "qonnx": {
            "accuracy": summary["accuracy"]["qonnx"],
            "images": summary["accuracy"]["images"],
            "predictions that differ from PyTorch's": summary["predictions_differ"],
        },
        "rtl": {
            "board": row.board,
            "frames_per_second": row.fps,
            "accuracy": found.accuracy.rtl,
            "images": found.images,
            "values that differ from QONNX's": found.differences,
        },
    }


def figures(name: str, chain: list[Stage], proven: dict[str, Any] | None) -> dict[str, Any]:
    """Return a row's entry in accuracy.json."""
    row, runs = ROWS[name], []
    for stage in chain:
        if not stage.last.exists():
            break
        checkpoint = load_checkpoint(stage.last)
        changed = tables.changes(load_recipe(stage.folder.name), checkpoint.recipe)
        local = ("data_folder", "start", "teacher", "threads", "epochs")
        runs.append(
            {
                "recipe": stage.folder.name,
                "changes": {key: new for key, (_, new) in changed.items() if key not in local},
                "precision": getattr(checkpoint.recipe.model, "precision", "hardware"),
                "seed": checkpoint.seed,
                "epochs": checkpoint.epoch,
                "planned": checkpoint.recipe.epochs,
                "last epoch": checkpoint.metrics["last_test_accuracy"],
                "best epoch": checkpoint.metrics["best_test_accuracy"],
                _NUMBER: checkpoint.metrics["best_epoch"],
            }
        )
    return {
        "title": row.title,
        "data": chain[0].recipe.data,
        "published": row.published / 100,
        "by": row.by,
        "runs": runs,
        "proof": proven,
    }


def markdown(rows: dict[str, dict[str, Any]]) -> str:
    """Return the table.

    Args:
        rows: the entries of accuracy.json.
    """
    lines = [HEAD, f"{'|---' * (HEAD.count('|') - 1)}|\n"]
    for row in rows.values():
        # The paper's figures are those of the first recipe; the hardware's, of the last.
        runs, proven = row["runs"], row["proof"]
        cells = [row["title"], *[""] * 5, f"{row['published']:.1%} ({row['by']})", "", "", ""]
        if runs:
            first, last = runs[0], runs[-1]
            cells[1] = ", then ".join(map(_recipe, runs))
            cells[2] = str(first["seed"])
            cells[3] = ", then ".join(f"{run['epochs']} of {run['planned']}" for run in runs)
            if first["epochs"]:
                cells[4] = f"{first['last epoch']:.2%}"
                cells[5] = f"{first['best epoch']:.2%} ({first[_NUMBER]})"
            if last["precision"] == "hardware" and last["epochs"]:
                cells[7] = f"{last['last epoch']:.2%}"
        if proven:
            cells[8] = f"{proven['qonnx']['accuracy']:.2%} of {proven['qonnx']['images']:,}"
            cells[9] = f"{proven['rtl']['accuracy']:.2%} of {proven['rtl']['images']:,}"
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join(lines)


def _recipe(run: dict[str, Any]) -> str:
    changes = ", ".join(f"{key} = {value}" for key, value in run["changes"].items())
    return f"`{run['recipe']}`" + (f" ({changes})" if changes else "")


data_option = click.option(
    "--data",
    "where",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder with a folder for each data set: cifar10, mnist.",
)
budget_option = click.option(
    "--budget",
    type=float,
    default=math.inf,
    help="Seconds after which no training goes on and no simulation begins. Default: unlimited.",
)


@click.command()
@click.option(
    "--rows",
    default=",".join(ROWS),
    show_default=True,
    help="Which rows to train, in this order.",
)
@data_option
@budget_option
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="[RECIPE:]KEY=VALUE",
    help="As for training, for all recipes or for one; may be repeated.",
)
@click.option(
    "--images",
    default=1000,
    show_default=True,
    help="Held-out images to simulate; 0 to train only, without export and simulation.",
)
@click.option("--out", default="runs", show_default=True, type=click.Path(path_type=Path))
@options.force
def main(
    rows: str,
    where: Path,
    budget: float,
    assignments: tuple[str, ...],
    images: int,
    out: Path,
    force: bool,
) -> None:
    """Train the rows of the paper's table and write the table."""
    try:
        with claimed(out, {JSON: holds_json(rows=...), MARKDOWN: begins(HEAD)}, force):
            for _ in reproduce(rows.split(","), where, budget, assignments, images, out, force):
                pass
    except UserError as error:
        raise click.ClickException(str(error)) from None
    click.echo((out / MARKDOWN).read_text(), nl=False)


def reproduce(
    names: list[str],
    where: Path,
    budget: float,
    assignments: Sequence[str],
    images: int,
    out: Path,
    force: bool,
) -> Iterator[None]:
    """Train rows and write the table; yield after everything that was written."""
    for name in names:
        if name not in ROWS:
            raise UserError(f"--rows: {name!r}, must be some of {', '.join(ROWS)}")
    for each in assignments:
        recipe, _ = split(each)
        if recipe and not any(recipe in ROWS[name].recipes for name in names):
            raise UserError(f"--set {each}: {recipe} is not a recipe of these rows")
    end = time.monotonic() + budget
    chains = {name: stages(ROWS[name], assignments, where, out) for name in names}
    loaded: dict[str, data.Dataset] = {}
    together = 0.0
    for chain in chains.values():
        for stage in chain:
            name = stage.recipe.data
            if name not in loaded:
                found = data.load(name, stage.recipe.data_folder)
                assert isinstance(found, data.Dataset)  # no row has ImageNet
                loaded[name] = found
            together += seconds_of(stage, loaded[name])
    say(f"all rows: {span(together)} of training" + _of(budget))
    path = out / JSON
    known = json_file(path)["rows"] if path.exists() else {}

    def record(name: str, proven: dict[str, Any] | None) -> None:
        known[name] = figures(name, chains[name], proven)
        ordered = {row: known[row] for row in ROWS if row in known}
        with whole_file(path) as target:
            target.write_text(json.dumps({"rows": ordered}, indent=1) + "\n")
        with whole_file(out / MARKDOWN) as target:
            target.write_text(markdown(ordered))

    for name, chain in chains.items():
        for stage in chain:
            left = end - time.monotonic()
            if left > 0 and not stage.finished():
                train(stage.recipe, stage.folder, stage.last.exists(), force, left)
            if not stage.finished():
                break
        record(name, _still_true(known.get(name), chain[-1], images))
        yield
    for name, chain in chains.items():
        row = ROWS[name]
        proven = known[name]["proof"]
        if row.board and images and not proven and chain[-1].finished() and time.monotonic() < end:
            record(name, proof(row, chain[-1], images, force))
            yield


def _of(budget: float) -> str:
    return "" if math.isinf(budget) else f"; the budget is {span(budget)}"


def _still_true(known: Any, stage: Stage, images: int) -> dict[str, Any] | None:
    """Return an earlier proof if it is of this checkpoint and of as many images."""
    proven = known and known["proof"]
    if not proven or not stage.last.exists() or proven["checkpoint"] != sha256(stage.last):
        return None
    wanted = min(images, proven["qonnx"]["images"])
    return proven if proven["rtl"]["images"] >= wanted else None


if __name__ == "__main__":
    main()
