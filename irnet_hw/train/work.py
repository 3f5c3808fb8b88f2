"""Train a network on a device, step by step."""

import csv
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from tensorboardX import SummaryWriter
from torch import Tensor, nn

from irnet_hw import data, progress
from irnet_hw.errors import UserError
from irnet_hw.files import whole_file
from irnet_hw.quant import set_ede
from irnet_hw.train.checkpoint import save_checkpoint
from irnet_hw.train.crops import CropFeed
from irnet_hw.train.feed import ResidentFeed
from irnet_hw.train.recipe import Recipe
from irnet_hw.train.run import Partial, Run
from irnet_hw.train.statistics import LayerSigns
from irnet_hw.train.streamed import StreamedFeed
from irnet_hw.train.task import Classify, task_of
from irnet_hw.train.tensors import not_finite, wrong_weights

WEIGHTS_COLUMNS = ("epoch", *(column.name for column in fields(LayerSigns)))

Feed = ResidentFeed | StreamedFeed | CropFeed

#: Interval between updates of the figures next to the progress bar, in seconds. On a GPU every
#: update waits for the work in flight.
SHOWN_EVERY = 1.0


class Work:
    """A training run on a device, or one process's part of it.

    Args:
        fabric: the device or devices.
        run: the run; it is moved to the device and updated by every step.
        feed: its images.
        out: the folder to write after every epoch.
        labels: the class names.
        board: writer of TensorBoard's file.
    """

    def __init__(
        self,
        fabric: Fabric,
        run: Run,
        feed: Feed,
        out: Path,
        labels: list[str],
        board: SummaryWriter,
    ) -> None:
        self._fabric, self._run, self._feed, self._out = fabric, run, feed, out
        self._labels, self._board = labels, board
        self._task = task_of(run.recipe.model)
        run.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # Evaluation bypasses Fabric, whose wrapper would compute in bfloat16 if training does.
        self._network = _compiled(run.model, fabric) if run.recipe.compile else run.model
        self._trained, self._optimizer = fabric.setup(self._network, run.optimizer)
        if run.teacher is not None:
            run.teacher.to(fabric.device)
        # A resumed run's momentum follows its parameters to the device.
        run.optimizer.load_state_dict(run.optimizer.state_dict())

    def training(self, status: progress.Status) -> Iterator[None]:
        """Train until the last epoch, and yield after every step.

        Args:
            status: receives the latest figures.
        """
        run, recipe = self._run, self._run.recipe
        while run.epoch < recipe.epochs:
            t, k = recipe.ede()(run.epoch)
            set_ede(run.model, t, k)
            yield from self._epoch(status)
            measured = self._measured()
            self._require_finite()
            run.epoch += 1
            loss, right = self._record(t, k, measured)
            self._save_epoch()
            row = run.history[-1]
            status.text = (
                f"epoch {run.epoch}/{recipe.epochs}, {self._task.shown(loss, right)}, "
                f"{row['images_per_second']:.0f} images/s, {self._task.held_out(row)}"
            )
            yield

    def save(self) -> None:
        """Write last.pt.

        Raises:
            UserError: the loss, a weight or its momentum is no longer finite.
        """
        partial = self._run.partial
        partial.loss, partial.right = self._checked_sums()
        self._require_finite()
        partial.signs = self._run.signs.before if partial.step else {}
        save_checkpoint(self._run.checkpoint(self._labels), self._out / "last.pt")

    def _epoch(self, status: progress.Status) -> Iterator[None]:
        """Train on the remaining batches of the epoch, and yield after each but the last."""
        run, partial, steps = self._run, self._run.partial, self._feed.steps
        self._sums = torch.tensor([partial.loss, partial.right], dtype=torch.float64)
        if not self._fabric.is_global_zero:
            self._sums.zero_()
        self._sums = self._sums.to(self._fabric.device)
        earlier, begun = partial.seconds, time.monotonic()
        shown = begun
        self._trained.train()
        for images, wanted in self._feed.train(run.epoch, partial.step):
            self._set_rate(run.recipe.rate(run.epoch, partial.step / steps))
            self._step(images, wanted)
            partial.step += 1
            now = time.monotonic()
            partial.seconds = earlier + now - begun
            if now - shown >= SHOWN_EVERY:
                shown = now
                self._tell(status)
            if partial.step < steps:
                yield
        self._sums = self._total(self._sums)
        self._checked_sums()
        partial.seconds = earlier + time.monotonic() - begun

    def _step(self, images: Tensor, wanted: Tensor) -> None:
        """Train on a batch."""
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        pixels = images.float()
        output = self._trained(pixels)
        loss = self._task.loss(self._run.recipe, output, wanted, self._taught(pixels))
        self._optimizer.zero_grad()
        self._fabric.backward(loss)
        self._optimizer.step()
        right = self._task.right(output, wanted)
        self._sums += torch.stack([loss.detach() * len(images), right])

    def _taught(self, pixels: Tensor) -> Tensor | None:
        """Return the teacher's output, if there is a teacher."""
        teacher = self._run.teacher
        if teacher is None:
            return None
        with torch.no_grad():
            taught: Tensor = teacher(pixels)
        return taught

    def _set_rate(self, rate: float) -> None:
        for group in self._run.optimizer.param_groups:
            group["lr"] = rate

    def _tell(self, status: progress.Status) -> None:
        """Update the status; with several processes, from this process's images only.

        Raises:
            UserError: the loss is no longer finite.
        """
        run, partial = self._run, self._run.partial
        loss, right = self._checked_sums()
        seen = partial.step * run.recipe.batch_size
        mine = seen / self._fabric.world_size
        status.text = (
            f"epoch {run.epoch + 1}/{run.recipe.epochs}, "
            f"{self._task.shown(loss / mine, right / mine)}, {seen / partial.seconds:.0f} images/s"
            + (f", {self._task.held_out(run.history[-1])} before" if run.history else "")
        )

    def _checked_sums(self) -> tuple[float, float]:
        """Return the sum of the loss and the number of correctly classified images.

        Raises:
            UserError: the loss is no longer finite.
        """
        run = self._run
        loss, right = self._sums.tolist()
        if not math.isfinite(loss):
            raise UserError(
                f"learning_rate: {run.recipe.learning_rate}, the loss is {loss} in "
                f"epoch {run.epoch + 1}; try a smaller learning rate"
            )
        return loss, right

    def _require_finite(self) -> None:
        """Raise a UserError if a weight, statistic or momentum is no longer finite."""
        run = self._run
        wrong = wrong_weights(run.model)
        if not wrong and (name := not_finite(run.momenta())):
            wrong = f"the momentum of {name} holds NaN or infinity"
        if wrong:
            raise UserError(
                f"learning_rate: {run.recipe.learning_rate}, {wrong} in epoch {run.epoch + 1}; "
                "try a smaller learning rate"
            )

    def _measured(self) -> list[float]:
        """Return the task's sums over the held-out images of all processes."""
        sums: list[float] = self._total(
            self._task.measure(self._network, self._feed.test())
        ).tolist()
        return sums

    def _total(self, value: Tensor) -> Tensor:
        """Return the sum over all processes."""
        total = self._fabric.all_reduce(value, reduce_op="sum")
        assert isinstance(total, Tensor)  # because the value is one, not a collection
        return total

    def _record(self, t: float, k: float, measured: list[float]) -> tuple[float, float]:
        """Add the completed epoch to the run's history.

        Args:
            t: EDE's, as k.
            k: EDE's.
            measured: the task's sums over the held-out images.

        Returns:
            the loss, and the share of training images that were classified correctly.
        """
        run, partial = self._run, self._run.partial
        seen = self._feed.steps * run.recipe.batch_size
        loss, right = (total / seen for total in self._sums.tolist())
        layers = run.signs.update(run.model)
        total = sum(layer.weights for layer in layers) or 1
        run.weights += [{"epoch": run.epoch, **asdict(layer)} for layer in layers]
        run.history.append(
            {
                "epoch": run.epoch,
                "t": t,
                "k": k,
                "learning_rate": run.recipe.rate(run.epoch - 1, 0),
                "loss": loss,
                **self._task.figures(right, measured),
                "weight_entropy": sum(x.entropy * x.weights for x in layers) / total,
                "flip_rate": sum(x.flipped * x.weights for x in layers) / total,
                "images_per_second": seen / partial.seconds,
            }
        )
        run.partial = Partial()
        self._sums.zero_()
        return loss, right

    def _save_epoch(self) -> None:
        """Write the files of a completed epoch."""
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

    On a GPU its kernels are replayed as CUDA graphs, because the GPU would otherwise wait for the
    processor in small networks. CUDA graphs don't work with communication between processes.
    """
    alone = fabric.world_size == 1
    graphs = alone and fabric.device.type == "cuda"
    mode = "reduce-overhead" if graphs else "default"
    # It returns a module for a module, although its type hint only mentions functions.
    return cast(nn.Module, torch.compile(model, dynamic=False, fullgraph=alone, mode=mode))


def devices(recipe: Recipe, world: int, local: int) -> Fabric:
    """Return the device, or those of all processes that torchrun started."""
    cuda = torch.cuda.is_available()
    fabric = Fabric(
        # Not "auto": Apple's GPUs lack float64, which the sums of the metrics need.
        accelerator="cuda" if cuda else "cpu",
        devices=local,
        num_nodes=world // local,
        strategy="ddp" if world > 1 else "auto",
        precision="bf16-mixed" if recipe.bf16 and _computes_bf16(cuda) else "32-true",
    )
    fabric.launch()
    return fabric


def _computes_bf16(cuda: bool) -> bool:
    """Return whether the device has instructions for bfloat16; imitating them is far slower."""
    if cuda:
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def batches_of(
    dataset: data.Dataset | data.StreamedDataset | data.Pairs, recipe: Recipe, fabric: Fabric
) -> Feed:
    """Return the dataset's batches for this process."""
    place = fabric.device, fabric.global_rank, fabric.world_size
    if isinstance(dataset, data.StreamedDataset):
        return StreamedFeed(dataset, recipe, *place)
    if isinstance(dataset, data.Pairs):
        return CropFeed(dataset, recipe, *place)
    return ResidentFeed(dataset, recipe, *place)


def accuracy(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Return the share of correctly classified images; the network is left in eval mode.

    Args:
        model: a network that takes pixels as float32.
        batches: pixels [N, channels, height, width] and labels [N]; images labelled -1 don't
            count.
    """
    right, seen = Classify().measure(model, batches).tolist()
    return float(right / seen)


def _write_rows(rows: list[dict[str, Any]], columns: Iterable[str], path: Path) -> None:
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows(rows)
