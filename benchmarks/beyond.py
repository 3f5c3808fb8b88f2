"""Measure what was found after IR-Net and costs no hardware, each alone, on ResNet-20.

Run from the repository's root::

    python -m benchmarks.beyond --data DATA --epochs 20
    python -m benchmarks.beyond --data DATA --epochs 20 --variants irnet,shifts --seeds 0,1,2

Each variant changes IR-Net's recipe in one way and trains for the same number of epochs, from the
same seed; a teacher's epochs are not counted. Trainings are resumed and kept, and an estimate of
the time and a budget are as in ``benchmarks.accuracy``. The accuracies of all that was ever
measured in OUT go to OUT/beyond.json and, as a table, to OUT/beyond.md.
"""

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.accuracy import Stage, budget_option, data_option, seconds_of, span
from irnet_hw import data, read
from irnet_hw.cli import options
from irnet_hw.errors import UserError
from irnet_hw.files import begins, claimed, holds_json, whole_file
from irnet_hw.progress import say
from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.loop import train
from irnet_hw.train.recipe import load_recipe

RECIPE, BASE = "resnet20", "irnet"
JSON, MARKDOWN = "beyond.json", "beyond.md"
HEAD = "| variant | seeds | accuracy, last epoch | more than IR-Net's |\n"


@dataclass(frozen=True)
class Step:
    """A training of a variant.

    Attributes:
        keys: its changes of the recipe.
        takes: the key that names the checkpoint of the step before; empty in the first step.
        part: its share of the epochs.
        name: of its folder, if several variants have it in common.
    """

    keys: tuple[str, ...] = ()
    takes: str = ""
    part: float = 1.0
    name: str = ""


#: A network in float of the same shape.
FLOAT = Step(("model.weight_bits=32", "model.activation_bits=32"), name="float")
VARIANTS = {
    BASE: (Step(),),
    "label smoothing": (Step(("label_smoothing=0.1",)),),
    "warm-up": (Step(("warmup=2",)),),
    "norms don't decay": (Step(("decay_norms=false",)),),
    "shifts": (Step(("model.shifts=true",)),),
    "gain": (Step(("model.gain=4",)),),
    "from float": (FLOAT, Step(takes="start")),
    "teacher": (FLOAT, Step(takes="teacher")),
    "two stages": (
        Step(("model.weight_bits=32",), part=0.5),
        Step(("weight_decay=0",), takes="start", part=0.5),
    ),
}


def stages(
    name: str, seed: int, epochs: int, assignments: Sequence[str], where: Path, out: Path
) -> list[Stage]:
    """Return the trainings of a variant.

    Args:
        name: the variant's.
        seed: of all its trainings.
        epochs: of the variant.
        assignments: overrides of the recipe, each "key=value".
        where: the folder of the data sets' folders.
        out: the folder of the runs.

    Raises:
        UserError: an override is wrong.
    """
    found: list[Stage] = []
    for number, step in enumerate(VARIANTS[name]):
        local = {"data_folder": str(where / load_recipe(RECIPE).data)}
        if step.takes:
            local[step.takes] = str(found[-1].last)
        keys = [f"{key}={json.dumps(value)}" for key, value in local.items()]
        keys += [f"seed={seed}", f"epochs={max(1, round(epochs * step.part))}"]
        recipe = load_recipe(RECIPE, [*keys, *assignments, *step.keys])
        folder = (step.name or f"{name}-{number}").replace(" ", "-").replace("'", "")
        found.append(Stage(recipe, out / f"{folder}-{epochs}-{seed}"))
    return found


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return the table.

    Args:
        rows: the entries of beyond.json.
    """
    found: dict[tuple[str, int], dict[int, float]] = {}
    for row in rows:
        found.setdefault((row["variant"], row["epochs"]), {})[row["seed"]] = row["accuracy"]
    lines = [HEAD, "|---|---|---|---|\n"]
    for (variant, epochs), accuracies in found.items():
        base = found.get((BASE, epochs), {})
        both = sorted(base.keys() & accuracies.keys())
        more = statistics.mean(accuracies[seed] - base[seed] for seed in both) if both else None
        seeds = ", ".join(map(str, sorted(accuracies)))
        mean = statistics.mean(accuracies.values())
        cell = "" if more is None else f"{100 * more:+.2f} points"
        lines.append(f"| {variant}, {epochs} epochs | {seeds} | {mean:.2%} | {cell} |\n")
    return "".join(lines)


@click.command()
@click.option("--variants", default=",".join(VARIANTS), show_default=True, help="Which to train.")
@click.option("--seeds", default="0", show_default=True, help="The seeds of each, such as 0,1,2.")
@click.option("--epochs", default=20, show_default=True, type=click.IntRange(min=4))
@data_option
@budget_option
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="As for training, for all variants; may be repeated.",
)
@click.option("--out", default="beyond", show_default=True, type=click.Path(path_type=Path))
@options.force
def main(
    variants: str,
    seeds: str,
    epochs: int,
    where: Path,
    budget: float,
    assignments: tuple[str, ...],
    out: Path,
    force: bool,
) -> None:
    """Train each variant of IR-Net's recipe and write the table."""
    try:
        with claimed(out, {JSON: holds_json(rows=...), MARKDOWN: begins(HEAD)}, force):
            for name in variants.split(","):
                if name not in VARIANTS:
                    raise UserError(f"--variants: {name!r}, must be some of {', '.join(VARIANTS)}")
            chains = {
                (name, seed): stages(name, seed, epochs, assignments, where, out)
                for name in variants.split(",")
                for seed in _numbers(seeds)
            }
            _measure(chains, budget, epochs, out, force)
    except UserError as error:
        raise click.ClickException(str(error)) from None
    click.echo((out / MARKDOWN).read_text(), nl=False)


def _numbers(text: str) -> list[int]:
    try:
        return [int(each) for each in text.split(",")]
    except ValueError as error:
        raise UserError(f"--seeds: {text}, must be integers, such as 0,1,2") from error


def _measure(
    chains: dict[tuple[str, int], list[Stage]], budget: float, epochs: int, out: Path, force: bool
) -> None:
    """Train all variants, and write the table after each."""
    end = time.monotonic() + budget
    trainings = {stage.folder: stage for chain in chains.values() for stage in chain}
    first = next(iter(trainings.values())).recipe
    dataset = data.load(first.data, first.data_folder)
    assert isinstance(dataset, data.Dataset)  # not ImageNet
    seconds = sum(seconds_of(stage, dataset) for stage in trainings.values())
    say(f"all variants: {span(seconds)} of training")
    path = out / JSON
    rows = read.json_file(path)["rows"] if path.exists() else []
    _write(rows, out)
    for (name, seed), chain in chains.items():
        for stage in chain:
            left = end - time.monotonic()
            if left > 0 and not stage.finished():
                train(stage.recipe, stage.folder, stage.last.exists(), force, left)
            if not stage.finished():
                break
        if not chain[-1].finished():
            continue
        key = {"variant": name, "epochs": epochs, "seed": seed}
        rows = [row for row in rows if {name: row[name] for name in key} != key]
        accuracy = load_checkpoint(chain[-1].last).metrics["last_test_accuracy"]
        rows.append({**key, "accuracy": accuracy, "images": len(dataset.test_labels)})
        _write(rows, out)


def _write(rows: list[dict[str, Any]], out: Path) -> None:
    with whole_file(out / JSON) as target:
        target.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    with whole_file(out / MARKDOWN) as target:
        target.write_text(markdown(rows))


if __name__ == "__main__":
    main()
