"""The training station: takes a recipe, writes checkpoints and metrics."""

import contextlib
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tensorboardX import SummaryWriter

from irnet_hw import data, progress
from irnet_hw.errors import UserError
from irnet_hw.train.folder import begin, run_folder
from irnet_hw.train.recipe import Recipe
from irnet_hw.train.run import Run
from irnet_hw.train.stop import Stop
from irnet_hw.train.work import Work, batches_of, devices


def train(
    recipe: Recipe,
    out: Path,
    resume: bool = False,
    force: bool = False,
    seconds: float = math.inf,
) -> Path:
    """Train a network, on the GPU if there is one.

    It writes ``recipe.toml``, the recipe as used, and after every epoch ``last.pt``,
    ``metrics.csv``, ``weights.csv``, a point in TensorBoard's file and, for the best epoch so
    far, ``best.pt``. Every file except TensorBoard's is complete at all times. An interruption
    (SIGINT or SIGTERM) saves ``last.pt`` in the middle of the epoch. On the same kind of processor
    the same recipe gives the same weights, however often training is stopped and resumed.

    Under torchrun the processes train together, each on its share of every batch; the gradients
    equal those of one process with the whole batch. An interruption then keeps the state after
    the last complete epoch.

    Args:
        recipe: what to train.
        out: the run's folder. Other files in it are kept.
        resume: resume from the folder's ``last.pt``, for more epochs if the recipe has more now.
        force: start over even if there is a run, and overwrite files that irnet-hw did not write.
        seconds: stop after this time, with ``last.pt`` saved in the middle of an epoch as by an
            interruption. Processes that train together don't stop.

    Returns:
        the path of ``last.pt``.

    Raises:
        UserError: recipe and dataset don't fit, the run to resume is missing or has another recipe,
            there is a run and neither ``resume`` nor ``force`` is set, another process trains in
            the folder or it can't be written, or the loss stops being finite.
    """
    world, local = (int(os.environ.get(name, 1)) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    _check_shares(recipe, world)
    fabric = devices(recipe, world, local)
    with contextlib.ExitStack() as stack:
        if fabric.is_global_zero:
            stack.enter_context(run_folder(out, recipe, resume, force))
        dataset = recipe.dataset()
        _check(recipe, dataset, world)
        if resume:
            run = Run.resumed(recipe, world, out / "last.pt", dataset.labels)
        else:
            run = Run.fresh(recipe, world, dataset.labels)
        feed = batches_of(dataset, recipe, fabric)
        status = progress.Status()
        steps = (recipe.epochs - run.epoch) * feed.steps - run.partial.step
        fabric.barrier()  # all have read what is there
        if fabric.is_global_zero:
            begin(out, recipe, resume)
            if 0 < run.planned < recipe.epochs:
                progress.say(_extended(run))
        stack.enter_context(_threads(recipe.threads))
        board = SummaryWriter(str(out), write_to_disk=fabric.is_global_zero)
        stack.enter_context(board)
        alone = fabric.world_size == 1
        stop = stack.enter_context(Stop(alone))
        end = time.monotonic() + (seconds if alone else math.inf)
        work = Work(fabric, run, feed, out, dataset.labels, board)
        # The other processes show no progress.
        training = work.training(status)
        if fabric.is_global_zero:
            training = progress.track(training, "training", steps, "batches", status)
        for _ in training:
            if stop.asked:
                work.save()
                stop.end()
            if time.monotonic() >= end:
                work.save()
                break
    if fabric.is_global_zero:
        done = f"{run.epoch} of " if run.epoch < recipe.epochs else ""
        progress.say(f"{out / 'last.pt'}: the network after {done}{recipe.epochs} epochs")
    return out / "last.pt"


def _extended(run: Run) -> str:
    """Return a message about a run that has more epochs than it was started with."""
    recipe = run.recipe
    depends = ["the learning rate"] * (recipe.schedule == "cosine")
    depends += ["EDE's gradient"] * recipe.model.ede
    text = f"epochs: {recipe.epochs}, raised from {run.planned}"
    if depends:
        text += (
            f"; from here on {' and '.join(depends)} follow the schedule of {recipe.epochs} "
            "epochs, so the weights will differ from those of a run started with that many"
        )
    return text


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


def _check(
    recipe: Recipe, dataset: data.Dataset | data.StreamedDataset | data.Pairs, world: int
) -> None:
    source = recipe.data_folder if recipe.data in (data.OWN, data.PAIRS) else recipe.data
    if isinstance(dataset, data.Pairs):
        crops, kind = sum(dataset.crops(recipe.model.image[0])), "crops of the training images"
        tests = len(next(iter(dataset.held_out.values())))
    else:
        _check_classes(recipe, dataset, source)
        crops, kind, tests = len(dataset.train_labels), "training images", len(dataset.test_labels)
    if recipe.batch_size > crops:
        raise UserError(
            f"batch_size: {recipe.batch_size}, must be at most the {crops} {kind} of {source}"
        )
    if world > tests:
        raise UserError(
            f"{world} processes: must be at most {tests}, the number of test images of {source}, "
            "which they share"
        )


def _check_classes(
    recipe: Recipe, dataset: data.Dataset | data.StreamedDataset, source: str
) -> None:
    shape = list(dataset.image_shape)
    if recipe.model.image != shape:
        raise UserError(
            f"model.image: {recipe.model.image}, must be {shape}, like the images of {source}"
        )
    if recipe.model.classes != len(dataset.labels):
        raise UserError(
            f"model.classes: {recipe.model.classes}, must be {len(dataset.labels)}, as in {source}"
        )
    if isinstance(dataset, data.StreamedDataset) and recipe.shift:
        raise UserError(
            f"shift: {recipe.shift}, must be 0, as images of {recipe.data} are cropped at random"
        )
