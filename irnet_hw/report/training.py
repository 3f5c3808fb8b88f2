"""The report on one or more training runs: their results, and how they went."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from irnet_hw.errors import UserError
from irnet_hw.files import claimed, holds_json, is_page
from irnet_hw.quant import EDESchedule
from irnet_hw.report import enlarging
from irnet_hw.report.curves import Axis, Curve, draw
from irnet_hw.report.page import render, save
from irnet_hw.report.runs import Run, read_run
from irnet_hw.train.table import table
from irnet_hw.train.task import task_of

#: The largest number of runs whose colours can be told apart.
MOST_RUNS = 8

#: The gradient is drawn at this many epochs from the first to the last, each with its own colour.
GRADIENTS = 5

#: The highest lower end of an entropy scale: values closer to 1 do not matter.
HIGHEST_LOW_ENTROPY = 0.9999

_SMALL = (186, 120)

#: The files written, and the checks that tell whether an existing file is ours.
_FILES = {
    "train-report.html": is_page,
    "train-report.json": holds_json(runs=..., differences=...),
}

#: Recipe keys that have their own columns in the table of runs.
_OWN_COLUMNS = ("name", "seed", "epochs")


@dataclass(frozen=True)
class _Score:
    """How well networks do on the test images, in words.

    Attributes:
        title: of its picture.
        unit: formats a value.
        tick: formats a value on an axis.
        train: the column of the same score on the training images, if there is one.
    """

    title: str
    unit: Callable[[float], str]
    tick: Callable[[float], str]
    train: str = ""


def _two_places(share: float) -> str:
    return f"{100 * share:.2f} %"


#: By the column that selects best.pt.
_SCORES = {
    "test_accuracy": _Score("Accuracy", _two_places, "{:.0%}".format, train="train_accuracy"),
    "test_psnr": _Score("PSNR", "{:.2f} dB".format, "{:g} dB".format),
}


def write(
    folders: Sequence[Path], out: Path | None = None, force: bool = False, data_folder: str = ""
) -> tuple[Path, Path]:
    """Write train-report.html and train-report.json.

    Args:
        folders: the runs' folders.
        out: the folder for the files; by default the run's own, or the current one if there
            are several runs.
        force: overwrite files of these names that irnet-hw did not write.
        data_folder: where the images of runs that enlarge images are now; by default where they
            were in training.

    Returns:
        the two files.

    Raises:
        UserError: a folder is not a run's or its files are damaged, there are too many runs, or
            some classify and others enlarge images, whose data set can't be read; or the reports
            can't be written or would overwrite files that irnet-hw did not write.
    """
    if len(folders) > MOST_RUNS:
        raise UserError(f"RUN: {len(folders)} runs, must be at most {MOST_RUNS}")
    if len({Path(folder).resolve() for folder in folders}) < len(folders):
        raise UserError(f"RUN: {', '.join(map(str, folders))}: each run must be given once")
    runs = [read_run(folder) for folder in folders]
    kinds = {task_of(run.recipe.model).score for run in runs}
    if len(kinds) > 1:
        raise UserError("RUN: some runs classify and others enlarge images; report them apart")
    (kind,) = kinds
    facts = gather(runs)
    enlarged = []
    if kind == "test_psnr":
        for run, each in zip(runs, facts["runs"], strict=True):
            each["sets"], shown = enlarging.measure(run, data_folder)
            enlarged.append({"name": each["name"], "images": shown})
    if out is None:
        out = runs[0].folder if len(runs) == 1 else Path()
    pictures = _pictures(facts, kind) | {"enlarged": enlarged}
    html = render(
        "train-report.html.jinja", facts=facts, pictures=pictures, kind=kind, score=_SCORES[kind]
    )
    with claimed(out, _FILES, force):
        return save(out, "train-report", html, facts)


def gather(runs: Sequence[Run]) -> dict[str, Any]:
    """Return all that is known about the runs, in the form of train-report.json."""
    names = [run.folder.resolve().name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.folder) for run in runs]
    return {
        "format": 1,
        "runs": [_facts(run, name) for run, name in zip(runs, names, strict=True)],
        "differences": _differences([_flat(table(run.recipe)) for run in runs]),
    }


def _facts(run: Run, name: str) -> dict[str, Any]:
    recipe = run.recipe
    score = task_of(recipe.model).score
    values = run.metrics[score]
    best = max(range(len(values)), key=lambda i: values[i])
    schedule = recipe.ede()
    return {
        "name": name,
        "recipe": table(recipe),
        "epochs": {"done": len(values), "planned": recipe.epochs},
        "last": {key: column[-1] for key, column in run.metrics.items()},
        "best": {"epoch": best + 1, score: values[best]},
        "images_per_second": statistics.median(run.metrics["images_per_second"]),
        "metrics": run.metrics,
        "layers": [
            {
                "layer": layer.name,
                "weights": layer.weights,
                "entropy": layer.entropy,
                "flipped": layer.flipped,
            }
            for layer in run.layers
        ],
        "ede": recipe.model.ede
        and {
            "t": [schedule(epoch)[0] for epoch in range(recipe.epochs)],
            "k": [schedule(epoch)[1] for epoch in range(recipe.epochs)],
        },
    }


def _flat(content: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe's table with dotted keys instead of nested tables."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{name}": each for name, each in value.items()}
        else:
            flat[key] = value
    return flat


def _differences(recipes: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the keys in which recipes differ, with each recipe's value, or None."""
    keys = list(dict.fromkeys(key for recipe in recipes for key in recipe))
    values = {key: [recipe.get(key) for recipe in recipes] for key in keys}
    return {
        key: each
        for key, each in values.items()
        if key not in _OWN_COLUMNS and any(value != each[0] for value in each)
    }


def _pictures(facts: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the pictures of a page by its sections; ``kind`` is a key of ``_SCORES``."""
    runs = facts["runs"]
    flips = _flips_axis(runs)
    return {
        "results": [
            draw("Training loss", _of_epochs(runs, "loss"), Axis(low=0)),
            draw(_SCORES[kind].title, _scores(runs, kind), Axis(_SCORES[kind].tick)),
            draw("Learning rate at start of epoch", _of_epochs(runs, "learning_rate"), Axis(low=0)),
        ],
        "entropy": [
            draw(
                "Mean of all 1-bit weights",
                _of_epochs(runs, "weight_entropy"),
                _entropy_axis(runs, lambda run: [run["metrics"]["weight_entropy"]]),
            )
        ],
        "entropies": _of_layers(
            runs, "entropy", _entropy_axis(runs, lambda run: [x["entropy"] for x in run["layers"]])
        ),
        "flips": [draw("Mean of all 1-bit weights", _of_epochs(runs, "flip_rate"), flips)],
        "flips_by_layer": _of_layers(runs, "flipped", flips),
        "ede": _schedules(runs),
    }


def _of_epochs(runs: list[dict[str, Any]], key: str) -> list[Curve]:
    """Return a curve of one column of metrics.csv for each run."""
    return [
        Curve(run["name"], f"run{i}", run["metrics"]["epoch"], run["metrics"][key])
        for i, run in enumerate(runs)
    ]


def _scores(runs: list[dict[str, Any]], kind: str) -> list[Curve]:
    curves = []
    for i, run in enumerate(runs):
        metrics, name = run["metrics"], run["name"]
        epochs, train = metrics["epoch"], _SCORES[kind].train
        if train:
            title = f"{name}, training images"
            curves.append(Curve(title, f"run{i} dashed", epochs, metrics[train]))
        curves.append(
            Curve(
                f"{name}, test images",
                f"run{i}",
                epochs,
                metrics[kind],
                rings=[run["best"]["epoch"] - 1],
                dots=[len(epochs) - 1],
            )
        )
    return curves


def _of_layers(runs: list[dict[str, Any]], key: str, axis: Axis) -> list[Markup]:
    """Return a small picture for each layer, all with the same axes."""
    names = dict.fromkeys(layer["layer"] for run in runs for layer in run["layers"])
    pictures = []
    for name in names:
        curves = [
            Curve(run["name"], f"run{i}", run["metrics"]["epoch"], layer[key])
            for i, run in enumerate(runs)
            for layer in run["layers"]
            if layer["layer"] == name
        ]
        pictures.append(draw(name, curves, axis, size=_SMALL))
    return pictures


def _entropy_axis(
    runs: list[dict[str, Any]], pick: Callable[[dict[str, Any]], list[list[float]]]
) -> Axis:
    """Return an axis for entropies, which are at most 1 and rarely much lower."""
    lowest = min((value for run in runs for each in pick(run) for value in each), default=0.0)
    return Axis("{:.6g}".format, low=min(lowest, HIGHEST_LOW_ENTROPY), high=1.0)


def _flips_axis(runs: list[dict[str, Any]]) -> Axis:
    rates = [
        rate for run in runs for layer in run["layers"] for rate in layer["flipped"] if rate > 0
    ]
    return Axis(_percent, log=True, low=min(rates, default=0.01), high=max(rates, default=1.0))


def _percent(share: float) -> str:
    return f"{100 * share:g}%"


def _schedules(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pictures of every EDE schedule that occurs, and which runs use it."""
    schedules: dict[tuple[float, float, int], list[str]] = {}
    for run in runs:
        if run["ede"]:
            recipe = run["recipe"]
            key = (recipe["t_min"], recipe["t_max"], recipe["epochs"])
            schedules.setdefault(key, []).append(run["name"])
    return [
        {"t_min": t_min, "t_max": t_max, "runs": names}
        | _schedule(EDESchedule(t_min, t_max, epochs))
        for (t_min, t_max, epochs), names in schedules.items()
    ]


def _schedule(schedule: EDESchedule) -> dict[str, Any]:
    every = range(schedule.epochs)
    chosen = sorted(
        set(np.linspace(0, schedule.epochs - 1, GRADIENTS).round().astype(int).tolist())
    )
    x = np.linspace(-3, 3, 241)
    shapes = []
    for i, epoch in enumerate(chosen):
        t, k = schedule(epoch)
        name = f"epoch {epoch + 1}: t = {t:.3g}, k = {k:.4g}"
        shapes.append(Curve(name, f"time{i}", x.tolist(), gradient(x, t, k).tolist()))
    epochs = [epoch + 1 for epoch in every]
    parameters = [
        Curve("t", "time4", epochs, [schedule(epoch)[0] for epoch in every]),
        Curve("k", "time0", epochs, [schedule(epoch)[1] for epoch in every]),
    ]
    return {
        "shapes": [curve.name for curve in shapes],
        "pictures": [
            draw("Gradient k t (1 − tanh²(t x))", shapes, Axis(low=0), x_label="x"),
            draw("t and k", parameters, Axis(log=True)),
        ],
    }


def gradient(x: np.ndarray, t: float, k: float) -> np.ndarray:
    """Return EDE's gradient of the sign, the same as :class:`irnet_hw.quant.EDE` uses."""
    return k * t * (1 - np.tanh(t * x) ** 2)
