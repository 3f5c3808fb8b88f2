"""Reads the folders of training runs that ``irnet-hw train`` writes."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irnet_hw.errors import UserError
from irnet_hw.form import SHARE
from irnet_hw.read import file_bytes, text_of
from irnet_hw.train.recipe import Recipe, load_recipe
from irnet_hw.train.task import task_of


@dataclass(frozen=True)
class Layer:
    """A layer's 1-bit weights over the epochs.

    Attributes:
        name: the layer's name in the network.
        weights: how many weights there are.
        entropy: the entropy of their signs after each epoch, in bits.
        flipped: the share of them that changed sign in each epoch.
    """

    name: str
    weights: int
    entropy: list[float]
    flipped: list[float]


@dataclass(frozen=True)
class Run:
    """A training run, complete or still going on.

    Attributes:
        folder: where it is.
        recipe: what was trained, and how.
        metrics: the columns of metrics.csv, with a value for each finished epoch.
        layers: the layers with 1-bit weights, in the network's order, for the same epochs.
    """

    folder: Path
    recipe: Recipe
    metrics: dict[str, list[float]]
    layers: list[Layer]


@dataclass(frozen=True)
class _Kind:
    """What a column may contain.

    Attributes:
        read: parses the file's text; raises a ValueError if it can't.
        fits: whether the value is possible.
        text: both in words.
    """

    read: Callable[[str], Any]
    fits: Callable[[Any], bool]
    text: str


_COUNT = _Kind(int, lambda value: value >= 1, "an integer of at least 1")
_AMOUNT = _Kind(float, lambda value: 0 <= value < math.inf, "a finite number of at least 0")
# Rounding may bring a mean of ones slightly above 1.
_SHARE = _Kind(float, lambda value: 0 <= value <= 1 + 1e-9, "a number from 0 to 1")
_NAME = _Kind(str, bool, "a layer's name")

_BEFORE = {"epoch": _COUNT, "t": _AMOUNT, "k": _AMOUNT, "learning_rate": _AMOUNT, "loss": _AMOUNT}
_AFTER = {"weight_entropy": _SHARE, "flip_rate": _SHARE, "images_per_second": _AMOUNT}
_WEIGHTS = {
    "epoch": _COUNT,
    "layer": _NAME,
    "weights": _COUNT,
    "entropy": _SHARE,
    "flipped": _SHARE,
}


def read_run(folder: Path) -> Run:
    """Read the files of a run.

    Args:
        folder: contains recipe.toml, metrics.csv and weights.csv. While the run goes on, one of the
            latter two may be an epoch ahead of the other; that epoch is left out.

    Raises:
        UserError: a file is missing, damaged or not a run's.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: is not a folder, must be a run's folder from irnet-hw train")
    recipe = load_recipe(str(folder / "recipe.toml"))
    metrics, weights = folder / "metrics.csv", folder / "weights.csv"
    scores = task_of(recipe.model).columns
    columns = {
        **_BEFORE,
        **{name: _SHARE if form is SHARE else _AMOUNT for name, form in scores.items()},
        **_AFTER,
    }
    rows = _read(metrics, columns)
    epochs = _epochs(rows)
    if not epochs or epochs != list(range(1, len(epochs) + 1)) or len(rows) != len(epochs):
        raise UserError(f"{metrics}: its epochs must be 1, 2, 3 and so on, one row each")
    if len(epochs) > recipe.epochs:
        raise UserError(
            f"{metrics}: has {len(epochs)} epochs, must be at most {recipe.epochs}, as in "
            "recipe.toml"
        )
    layers, seen = _layers(weights, _read(weights, _WEIGHTS))
    if layers and abs(seen - len(epochs)) > 1:
        raise UserError(
            f"{weights}: has {seen} epochs, must be as many as in metrics.csv, {len(epochs)}"
        )
    both = min(seen, len(epochs)) if layers else len(epochs)
    return Run(
        folder,
        recipe,
        {column: [row[column] for row in rows[:both]] for column in columns},
        [
            Layer(layer.name, layer.weights, layer.entropy[:both], layer.flipped[:both])
            for layer in layers
        ],
    )


def _epochs(rows: Iterable[dict[str, Any]]) -> list[int]:
    """Return the epochs in the order of the rows, without duplicates."""
    return list(dict.fromkeys(row["epoch"] for row in rows))


def _layers(path: Path, rows: list[dict[str, Any]]) -> tuple[list[Layer], int]:
    """Return the layers, and how many epochs they have."""
    names = list(dict.fromkeys((row["layer"], row["weights"]) for row in rows))
    epochs = len(_epochs(rows))
    wanted = [(epoch, *name) for epoch in range(1, epochs + 1) for name in names]
    if [(row["epoch"], row["layer"], row["weights"]) for row in rows] != wanted:
        raise UserError(
            f"{path}: its epochs must be 1, 2, 3 and so on, each with a row for every layer, "
            "in the same order, with the same number of weights"
        )
    layers = [
        Layer(
            name,
            weights,
            [row["entropy"] for row in rows[i :: len(names)]],
            [row["flipped"] for row in rows[i :: len(names)]],
        )
        for i, (name, weights) in enumerate(names)
    ]
    return layers, epochs


def _read(path: Path, columns: dict[str, _Kind]) -> list[dict[str, Any]]:
    """Return the rows of a CSV file.

    Raises:
        UserError: the file can't be read, or has other columns or values than it should.
    """
    text = text_of(file_bytes(path), str(path))
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise UserError(f"{path}: is not a CSV file: {error}") from error
    header = lines[0] if lines else []
    if header != list(columns):
        raise UserError(
            f"{path}: has columns [{', '.join(header)}], must have those that irnet-hw train "
            f"writes, [{', '.join(columns)}]"
        )
    return [dict(_values(path, number, line, columns)) for number, line in enumerate(lines[1:], 2)]


def _values(
    path: Path, number: int, line: list[str], columns: dict[str, _Kind]
) -> Iterator[tuple[str, Any]]:
    """Yield a line's values with their columns."""
    if len(line) != len(columns):
        raise UserError(f"{path}: line {number} has {len(line)} values, must be {len(columns)}")
    for (column, kind), text in zip(columns.items(), line, strict=True):
        try:
            value = kind.read(text)
        except ValueError:
            value = None
        if value is None or not kind.fits(value):
            raise UserError(f"{path}: line {number}: {column} = {text!r}, must be {kind.text}")
        yield column, value
