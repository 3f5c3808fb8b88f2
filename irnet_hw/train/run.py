"""What changes while a network is trained: what a checkpoint holds."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from irnet_hw import models
from irnet_hw.errors import UserError
from irnet_hw.train import table
from irnet_hw.train.checkpoint import Checkpoint, load_trainable, versions
from irnet_hw.train.recipe import Recipe
from irnet_hw.train.statistics import Signs
from irnet_hw.train.synced import synchronise


@dataclass
class Partial:
    """What is done of an epoch.

    Attributes:
        step: batches.
        loss: sum over their images.
        right: how many of those were classified rightly.
        seconds: that it took.
        signs: of the weights at its beginning, if it is not whole.
    """

    step: int = 0
    loss: float = 0.0
    right: float = 0.0
    seconds: float = 0.0
    signs: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class Run:
    """What changes while a network is trained, and a checkpoint holds.

    Attributes:
        recipe: stays as it is.
        model: the network.
        optimizer: of its parameters.
        signs: of its weights, at the beginning of the epoch.
        epoch: how many epochs are done.
        partial: what is done of the next one.
        history: a row of metrics.csv for each epoch.
        weights: rows of weights.csv, for each epoch and layer.
    """

    recipe: Recipe
    model: nn.Module
    optimizer: torch.optim.Optimizer
    signs: Signs
    epoch: int = 0
    partial: Partial = field(default_factory=Partial)
    history: list[dict[str, Any]] = field(default_factory=list)
    weights: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def fresh(cls, recipe: Recipe, world: int) -> "Run":
        """Return a run's beginning, for one of ``world`` processes that train together.

        Raises:
            UserError: the checkpoint to start from can't be read or is of another network.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            model = models.build(recipe.model)
        if recipe.start:
            _start_from(model, Path(recipe.start))
        return cls._of(recipe, world, model)

    @classmethod
    def resumed(cls, recipe: Recipe, world: int, path: Path) -> "Run":
        """Return the run that a checkpoint holds, for one of ``world`` processes.

        Raises:
            UserError: the checkpoint can't be read or is of another recipe.
        """
        checkpoint = load_trainable(path)
        asked, saved = table.table(recipe), table.table(checkpoint.recipe)
        for key, value in asked.items():
            # The same images may have been moved.
            if key != "data_folder" and value != saved[key]:
                raise UserError(
                    f"{path}: was trained with {key} = {saved[key]}, and the recipe says {value}; "
                    "--resume needs the same recipe"
                )
        run = cls._of(recipe, world, checkpoint.model())
        run.optimizer.load_state_dict(checkpoint.optimizer)
        run.epoch, run.partial = checkpoint.epoch, Partial(**checkpoint.partial)
        run.signs.before = run.partial.signs or run.signs.before
        run.history, run.weights = (checkpoint.metrics[key] for key in ("history", "weights"))
        return run

    @classmethod
    def _of(cls, recipe: Recipe, world: int, model: nn.Module) -> "Run":
        if world > 1:
            synchronise(model, world)
        return cls(recipe, model, optimizer_of(recipe, model), Signs(model))

    def checkpoint(self, labels: list[str]) -> Checkpoint:
        """Return what a file holds of the run.

        Args:
            labels: the classes' names.
        """
        rows = [(row["test_accuracy"], -row["epoch"]) for row in self.history]
        best, best_epoch = max(rows, default=(0.0, 0))
        return Checkpoint(
            recipe=self.recipe,
            seed=self.recipe.seed,
            epoch=self.epoch,
            partial=asdict(self.partial),
            state_dict=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            metrics={
                "last_test_accuracy": self.history[-1]["test_accuracy"] if self.history else 0.0,
                "best_test_accuracy": best,
                "best_epoch": -best_epoch,
                "history": self.history,
                "weights": self.weights,
            },
            labels=labels,
            versions=versions(),
        )


def optimizer_of(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """Return a recipe's optimiser of a network's parameters."""
    return torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
    )


def _start_from(model: nn.Module, path: Path) -> None:
    """Give a network the parameters and statistics of a checkpoint's.

    Raises:
        UserError: the checkpoint's network lacks some, or has them in other shapes.
    """
    found = load_trainable(path).state_dict
    wanted = model.state_dict()
    for name in wanted:
        if name not in found:
            raise UserError(f"start: {path} has no {name}, which the recipe's network needs")
    for name in wanted:
        if wanted[name].shape != found[name].shape:
            raise UserError(
                f"start: {path} has {name} of shape {list(found[name].shape)}, must be "
                f"{list(wanted[name].shape)}, as in the recipe's network"
            )
    model.load_state_dict({name: found[name] for name in wanted}, strict=False)
