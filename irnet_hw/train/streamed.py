"""Batches of a dataset that stays on disk: worker processes decode and augment its images."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from irnet_hw.data.dataset import Labels
from irnet_hw.data.streamed import StreamedDataset
from irnet_hw.errors import UserError

if TYPE_CHECKING:
    # Not for workers: it imports Brevitas, which takes seconds.
    from irnet_hw.train.recipe import Recipe

#: So many images are evaluated together, if there are so many.
EVALUATION_BATCH = 128


class StreamedFeed:
    """A dataset on disk, as batches for one of several processes that train together.

    The order of the images and what is done to them are functions of the recipe's seed and the
    epoch: an interrupted epoch goes on with the same batches, and however many processes share
    the batches and however many workers decode them, they are the same ones.

    Workers are started by a fork server, a process that has imported what they need and
    nothing else. To fork this one would copy the locks of its other threads (PyTorch's,
    Arrow's) in whatever state they are, and a worker that needs one might wait forever; to
    start each afresh would cost each of them the seconds of importing PyTorch.

    Args:
        dataset: what to feed.
        recipe: says the batches' size and the seed, and whether images are mirrored.
        device: where the batches go.
        rank: which of the processes this is.
        world: how many processes share every batch; divides the batch's size.
        workers: how many processes decode; 0 to decode in this one, by default one for each
            core that this process may use and isn't needed by it.

    Attributes:
        steps: batches in an epoch; images that don't fill one are left out.
    """

    def __init__(
        self,
        dataset: StreamedDataset,
        recipe: "Recipe",
        device: torch.device,
        rank: int,
        world: int,
        workers: int | None = None,
    ) -> None:
        self.steps = len(dataset.train_labels) // recipe.batch_size
        self._dataset = dataset
        self._recipe = recipe
        self._device = device
        self._rank, self._world = rank, world
        self._workers = _spare_cores() if workers is None else workers
        #: What the loader goes through when it is next asked for batches.
        self._jobs: list[_Job] = []
        self._loader = self._new_loader()
        self._latest: object = None

    def train(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's share of the batches of an epoch.

        Args:
            epoch: counted from 0.
            first_step: the batches before it are left out.

        Yields:
            pixels, uint8 [batch_size / world, channels, height, width], channels last in memory;
            labels, int64 [batch_size / world].

        Raises:
            UserError: an image can't be read or is damaged.
        """
        order = self._dataset.order(self._recipe.seed, epoch)
        shares = order[: self.steps * self._recipe.batch_size].reshape(self.steps, self._world, -1)
        mine = shares[first_step:, self._rank]
        yield from self._batches([_Job(indices, epoch, len(indices)) for indices in mine])

    def test(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's share of the test images.

        Yields:
            pixels, uint8 [N, channels, height, width], channels last in memory, and labels,
            int64 [N]; every batch has the same size, the last one is filled up with images of
            label -1.

        Raises:
            UserError: an image can't be read or is damaged.
        """
        mine = np.arange(self._rank, len(self._dataset.test_labels), self._world)
        if not len(mine):
            return
        size = min(EVALUATION_BATCH, len(mine))
        parts = [mine[start : start + size] for start in range(0, len(mine), size)]
        yield from self._batches([_Job(part, None, size) for part in parts])

    def _batches(self, jobs: list["_Job"]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of some jobs, in their order."""
        self._jobs[:] = jobs
        latest = self._latest = object()
        with _undisturbed():
            batches = iter(self._loader)
        while True:
            # The workers have one queue: it now holds the later one's batches.
            assert latest is self._latest, "a feed goes through one thing at a time"
            found = self._next(batches)
            if found is None:
                return
            pixels, labels = (part.to(self._device, non_blocking=True) for part in found)
            yield pixels.permute(0, 3, 1, 2), labels

    def _next(self, batches: Iterator[Any]) -> tuple[Tensor, Tensor] | None:
        try:
            found = next(batches, None)
        except RuntimeError as error:
            # So a DataLoader reports a worker that was killed.
            if "DataLoader worker" not in str(error):
                raise
            raise UserError(
                f"a process that decodes images has ended: {error}; there may be too little "
                "memory, or too little in /dev/shm"
            ) from error
        if isinstance(found, UserError):
            raise found
        return found

    def _new_loader(self) -> DataLoader[Any]:
        several: dict[str, Any] = {}
        if self._workers:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload([__name__])
            several = {
                "multiprocessing_context": context,
                "persistent_workers": True,
                "worker_init_fn": _leave_interruptions_to_the_parent,
            }
        return DataLoader(
            _Decoder(self._dataset, self._recipe.seed, self._recipe.flip),
            batch_size=None,
            sampler=self._jobs,
            num_workers=self._workers,
            pin_memory=self._device.type == "cuda",
            # Its own, or it would take a number from everybody's.
            generator=torch.Generator(),
            **several,
        )


@dataclass(frozen=True)
class _Job:
    """A batch to decode.

    Attributes:
        indices: of the images.
        epoch: for which they are augmented; None for test images.
        size: of the batch, which is filled up with images of label -1.
    """

    indices: Labels
    epoch: int | None
    size: int


class _Decoder(Dataset[Any]):
    """Turns jobs into batches, in a worker.

    Args:
        dataset: has the images.
        seed: of the augmentation.
        flip: images are mirrored.
    """

    def __init__(self, dataset: StreamedDataset, seed: int, flip: bool) -> None:
        self._dataset = dataset
        self._seed, self._flip = seed, flip

    def __getitem__(self, job: _Job) -> tuple[Tensor, Tensor] | UserError:
        """Return pixels, uint8 [N, height, width, channels], and labels, int64 [N].

        An error is returned, not raised: the DataLoader would make a traceback its message.
        """
        images = np.zeros((job.size, *self._dataset.image_shape), np.uint8)
        labels = np.full(job.size, -1)
        try:
            for place, index in enumerate(job.indices.tolist()):
                images[place], labels[place] = self._decode(index, job.epoch)
        except UserError as error:
            return error
        return torch.from_numpy(images), torch.from_numpy(labels)

    def _decode(self, index: int, epoch: int | None) -> tuple[Any, Any]:
        if epoch is None:
            return self._dataset.decode_test(index), self._dataset.test_labels[index]
        pixels = self._dataset.decode_train(index, self._seed, epoch, self._flip)
        return pixels, self._dataset.train_labels[index]


def _spare_cores() -> int:
    """Return how many cores there are for workers, beside one for each training process."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # torchrun sets it
    return max(0, len(os.sched_getaffinity(0)) // here - 1)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Start processes within that don't see Ctrl-C, which reaches all of a terminal's.

    The fork server hands on to its workers what it was started with: signals that are blocked.
    What comes meanwhile comes to this process afterwards.
    """
    # It would unblock the signals when it is started.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_interruptions_to_the_parent(_: int) -> None:
    """Ignore Ctrl-C in a worker, whose parent ends it, perhaps while it is handed a batch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.excepthook = _report_unless_disconnected


def _report_unless_disconnected(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not isinstance(error, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)
