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
    # Workers must not import this: it imports Brevitas, which takes seconds.
    from irnet_hw.train.recipe import Recipe

#: Batch size for evaluation, if there are that many images.
EVALUATION_BATCH = 128


class StreamedFeed:
    """Serves batches of a dataset on disk, to one of several processes training together.

    The order of the images and their augmentation depend only on the recipe's seed and the epoch.
    So an interrupted epoch resumes with the same batches, and the batches are the same however
    many processes share them and however many workers decode them.

    A fork server starts the workers; it has imported only what they need. Forking this process
    instead would copy the locks of its other threads (PyTorch's, Arrow's) in whatever state they
    are, and a worker that needs one might wait forever. Spawning each worker from scratch would
    cost the seconds that importing PyTorch takes.

    Args:
        dataset: the dataset to serve.
        recipe: gives the batch size, the seed, and whether images are mirrored.
        device: where the batches go.
        rank: the index of this process.
        world: number of processes that share every batch; must divide the batch size.
        workers: number of decoding processes; 0 to decode in this process. By default one for
            each core that this process may use, less one for the process itself.

    Attributes:
        steps: batches per epoch; images that don't fill a batch are left out.
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
        #: The jobs that the loader's next iteration works through.
        self._jobs: list[_Job] = []
        self._loader = self._new_loader()
        self._latest: object = None

    def train(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's share of the batches of an epoch.

        Args:
            epoch: counted from 0.
            first_step: skip the batches before this one.

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
            int64 [N]. All batches have the same size; the last one is padded with images
            labelled -1.

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
        """Yield the jobs' batches, in order."""
        self._jobs[:] = jobs
        latest = self._latest = object()
        with _undisturbed():
            batches = iter(self._loader)
        while True:
            # The workers share one queue, which would now hold the batches of the later call.
            assert latest is self._latest, "a feed supports one iteration at a time"
            found = self._next(batches)
            if found is None:
                return
            pixels, labels = (part.to(self._device, non_blocking=True) for part in found)
            yield pixels.permute(0, 3, 1, 2), labels

    def _next(self, batches: Iterator[Any]) -> tuple[Tensor, Tensor] | None:
        try:
            found = next(batches, None)
        except RuntimeError as error:
            # This is how a DataLoader reports a worker that was killed.
            if "DataLoader worker" not in str(error):
                raise
            raise UserError(
                f"a process that decodes images has ended: {error}; there may be too little "
                "memory or too little space in /dev/shm"
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
            # Its own generator, so that it doesn't draw from the global one.
            generator=torch.Generator(),
            **several,
        )


@dataclass(frozen=True)
class _Job:
    """A batch to decode.

    Attributes:
        indices: indices of the images.
        epoch: the epoch to augment them for; None for test images.
        size: size of the batch, which is padded with images labelled -1.
    """

    indices: Labels
    epoch: int | None
    size: int


class _Decoder(Dataset[Any]):
    """Turns jobs into batches, in a worker.

    Args:
        dataset: holds the images.
        seed: seed of the augmentation.
        flip: mirror half of the training images.
    """

    def __init__(self, dataset: StreamedDataset, seed: int, flip: bool) -> None:
        self._dataset = dataset
        self._seed, self._flip = seed, flip

    def __getitem__(self, job: _Job) -> tuple[Tensor, Tensor] | UserError:
        """Return pixels, uint8 [N, height, width, channels], and labels, int64 [N].

        Errors are returned, not raised: the DataLoader would put a traceback into the message.
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
    """Return the number of cores for workers, after reserving one per training process."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # torchrun sets it
    return max(0, len(os.sched_getaffinity(0)) // here - 1)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Block Ctrl-C, which reaches every process of a terminal, for processes started within.

    The fork server inherits the blocked signals and passes them on to its workers. A signal that
    arrives in the meantime reaches this process afterwards.
    """
    # Starting it later would unblock the signals.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_interruptions_to_the_parent(_: int) -> None:
    """Ignore Ctrl-C in a worker: its parent ends it, perhaps while receiving a batch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.excepthook = _report_unless_disconnected


def _report_unless_disconnected(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if not isinstance(error, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)
