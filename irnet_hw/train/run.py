"""The state of a training run: everything that changes and that a checkpoint stores."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from irnet_hw import form, models, progress
from irnet_hw.data.classes import difference
from irnet_hw.errors import UserError
from irnet_hw.form import AMOUNT, SIZE, TEXT
from irnet_hw.train import table
from irnet_hw.train.checkpoint import Checkpoint, load_checkpoint, load_trainable, versions
from irnet_hw.train.recipe import Recipe
from irnet_hw.train.statistics import Signs
from irnet_hw.train.synced import synchronise
from irnet_hw.train.task import Task, task_of
from irnet_hw.train.tensors import difference as differing_tensors
from irnet_hw.train.tensors import require_tensors, wrong_weights


def _metrics(task: Task) -> dict[str, Any]:
    """Return the form of a checkpoint's metrics, which resuming needs."""
    return {
        "history": [
            {
                "epoch": SIZE,
                **dict.fromkeys(("t", "k", "learning_rate", "loss", "images_per_second"), AMOUNT),
                **task.columns,
                **dict.fromkeys(("weight_entropy", "flip_rate"), AMOUNT),
            }
        ],
        "weights": [
            {"epoch": SIZE, "layer": TEXT, "weights": SIZE, "entropy": AMOUNT, "flipped": AMOUNT}
        ],
    }


#: What each optimiser keeps of a parameter.
_KEPT = {"sgd": ("momentum_buffer",), "adam": ("step", "exp_avg", "exp_avg_sq")}


@dataclass
class Partial:
    """Progress within an epoch.

    Attributes:
        step: number of completed batches.
        loss: sum of the loss over their images.
        right: number of these images classified correctly; 0 if they are enlarged.
        seconds: time taken.
        signs: the weights' signs at the start of the epoch, if it is incomplete.
    """

    step: int = 0
    loss: float = 0.0
    right: float = 0.0
    seconds: float = 0.0
    signs: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class Run:
    """The state of a training run, which a checkpoint stores.

    Attributes:
        recipe: what is trained; constant.
        model: the network.
        optimizer: of its parameters.
        signs: of its weights, at the beginning of the epoch.
        epoch: how many epochs are done.
        partial: what is done of the next one.
        history: a row of metrics.csv for each epoch.
        weights: rows of weights.csv, for each epoch and layer.
        planned: how many epochs it was to have before it was resumed, 0 if it was not.
        teacher: the network whose probabilities are learnt, if there is one; constant.
    """

    recipe: Recipe
    model: nn.Module
    optimizer: torch.optim.Optimizer
    signs: Signs
    epoch: int = 0
    partial: Partial = field(default_factory=Partial)
    history: list[dict[str, Any]] = field(default_factory=list)
    weights: list[dict[str, Any]] = field(default_factory=list)
    planned: int = 0
    teacher: nn.Module | None = None

    @classmethod
    def fresh(cls, recipe: Recipe, world: int, labels: Sequence[str]) -> "Run":
        """Start a new run, for one of ``world`` processes that train together.

        Args:
            recipe: what to train.
            world: number of processes.
            labels: the dataset's classes.

        Raises:
            UserError: the checkpoint to start from can't be read or holds another network.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            model = models.build(recipe.model)
        if recipe.start:
            _start_from(model, recipe, labels)
        return cls._of(recipe, world, model, labels)

    @classmethod
    def resumed(cls, recipe: Recipe, world: int, path: Path, labels: Sequence[str]) -> "Run":
        """Resume the run in a checkpoint, for one of ``world`` processes.

        Args:
            recipe: what is trained.
            world: number of processes.
            path: path of the checkpoint.
            labels: the dataset's classes.

        Raises:
            UserError: the checkpoint can't be read, or its recipe or classes differ.
        """
        checkpoint = load_trainable(path)
        changes = table.changes(checkpoint.recipe, recipe)
        # The same images may have been moved, and more epochs prolong the run.
        changes.pop("data_folder", None)
        if recipe.epochs > checkpoint.recipe.epochs:
            changes.pop("epochs", None)
        if changes:
            told = ", ".join(f"{key} = {old} (now {new})" for key, (old, new) in changes.items())
            raise UserError(
                f"{path}: was trained with {told}; --resume needs the same recipe, in which only "
                "epochs may be raised"
            )
        if differing := difference(labels, checkpoint.labels, data_of(recipe), str(path)):
            raise UserError(f"{differing}; --resume needs the same classes in the same order")
        try:
            run = cls._of(recipe, world, checkpoint.model(), labels)
            run._restore(checkpoint)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        run.planned = checkpoint.recipe.epochs
        return run

    def momenta(self) -> dict[str, Tensor]:
        """Return what the optimiser keeps of each parameter, such as its momentum."""
        states = [(name, self.optimizer.state.get(p, {})) for name, p in self._parameters()]
        return dict(each for name, state in states for each in self._kept(name, state).items())

    def _kept(self, name: str, state: dict[str, Any]) -> dict[str, Any]:
        """Return what an optimiser's state has of a parameter, by names for messages."""
        kept = _KEPT[self.recipe.optimizer]
        found = {key: state.get(key) for key in kept}
        names = {key: name if len(kept) == 1 else f"{name} ({key})" for key in kept}
        return {names[key]: value for key, value in found.items() if value is not None}

    def _parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Return the parameters by name, in the optimiser's order."""
        names = {parameter: name for name, parameter in self.model.named_parameters()}
        groups = self.optimizer.param_groups
        return [(names[parameter], parameter) for group in groups for parameter in group["params"]]

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Restore everything in a checkpoint except the network.

        Raises:
            UserError: a value doesn't match this network.
        """
        self._restore_momenta(checkpoint.optimizer)
        forms = _metrics(task_of(self.recipe.model))
        form.check(checkpoint.metrics, forms, "metrics")
        self.history, self.weights = (
            [{column: row[column] for column in columns} for row in checkpoint.metrics[key]]
            for key, (columns,) in forms.items()
        )
        self.epoch = checkpoint.epoch
        epochs = [row["epoch"] for row in self.history]
        if epochs != list(range(1, self.epoch + 1)):
            raise UserError(f"metrics.history must cover the {self.epoch} completed epochs")
        done = asdict(Partial()) | checkpoint.partial
        self.partial = Partial(*(done[key] for key in ("step", "loss", "right", "seconds")))
        if signs := done["signs"]:
            if reason := differing_tensors(signs, self.signs.before):
                raise UserError(f"partial.signs: {reason}")
            self.signs.before = signs

    def _restore_momenta(self, state: dict[str, Any]) -> None:
        """Restore the optimiser's momenta from a checkpoint; the recipe defines the rest."""
        parameters = self._parameters()
        momenta: dict[str, Any] = {}
        wanted: dict[str, Tensor] = {}
        entries = state.get("state")
        if not isinstance(entries, dict) or not entries.keys() <= set(range(len(parameters))):
            raise UserError(
                f"optimizer.state must match the network's {len(parameters)} parameters"
            )
        kept = {}
        for number, (name, parameter) in enumerate(parameters):
            entry = entries.get(number)
            if not isinstance(entry, dict):
                continue
            if found := self._kept(name, entry):
                momenta |= found
                shapes: dict[str, Tensor] = dict.fromkeys(_KEPT[self.recipe.optimizer], parameter)
                shapes |= {"step": torch.zeros(())} if "step" in shapes else {}
                wanted |= self._kept(name, shapes)
                kept[number] = {key: entry.get(key) for key in shapes}
        require_tensors(momenta, "the momentum")
        if reason := differing_tensors(momenta, wanted):
            raise UserError(f"the momentum: {reason}")
        own = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": kept, "param_groups": own})

    @classmethod
    def _of(cls, recipe: Recipe, world: int, model: nn.Module, labels: Sequence[str]) -> "Run":
        if world > 1:
            synchronise(model, world)
        teacher = _teacher(recipe, labels) if recipe.teacher else None
        return cls(recipe, model, optimizer_of(recipe, model), Signs(model), teacher=teacher)

    def checkpoint(self, labels: list[str]) -> Checkpoint:
        """Return the run as a checkpoint.

        Args:
            labels: the class names.
        """
        score = task_of(self.recipe.model).score
        rows = [(row[score], -row["epoch"]) for row in self.history]
        best, best_epoch = max(rows, default=(0.0, 0))
        return Checkpoint(
            recipe=self.recipe,
            seed=self.recipe.seed,
            epoch=self.epoch,
            partial=asdict(self.partial),
            state_dict=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            metrics={
                f"last_{score}": self.history[-1][score] if self.history else 0.0,
                f"best_{score}": best,
                "best_epoch": -best_epoch,
                "history": self.history,
                "weights": self.weights,
            },
            labels=labels,
            versions=versions(),
        )


def optimizer_of(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """Return the recipe's optimiser for a network's parameters."""
    parameters = list(model.parameters())
    groups: list[dict[str, Any]] = [{"params": parameters}]
    if not recipe.decay_norms:
        wide = [parameter for parameter in parameters if parameter.dim() > 1]
        narrow = [parameter for parameter in parameters if parameter.dim() <= 1]
        groups = [{"params": wide}, {"params": narrow, "weight_decay": 0.0}]
    if recipe.optimizer == "adam":
        return torch.optim.Adam(
            groups,
            lr=recipe.learning_rate,
            betas=(recipe.momentum, 0.999),
            weight_decay=recipe.weight_decay,
        )
    return torch.optim.SGD(
        groups,
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
    )


def data_of(recipe: Recipe) -> str:
    """Return what messages call a recipe's dataset: its folder, or the name of a bundled one."""
    return recipe.data_folder or recipe.data


def _teacher(recipe: Recipe, labels: Sequence[str]) -> nn.Module:
    """Return the network that a recipe's ``teacher`` names.

    Raises:
        UserError: it can't be read, or has other images or classes.
    """
    path = Path(recipe.teacher)
    checkpoint = load_checkpoint(path)
    if differing := difference(labels, checkpoint.labels, data_of(recipe), str(path)):
        raise UserError(f"teacher: {differing}; the classes must be the same in the same order")
    image = checkpoint.recipe.model.image
    if image != recipe.model.image:
        raise UserError(f"teacher: {path} takes images {image}, must take {recipe.model.image}")
    return checkpoint.model().requires_grad_(False)


def _start_from(model: nn.Module, recipe: Recipe, labels: Sequence[str]) -> None:
    """Load a checkpoint's parameters and statistics into a network.

    If the checkpoint shares no class with the dataset, the last layer, which tells the classes
    apart, keeps its initial weights.

    Args:
        model: the network.
        recipe: its ``start`` names the checkpoint.
        labels: the dataset's classes.

    Raises:
        UserError: the checkpoint lacks some of the tensors or has them in other shapes, or it
            shares only some classes with the dataset, or has them in another order.
    """
    path = Path(recipe.start)
    checkpoint = load_trainable(path)
    found, wanted = checkpoint.state_dict, model.state_dict()
    if differing := difference(labels, checkpoint.labels, data_of(recipe), str(path)):
        if set(labels) & set(checkpoint.labels):
            raise UserError(
                f"start: {differing}; the classes must be the same in the same order, or all differ"
            )
        *_, (last, _) = model.named_children()
        wanted = {name: value for name, value in wanted.items() if not name.startswith(f"{last}.")}
        progress.say(f"start: {differing}; the layer {last} is newly initialised")
    for name in wanted:
        if name not in found:
            raise UserError(f"start: {path} has no {name}, which the recipe's network needs")
    for name in wanted:
        if wanted[name].shape != found[name].shape:
            raise UserError(
                f"start: {path} has {name} of shape {list(found[name].shape)}, must be "
                f"{list(wanted[name].shape)} as in the recipe's network"
            )
    model.load_state_dict({name: found[name] for name in wanted}, strict=False)
    if wrong := wrong_weights(model):
        raise UserError(f"start: {path}: {wrong}")
