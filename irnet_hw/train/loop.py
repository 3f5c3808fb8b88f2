"""The training loop."""

import contextlib
import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from irnet_hw import data, models, progress
from irnet_hw.errors import UserError
from irnet_hw.files import whole_file
from irnet_hw.quant import set_ede
from irnet_hw.train import table
from irnet_hw.train.augment import flipped, shifted
from irnet_hw.train.checkpoint import Checkpoint, load_trainable, save_checkpoint, versions
from irnet_hw.train.recipe import Recipe

#: So many images are evaluated together.
EVALUATION_BATCH = 500


def train(recipe: Recipe, out: Path, resume: bool = False) -> Path:
    """Train a network.

    The folder gets ``recipe.toml``, the recipe as used, and after every epoch ``last.pt``,
    ``metrics.csv`` and, if it is the best so far, ``best.pt``; each file is whole at any time.
    On one kind of processor the same recipe gives the same weights, however often the training
    is stopped and resumed.

    Args:
        recipe: what to train.
        out: the run's folder; earlier files in it are replaced.
        resume: go on from the folder's ``last.pt``.

    Returns:
        the path of ``last.pt``.

    Raises:
        UserError: recipe and dataset don't fit, the run to resume is another one or there is
            none, the folder can't be written, or the loss is no longer finite.
    """
    dataset = data.load(recipe.data, recipe.data_folder)
    _check(recipe, dataset)
    last = out / "last.pt"
    run = _Run.resumed(recipe, last) if resume else _Run.fresh(recipe)
    with whole_file(out / "recipe.toml") as path:
        path.write_text(table.write(table.table(recipe)), encoding="utf-8")

    images, labels = _tensors(dataset.train_images, dataset.train_labels)
    test_images, test_labels = _tensors(dataset.test_images, dataset.test_labels)
    status = progress.Status()
    epochs = range(run.epoch, recipe.epochs)
    with _threads(recipe.threads):
        for epoch in progress.track(epochs, "training", len(epochs), "epochs", status):
            t, k = recipe.schedule()(epoch)
            set_ede(run.model, t, k)
            loss, train_accuracy = run.train_epoch(images, labels)
            test_accuracy = accuracy(run.model, test_images, test_labels)
            run.history.append(
                {
                    "epoch": run.epoch,
                    "t": t,
                    "k": k,
                    "loss": loss,
                    "train_accuracy": train_accuracy,
                    "test_accuracy": test_accuracy,
                }
            )
            status.text = f"loss {loss:.3f}, held-out accuracy {test_accuracy:.2%}"
            checkpoint = run.checkpoint(dataset.labels)
            if checkpoint.metrics["best_epoch"] == run.epoch:
                save_checkpoint(checkpoint, out / "best.pt")
            _write_metrics(run.history, out / "metrics.csv")
            save_checkpoint(checkpoint, last)
    return last


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the share of images that a network classifies rightly; it is left in eval mode.

    Args:
        model: takes pixels as float32.
        images: uint8 [N, channels, height, width].
        labels: int64 [N].
    """
    model.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(labels), EVALUATION_BATCH):
            part = slice(start, start + EVALUATION_BATCH)
            right += int((model(images[part].float()).argmax(1) == labels[part]).sum())
    return right / len(labels)


@dataclass
class _Run:
    """What changes while a network is trained.

    Attributes:
        recipe: stays as it is.
        model: the network.
        optimizer: of its parameters.
        epoch: how many epochs are done.
        history: a row of metrics.csv for each.
    """

    recipe: Recipe
    model: nn.Module
    optimizer: torch.optim.Optimizer
    epoch: int
    history: list[dict[str, Any]]

    @classmethod
    def fresh(cls, recipe: Recipe) -> "_Run":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            model = models.build(recipe.model)
        optimizer = torch.optim.SGD(
            model.parameters(),
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
        )
        return cls(recipe, model, optimizer, 0, [])

    @classmethod
    def resumed(cls, recipe: Recipe, path: Path) -> "_Run":
        checkpoint = load_trainable(path)
        asked, saved = table.table(recipe), table.table(checkpoint.recipe)
        for key, value in asked.items():
            # The same images may have been moved.
            if key != "data_folder" and value != saved[key]:
                raise UserError(
                    f"{path}: was trained with {key} = {saved[key]}, and the recipe says {value}; "
                    "--resume needs the same recipe"
                )
        run = cls.fresh(recipe)
        run.model.load_state_dict(checkpoint.state_dict)
        run.optimizer.load_state_dict(checkpoint.optimizer)
        run.epoch, run.history = checkpoint.epoch, checkpoint.metrics["history"]
        return run

    def train_epoch(self, images: Tensor, labels: Tensor) -> tuple[float, float]:
        """Train on every image once, but for those that don't fill a batch.

        Returns:
            the loss and the accuracy on the batches as they were trained on.
        """
        self.model.train()
        total, right, seen = 0.0, 0, 0
        for step, (batch, wanted) in enumerate(self._batches(images, labels)):
            self._set_learning_rate(step / (len(images) // self.recipe.batch_size))
            logits = self.model(batch)
            loss = functional.cross_entropy(
                logits, wanted, label_smoothing=self.recipe.label_smoothing
            )
            if not torch.isfinite(loss):
                raise UserError(
                    f"learning_rate: {self.recipe.learning_rate}, the loss is {loss.item()} in "
                    f"epoch {self.epoch + 1}; a smaller learning rate would be right"
                )
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            total += loss.item() * len(batch)
            right += int((logits.argmax(1) == wanted).sum())
            seen += len(batch)
        self.epoch += 1
        return total / seen, right / seen

    def checkpoint(self, labels: list[str]) -> Checkpoint:
        best = max(self.history, key=lambda row: row["test_accuracy"])
        return Checkpoint(
            recipe=self.recipe,
            seed=self.recipe.seed,
            epoch=self.epoch,
            state_dict=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            metrics={
                "last_test_accuracy": self.history[-1]["test_accuracy"],
                "best_test_accuracy": best["test_accuracy"],
                "best_epoch": best["epoch"],
                "history": self.history,
            },
            labels=labels,
            versions=versions(),
        )

    def _batches(self, images: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        # A generator for each epoch: a resumed run needs no state of random numbers.
        seeds = np.random.SeedSequence([self.recipe.seed, self.epoch]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(seeds[0] >> np.uint64(1)))
        size = self.recipe.batch_size
        order = torch.randperm(len(images), generator=generator)
        for indices in order[: len(order) // size * size].reshape(-1, size):
            batch = shifted(images[indices], self.recipe.shift, generator)
            if self.recipe.flip:
                batch = flipped(batch, generator)
            yield batch.float(), labels[indices]

    def _set_learning_rate(self, part: float) -> None:
        """Set the rate at some part of the current epoch."""
        done = (self.epoch + part) / self.recipe.epochs
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * (1 + math.cos(math.pi * done)) / 2


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check(recipe: Recipe, dataset: data.Dataset) -> None:
    shape = list(dataset.image_shape)
    if recipe.model.image != shape:
        raise UserError(
            f"model.image: {recipe.model.image}, must be {shape}, as the images of {recipe.data}"
        )
    if recipe.model.classes != len(dataset.labels):
        raise UserError(
            f"model.classes: {recipe.model.classes}, must be {len(dataset.labels)}, "
            f"as {recipe.data} has"
        )
    if recipe.batch_size > len(dataset.train_images):
        raise UserError(
            f"batch_size: {recipe.batch_size}, must be at most the {len(dataset.train_images)} "
            f"training images of {recipe.data}"
        )


def _tensors(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Return images as NCHW and labels as tensors."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels)


def _write_metrics(history: list[dict[str, Any]], path: Path) -> None:
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, history[0].keys())
        writer.writeheader()
        writer.writerows(history)
