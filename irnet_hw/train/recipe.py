"""Recipes: one TOML file holds everything that determines a training run."""

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from irnet_hw import data, models
from irnet_hw.data import Dataset, Pairs, StreamedDataset
from irnet_hw.errors import UserError
from irnet_hw.quant import EDESchedule
from irnet_hw.share import share
from irnet_hw.toml import toml_file
from irnet_hw.train import table

SCHEDULES = ("cosine", "step")
OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to train, on what, and how.

    Attributes:
        name: name of the network and its run folder.
        data: the dataset's name; "folder" for the user's own images.
        data_folder: where the dataset's files are, unless it is a bundled one.
        seed: seeds the initial weights, the order of the images and their augmentation.
        epochs: number of passes over the training images.
        batch_size: images per step, over all processes together.
        learning_rate: the peak learning rate.
        schedule: how the learning rate decays: "cosine", along half a cosine to 0; or "step", to a
            tenth at each milestone.
        milestones: epochs, ascending, for "step".
        warmup: number of epochs over which the learning rate first rises linearly from 0.
        optimizer: "sgd", with momentum; or "adam".
        momentum: momentum of SGD, or Adam's decay of the mean gradient.
        nesterov: use Nesterov momentum, with SGD.
        weight_decay: weight decay, added to the gradient.
        decay_norms: decay all parameters; if false, only those of more than one dimension: weights,
            but not batch norms, biases and shifts.
        label_smoothing: share of the target that is spread evenly over the classes.
        t_min: smallest t of the EDE schedule.
        t_max: largest t of the EDE schedule.
        shift: images are shifted by up to this many pixels in each direction.
        flip: mirror half of the images left to right, at random. Images to be enlarged are turned
            by a random number of quarters, too.
        bf16: compute layers in bfloat16 where PyTorch's autocast considers it safe, in training
            only; accuracy is always measured in float32. A device without instructions for
            bfloat16, such as a processor with AVX2 only, computes in float32 all the same.
        compile: compile the network before training. This takes a minute and pays off if an epoch
            takes longer than that.
        start: a checkpoint to take the initial weights from, for example one in "paper" precision
            for a "hardware" network; if empty, the weights are newly initialised. Its classes must
            be the dataset's, in the same order. If it shares no class with the dataset, as for a
            network trained on another task, the last layer is newly initialised.
        teacher: a checkpoint of a network, such as a float one of the same shape, whose
            probabilities are learnt instead of the labels: Liu et al., "ReActNet", ECCV 2020,
            section 4.3. Its classes must be the dataset's, in the same order.
        teacher_share: the teacher's share of the loss; the rest is the labels'.
        threads: number of processor threads. It affects how sums are split and therefore rounded,
            and so the weights. Small networks train fastest with one.
        model: the network.

    Raises:
        UserError: a value is out of range.
    """

    name: str
    data: str
    data_folder: str = ""
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    weight_decay: float
    label_smoothing: float = 0.0
    t_min: float
    t_max: float
    shift: int = 0
    flip: bool = False
    optimizer: str = "sgd"
    schedule: str = "cosine"
    milestones: list[int] = field(default_factory=list)
    warmup: int = 0
    nesterov: bool = False
    bf16: bool = False
    compile: bool = False
    start: str = ""
    teacher: str = ""
    teacher_share: float = 1.0
    decay_norms: bool = True
    threads: int
    model: models.Config

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.name):
            raise UserError(
                f"name: {self.name!r}, must be letters, digits, '-', '_' and '.', "
                "and begin with a letter or digit"
            )
        if self.data not in data.DATASETS:
            raise UserError(f"data: {self.data!r}, must be one of {', '.join(data.DATASETS)}")
        if not 0 <= self.seed < 2**32:
            raise UserError(f"seed: {self.seed}, must be from 0 to 4294967295")
        if self.batch_size < 2:
            raise UserError(
                f"batch_size: {self.batch_size}, must be at least 2 for batch normalisation"
            )
        if not self.learning_rate > 0:
            raise UserError(f"learning_rate: {self.learning_rate}, must be above 0")
        if self.optimizer not in OPTIMIZERS:
            raise UserError(
                f"optimizer: {self.optimizer!r}, must be one of {', '.join(OPTIMIZERS)}"
            )
        if not 0 <= self.momentum < 1:
            raise UserError(f"momentum: {self.momentum}, must be at least 0 and below 1")
        if not self.weight_decay >= 0:
            raise UserError(f"weight_decay: {self.weight_decay}, must be at least 0")
        if not 0 <= self.label_smoothing < 1:
            raise UserError(
                f"label_smoothing: {self.label_smoothing}, must be at least 0 and below 1"
            )
        if not 0 < self.teacher_share <= 1:
            raise UserError(f"teacher_share: {self.teacher_share}, must be above 0 and at most 1")
        if not 0 <= self.shift <= min(self.model.image[:2]):
            raise UserError(
                f"shift: {self.shift}, must be from 0 to the image's {min(self.model.image[:2])} "
                "pixels"
            )
        if not 1 <= self.threads <= 1024:
            raise UserError(f"threads: {self.threads}, must be from 1 to 1024")
        self.ede()
        self._check_task()
        if self.schedule not in SCHEDULES:
            raise UserError(f"schedule: {self.schedule!r}, must be one of {', '.join(SCHEDULES)}")
        if (self.schedule == "step") != bool(self.milestones):
            raise UserError(
                f"milestones: {self.milestones}, must list epochs if and only if schedule is 'step'"
            )
        if any(after <= before for before, after in pairwise([0, *self.milestones])):
            raise UserError(f"milestones: {self.milestones}, must be above 0 and ascending")
        if not 0 <= self.warmup < self.epochs:
            raise UserError(
                f"warmup: {self.warmup}, must be at least 0 and below epochs = {self.epochs}"
            )
        if self.compile and self.model.rounded:
            raise UserError("compile: true, must be false with model.rounded")
        if self.nesterov and not self.momentum:
            raise UserError("nesterov: true, must be false, as momentum is 0")
        if self.nesterov and self.optimizer != "sgd":
            raise UserError(f"nesterov: true, must be false with optimizer {self.optimizer!r}")

    def rate(self, epoch: int, part: float) -> float:
        """Return the learning rate.

        Args:
            epoch: counted from 0.
            part: the completed fraction of the epoch, from 0 to 1.
        """
        done = epoch + part
        if done < self.warmup:
            return self.learning_rate * done / self.warmup
        if self.schedule == "step":
            return self.learning_rate * 0.1 ** sum(epoch >= each for each in self.milestones)
        fallen = (done - self.warmup) / (self.epochs - self.warmup)
        return self.learning_rate * (1 + math.cos(math.pi * fallen)) / 2

    def dataset(self, folder: str = "") -> Dataset | StreamedDataset | Pairs:
        """Return the dataset.

        Args:
            folder: where its files are now; by default where the recipe says.

        Raises:
            UserError: its files are missing or damaged.
        """
        folder = folder or self.data_folder
        if isinstance(self.model, models.SuperResolution):
            return data.load_pairs(folder, self.model.scale, self.model.image[0])
        return data.load(self.data, folder, self.model.image)

    def _check_task(self) -> None:
        """Check that data and loss are those of the network's task."""
        enlarges = isinstance(self.model, models.SuperResolution)
        if enlarges != (self.data == data.PAIRS):
            raise UserError(
                f"data: {self.data!r}, must be {data.PAIRS!r} if and only if model.name is, which "
                f"is {self.model.name!r}"
            )
        for key in ("label_smoothing", "shift", "teacher"):
            if enlarges and getattr(self, key):
                raise UserError(
                    f"{key}: {getattr(self, key)!r}, must not be set for a network that enlarges "
                    "images"
                )

    def ede(self) -> EDESchedule:
        """Return the schedule of EDE's t and k."""
        return EDESchedule(self.t_min, self.t_max, self.epochs)


def from_table(content: table.Table, where: str) -> Recipe:
    """Return the recipe in a table.

    Args:
        content: the recipe's keys; ``model`` is a nested table.
        where: the file, for messages.

    Raises:
        UserError: a key is unknown, missing or badly typed, or a value is out of range.
    """
    model = content.get("model")
    if not isinstance(model, dict):
        raise UserError(f"{where}: model: must be a table [model]")
    name = model.get("name")
    if not isinstance(name, str) or name not in models.CONFIGS:
        raise UserError(
            f"{where}: model.name = {name!r}: must be one of {', '.join(sorted(models.CONFIGS))}"
        )
    config = table.build(models.CONFIGS[name], model, where, "model.")
    return table.build(Recipe, {**content, "model": config}, where)


def load_recipe(which: str, assignments: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    If a recipe for the user's own data set doesn't state ``model.image`` or ``model.classes``,
    they are taken from the files in ``data_folder``.

    Args:
        which: the name of a recipe that comes with the package, or the path of a TOML file.
        assignments: overrides, each "key=value".

    Raises:
        UserError: the recipe doesn't exist or isn't valid, or values that it doesn't state can't
            be taken from the data.
    """
    path = Path(which)
    if path.suffix != ".toml" and os.sep not in which:
        path = share("train") / f"{which}.toml"
        if not path.is_file():
            known = ", ".join(sorted(file.stem for file in path.parent.glob("*.toml")))
            raise UserError(
                f"--recipe {which}: no such recipe; must be one of {known}, "
                "or the path of a .toml file"
            )
    recipe = toml_file(path)
    where = f"{path} with --set" if assignments else str(path)
    table.override(recipe, assignments)
    _complete(recipe)
    return from_table(recipe, where)


def _complete(recipe: table.Table) -> None:
    """Fill in the image size and the number of classes from the user's own data."""
    model, folder = recipe.get("model"), recipe.get("data_folder", "")
    if recipe.get("data") != data.OWN or not isinstance(model, dict) or not isinstance(folder, str):
        return
    stated = {key: model[key] for key in ("image", "classes") if key in model}
    if len(stated) < 2:
        image, classes = data.sizes(folder, measure="image" not in stated)
        recipe["model"] = {**model, "image": image, "classes": classes, **stated}
