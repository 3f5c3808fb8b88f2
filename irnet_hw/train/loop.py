"""The training loop."""

import contextlib
import csv
import math
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import FrameType
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from tensorboardX import SummaryWriter
from torch import Tensor, nn
from torch.nn import functional

from irnet_hw import data, models, progress
from irnet_hw.errors import UserError
from irnet_hw.files import whole_file
from irnet_hw.quant import set_ede
from irnet_hw.train import table
from irnet_hw.train.checkpoint import Checkpoint, load_trainable, save_checkpoint, versions
from irnet_hw.train.feed import ResidentFeed
from irnet_hw.train.recipe import Recipe
from irnet_hw.train.statistics import LayerSigns, Signs
from irnet_hw.train.synced import synchronise

WEIGHTS_COLUMNS = ("epoch", *(column.name for column in fields(LayerSigns)))

#: What is shown beside the bar is brought up to date this often, in seconds; on a GPU it means
#: waiting for what is under way.
SHOWN_EVERY = 1.0


def train(recipe: Recipe, out: Path, resume: bool = False) -> Path:
    """Train a network, on the GPU if there is one.

    The folder gets ``recipe.toml``, the recipe as used, and after every epoch ``last.pt``,
    ``metrics.csv``, ``weights.csv``, a point in TensorBoard's file and, if it is the best so
    far, ``best.pt``; each file but TensorBoard's is whole at any time. An interruption (SIGINT
    or SIGTERM) saves ``last.pt`` within the epoch. On one kind of processor the same recipe
    gives the same weights, however often the training is stopped and resumed.

    Started by torchrun, the processes train together, each on its share of every batch: the
    gradients are those of one process with the whole batch. An interruption then leaves the
    last whole epoch.

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
    world, local = (int(os.environ.get(name, 1)) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    _check_shares(recipe, world)
    fabric = _fabric(recipe, world, local)
    dataset = data.load(recipe.data, recipe.data_folder)
    _check(recipe, dataset)
    run = _Run.resumed(recipe, world, out / "last.pt") if resume else _Run.fresh(recipe, world)
    if fabric.is_global_zero:
        with whole_file(out / "recipe.toml") as path:
            path.write_text(table.write(table.table(recipe)), encoding="utf-8")
    feed = ResidentFeed(dataset, recipe, fabric.device, fabric.global_rank, fabric.world_size)
    status = progress.Status()
    steps = (recipe.epochs - run.epoch) * feed.steps - run.partial.step
    with (
        _threads(recipe.threads),
        SummaryWriter(str(out), write_to_disk=fabric.is_global_zero) as board,
        _Stop(fabric.world_size == 1) as stop,
    ):
        work = _Work(fabric, run, feed, out, dataset.labels, board)
        # The other processes work in the dark.
        training = work.training(status)
        if fabric.is_global_zero:
            training = progress.track(training, "training", steps, "batches", status)
        for _ in training:
            if stop.asked:
                work.save()
                stop.end()
    if fabric.is_global_zero:
        progress.say(f"{out / 'last.pt'}: the network after {recipe.epochs} epochs")
    return out / "last.pt"


def accuracy(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Return the share of images that a network classifies rightly; it is left in eval mode.

    Args:
        model: takes pixels as float32.
        batches: pixels [N, channels, height, width] and labels [N]; images of label -1 don't
            count.
    """
    right, seen = _evaluate(model, batches).tolist()
    return float(right / seen)


def _evaluate(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Return how many images are classified rightly, and how many there are, float64 [2]."""
    model.eval()
    found = []
    with torch.no_grad():
        for pixels, labels in batches:
            right = model(pixels.float()).argmax(1) == labels
            found.append(torch.stack([right.sum(), (labels >= 0).sum()]))
    return torch.stack(found).sum(0).double()


@dataclass
class _Partial:
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
class _Run:
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
    partial: _Partial = field(default_factory=_Partial)
    history: list[dict[str, Any]] = field(default_factory=list)
    weights: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def fresh(cls, recipe: Recipe, world: int) -> "_Run":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            model = models.build(recipe.model)
        if recipe.start:
            _start_from(model, Path(recipe.start))
        return cls._of(recipe, world, model)

    @classmethod
    def resumed(cls, recipe: Recipe, world: int, path: Path) -> "_Run":
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
        run.epoch, run.partial = checkpoint.epoch, _Partial(**checkpoint.partial)
        run.signs.before = run.partial.signs or run.signs.before
        run.history, run.weights = (checkpoint.metrics[key] for key in ("history", "weights"))
        return run

    @classmethod
    def _of(cls, recipe: Recipe, world: int, model: nn.Module) -> "_Run":
        if world > 1:
            synchronise(model, world)
        optimizer = torch.optim.SGD(
            model.parameters(),
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=recipe.nesterov,
        )
        return cls(recipe, model, optimizer, Signs(model))

    def checkpoint(self, labels: list[str]) -> Checkpoint:
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


class _Work:
    """A run on a device, or one process' part of it.

    Args:
        fabric: where it runs.
        run: is moved there, and goes on with every step.
        feed: its images.
        out: the folder that is written after every epoch.
        labels: the classes' names.
        board: TensorBoard's file.
    """

    def __init__(
        self,
        fabric: Fabric,
        run: _Run,
        feed: ResidentFeed,
        out: Path,
        labels: list[str],
        board: SummaryWriter,
    ) -> None:
        self._fabric, self._run, self._feed, self._out = fabric, run, feed, out
        self._labels, self._board = labels, board
        run.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # Evaluation goes around Fabric, whose wrapper computes in bfloat16 if training does.
        self._network = _compiled(run.model, fabric) if run.recipe.compile else run.model
        self._trained, self._optimizer = fabric.setup(self._network, run.optimizer)

    def training(self, status: progress.Status) -> Iterator[None]:
        """Train until the last epoch, and yield after every step.

        Args:
            status: is told how it goes.
        """
        run, recipe = self._run, self._run.recipe
        while run.epoch < recipe.epochs:
            t, k = recipe.ede()(run.epoch)
            set_ede(run.model, t, k)
            yield from self._epoch(status)
            test_accuracy = self._accuracy()
            run.epoch += 1
            self._record(t, k, test_accuracy)
            self._save_epoch()
            yield

    def save(self) -> None:
        """Write last.pt."""
        partial = self._run.partial
        partial.loss, partial.right = self._sums.tolist()
        partial.signs = self._run.signs.before if partial.step else {}
        save_checkpoint(self._run.checkpoint(self._labels), self._out / "last.pt")

    def _epoch(self, status: progress.Status) -> Iterator[None]:
        """Train on every batch that is left of the epoch, and yield after each but the last."""
        run, partial, steps = self._run, self._run.partial, self._feed.steps
        self._sums = torch.tensor([partial.loss, partial.right], dtype=torch.float64)
        if not self._fabric.is_global_zero:
            self._sums.zero_()
        self._sums = self._sums.to(self._fabric.device)
        earlier, begun = partial.seconds, time.monotonic()
        shown = begun
        self._trained.train()
        for images, labels in self._feed.train(run.epoch, partial.step):
            self._set_rate(run.recipe.rate(run.epoch, partial.step / steps))
            self._step(images, labels)
            partial.step += 1
            now = time.monotonic()
            partial.seconds = earlier + now - begun
            if now - shown >= SHOWN_EVERY:
                shown = now
                self._tell(status)
            if partial.step < steps:
                yield
        self._sums = self._total(self._sums)
        self._tell(status)
        partial.seconds = earlier + time.monotonic() - begun

    def _step(self, images: Tensor, labels: Tensor) -> None:
        """Train on a batch."""
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        logits = self._trained(images.float())
        loss = functional.cross_entropy(
            logits, labels, label_smoothing=self._run.recipe.label_smoothing
        )
        self._optimizer.zero_grad()
        self._fabric.backward(loss)
        self._optimizer.step()
        right = (logits.argmax(1) == labels).sum()
        self._sums += torch.stack([loss.detach() * len(labels), right])

    def _set_rate(self, rate: float) -> None:
        for group in self._run.optimizer.param_groups:
            group["lr"] = rate

    def _tell(self, status: progress.Status) -> None:
        """Say how it goes.

        Raises:
            UserError: the loss is no longer finite.
        """
        run, recipe, partial = self._run, self._run.recipe, self._run.partial
        loss, right = self._sums.tolist()
        seen = partial.step * recipe.batch_size
        if not math.isfinite(loss):
            raise UserError(
                f"learning_rate: {recipe.learning_rate}, the loss is {loss} in "
                f"epoch {run.epoch + 1}; a smaller learning rate would be right"
            )
        # Before the sums of several processes are together, each one knows its own.
        mine = seen if partial.step == self._feed.steps else seen / self._fabric.world_size
        status.text = (
            f"epoch {run.epoch + 1}/{recipe.epochs}, loss {loss / mine:.3f}, "
            f"accuracy {right / mine:.2%}, {seen / partial.seconds:.0f} images/s"
        )
        if run.history:
            status.text += f", held-out accuracy {run.history[-1]['test_accuracy']:.2%}"

    def _accuracy(self) -> float:
        """Return the accuracy on the images held out, of all processes."""
        right, seen = self._total(_evaluate(self._network, self._feed.test())).tolist()
        return float(right / seen)

    def _total(self, value: Tensor) -> Tensor:
        """Return the sum over all processes."""
        total = self._fabric.all_reduce(value, reduce_op="sum")
        assert isinstance(total, Tensor)  # as the value is one, and no collection of some
        return total

    def _record(self, t: float, k: float, test_accuracy: float) -> None:
        """Enter the epoch that is done into the run."""
        run, partial = self._run, self._run.partial
        loss, right = self._sums.tolist()
        seen = self._feed.steps * run.recipe.batch_size
        layers = run.signs.update(run.model)
        total = sum(layer.weights for layer in layers) or 1
        run.weights += [{"epoch": run.epoch, **asdict(layer)} for layer in layers]
        run.history.append(
            {
                "epoch": run.epoch,
                "t": t,
                "k": k,
                "learning_rate": run.recipe.rate(run.epoch - 1, 0),
                "loss": loss / seen,
                "train_accuracy": right / seen,
                "test_accuracy": test_accuracy,
                "weight_entropy": sum(x.entropy * x.weights for x in layers) / total,
                "flip_rate": sum(x.flipped * x.weights for x in layers) / total,
                "images_per_second": seen / partial.seconds,
            }
        )
        run.partial = _Partial()
        self._sums.zero_()

    def _save_epoch(self) -> None:
        """Write what an epoch leaves in the folder."""
        if not self._fabric.is_global_zero:
            return
        run = self._run
        checkpoint = run.checkpoint(self._labels)
        if checkpoint.metrics["best_epoch"] == run.epoch:
            save_checkpoint(checkpoint, self._out / "best.pt")
        _write_rows(run.history, run.history[-1], self._out / "metrics.csv")
        _write_rows(run.weights, WEIGHTS_COLUMNS, self._out / "weights.csv")
        self.save()
        for key, value in run.history[-1].items():
            self._board.add_scalar(key, value, run.epoch)


def _compiled(model: nn.Module, fabric: Fabric) -> nn.Module:
    """Return the network compiled for batches of one shape.

    On a GPU its kernels are replayed as CUDA graphs, as small networks leave it waiting for the
    processor otherwise; they don't mix with the communication of several processes.
    """
    alone = fabric.world_size == 1
    graphs = alone and fabric.device.type == "cuda"
    mode = "reduce-overhead" if graphs else "default"
    # Of a module it makes a module; its type only speaks of functions.
    return cast(nn.Module, torch.compile(model, dynamic=False, fullgraph=alone, mode=mode))


def _fabric(recipe: Recipe, world: int, local: int) -> Fabric:
    """Return the devices: one, or those of all processes that torchrun started."""
    fabric = Fabric(
        devices=local,
        num_nodes=world // local,
        strategy="ddp" if world > 1 else "auto",
        precision="bf16-mixed" if recipe.bf16 else "32-true",
    )
    fabric.launch()
    return fabric


def _start_from(model: nn.Module, path: Path) -> None:
    """Give a network the parameters and statistics of a checkpoint's.

    Raises:
        UserError: the checkpoint's network lacks some, or has them in other shapes.
    """
    found = load_trainable(path).state_dict
    wanted = model.state_dict()
    for name, _ in [*model.named_parameters(), *model.named_buffers()]:
        if name in wanted and name not in found:
            raise UserError(f"start: {path} has no {name}, which the recipe's network needs")
    for name in wanted.keys() & found.keys():
        if wanted[name].shape != found[name].shape:
            raise UserError(
                f"start: {path} has {name} of shape {list(found[name].shape)}, must be "
                f"{list(wanted[name].shape)}, as in the recipe's network"
            )
    model.load_state_dict({name: found[name] for name in wanted}, strict=False)


class _Stop(contextlib.AbstractContextManager["_Stop"]):
    """Turns the first SIGINT or SIGTERM into a request, to be met between two steps.

    Args:
        active: otherwise signals do what they did before.

    Attributes:
        asked: the signal that came, or None.
    """

    def __init__(self, active: bool) -> None:
        self.asked: int | None = None
        # Python handles signals in the main thread alone.
        main = threading.current_thread() is threading.main_thread()
        self._signals = (signal.SIGINT, signal.SIGTERM) if active and main else ()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "_Stop":
        self._before = {number: signal.signal(number, self._ask) for number in self._signals}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def end(self) -> None:
        """Do what the signal asked for."""
        if self.asked == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
        raise KeyboardInterrupt

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.asked:  # twice: at once
            self.end()
        self.asked = number


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check_shares(recipe: Recipe, world: int) -> None:
    if recipe.batch_size % world or recipe.batch_size < 2 * world:
        raise UserError(
            f"batch_size: {recipe.batch_size}, must be a multiple of the {world} processes that "
            "share it"
        )


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


def _write_rows(rows: list[dict[str, Any]], columns: Iterable[str], path: Path) -> None:
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows(rows)
