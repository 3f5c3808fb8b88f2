"""Checkpoints: a trained network plus everything needed to use, judge or keep training it."""

import dataclasses
import io
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from irnet_hw import __version__, form, models
from irnet_hw.errors import UserError
from irnet_hw.files import whole_file
from irnet_hw.form import AMOUNT, COUNT, NUMBER, OBJECT, TEXT, Each
from irnet_hw.read import check_values, zip_file
from irnet_hw.train import recipe as recipes
from irnet_hw.train import table
from irnet_hw.train.packed import is_packed, load_state
from irnet_hw.train.recipe import Recipe
from irnet_hw.train.tensors import require_tensors, wrong_weights

#: Version of the file format; readers refuse others.
FORMAT = 2

_WANTED = "must be a file that irnet-hw train or pack wrote"
#: The fields that hold tensors, and the form of the others (except the signs in "partial").
_TENSORS = ("state_dict", "optimizer")
_FORM = {
    "recipe": OBJECT,
    "seed": COUNT,
    "epoch": COUNT,
    "partial": OBJECT,
    "metrics": OBJECT,
    "labels": [TEXT],
    "versions": Each(TEXT),
}
_PARTIAL = {"step": COUNT, "loss": NUMBER, "right": AMOUNT, "seconds": AMOUNT}


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training run, as stored in ``last.pt`` and ``best.pt``.

    The file holds a dictionary of these attributes plus "format". It contains only plain values
    and tensors, so ``torch.load(path, weights_only=True)`` reads it.

    Attributes:
        recipe: what was trained, and how.
        seed: the recipe's seed.
        epoch: number of completed epochs.
        partial: progress within the next epoch, if any: the number of batches ("step"), their
            "loss", the number of images classified "right", the "seconds" taken, and the "signs"
            at the start of the epoch.
        state_dict: the network's, or a packed one, see :mod:`irnet_hw.train.packed`.
        optimizer: the optimiser's state, to continue training.
        metrics: "last_test_accuracy", measured after this epoch, with nothing selected by the
            test images; "best_test_accuracy" and "best_epoch", the best so far, which are
            optimistic because the test images selected them; "history", the rows of metrics.csv;
            "weights", the rows of weights.csv.
        labels: the class names.
        versions: package versions used in training.
    """

    recipe: Recipe
    seed: int
    epoch: int
    partial: dict[str, Any]
    state_dict: dict[str, Tensor]
    optimizer: dict[str, Any]
    metrics: dict[str, Any]
    labels: list[str]
    versions: dict[str, str]

    def model(self) -> nn.Module:
        """Return the trained network in eval mode. If it was packed, its 1-bit layers are frozen.

        Raises:
            UserError: the state dict doesn't match the recipe's network, or its weights are too
                large to compute with.
        """
        network = models.build(self.recipe.model)
        try:
            load_state(network, self.state_dict)
        except UserError as error:
            raise UserError(f"checkpoint of {self.recipe.name}: {error}") from error
        if wrong := wrong_weights(network):
            raise UserError(f"checkpoint of {self.recipe.name}: {wrong}")
        return network.eval()


def versions() -> dict[str, str]:
    """Return the versions of the packages that training depends on."""
    packages = ("brevitas", "lightning-fabric", "numpy", "scikit-learn", "torch")
    return {
        "irnet-hw": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        UserError: the file can't be written.
    """
    content = {"format": FORMAT} | {
        field.name: getattr(checkpoint, field.name) for field in dataclasses.fields(checkpoint)
    }
    content["recipe"] = table.table(checkpoint.recipe)
    # Save to memory first: torch.save reports a full disk as an error of its own kind.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with whole_file(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        UserError: the file is missing, damaged, or something else.
    """
    content = _load(Path(path))
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise UserError(f"{path}: is not a checkpoint of irnet-hw")
    if content["format"] != FORMAT:
        raise UserError(
            f"{path}: is a checkpoint of format {content['format']}, must be format {FORMAT}"
        )
    values = {}
    for field in dataclasses.fields(Checkpoint):
        if field.name not in content:
            raise UserError(f"{path}: is not a checkpoint of irnet-hw: it has no {field.name}")
        values[field.name] = content[field.name]
    _check(values, str(path))
    values["recipe"] = recipe = recipes.from_table(values["recipe"], str(path))
    if len(values["labels"]) != recipe.model.classes:
        raise UserError(
            f"{path}: has {len(values['labels'])} labels, must be {recipe.model.classes}, like "
            "model.classes"
        )
    return Checkpoint(**values)


def _check(values: dict[str, Any], path: str) -> None:
    """Refuse fields whose types differ from those that :class:`Checkpoint` documents."""
    plain = {key: value for key, value in values.items() if key not in _TENSORS}
    partial = values["partial"]
    if isinstance(partial, dict):
        plain["partial"] = {key: value for key, value in partial.items() if key != "signs"}
        require_tensors(partial.get("signs", {}), f"{path}: partial.signs")
    check_values(plain, path)
    form.check(plain, _FORM, path)
    if partial:
        form.check(plain["partial"], _PARTIAL, f"{path}: partial")
    require_tensors(values["state_dict"], f"{path}: state_dict")
    momenta = values["optimizer"]
    if not isinstance(momenta, dict):
        raise UserError(f"{path}: optimizer is a {type(momenta).__name__}, must be a table")


def is_checkpoint(path: Path) -> bool:
    """Return whether a file is a checkpoint of irnet-hw, whatever state its network is in."""
    try:
        content = _load(path)
    except UserError:
        return False
    return isinstance(content, dict) and "format" in content


def load_trainable(path: Path) -> Checkpoint:
    """Read a checkpoint to continue training from.

    Raises:
        UserError: as from :func:`load_checkpoint`, or the checkpoint is packed.
    """
    checkpoint = load_checkpoint(path)
    if is_packed(checkpoint.state_dict):
        raise UserError(
            f"{path}: is packed: it keeps only the signs of its 1-bit weights, but training "
            "needs the weights; use the last.pt of the training run"
        )
    return checkpoint


def _load(path: Path) -> Any:
    """Return the content of a file written by torch.save, after checking it for damage."""
    # torch.load ignores the checksums.
    with zip_file(path, _WANTED) as archive:
        archive.check_sums()
    try:
        # A network trained on a GPU must load on machines without one.
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror or error}") from error
    except Exception as error:
        # A pickle is a program and may fail in any way.
        raise UserError(f"{path}: is damaged, or is not a checkpoint; {_WANTED}") from error
