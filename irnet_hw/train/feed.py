"""Batches of a dataset that fits in memory: it is kept and augmented on the device."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from irnet_hw.data import Dataset
from irnet_hw.train.recipe import Recipe

#: Batch size for evaluation.
EVALUATION_BATCH = 500


class ResidentFeed:
    """Serves batches of a dataset on the device, to one of several processes training together.

    The order of the images and their augmentation depend only on the recipe's seed and the epoch.
    So an interrupted epoch resumes with the same batches, and the batches are the same however
    many processes share them.

    Args:
        dataset: the dataset to serve.
        recipe: gives the batch size and the augmentation.
        device: where the images are kept.
        rank: the index of this process.
        world: number of processes that share every batch; must divide the batch size.

    Attributes:
        steps: batches per epoch; images that don't fill a batch are left out.
    """

    def __init__(
        self, dataset: Dataset, recipe: Recipe, device: torch.device, rank: int, world: int
    ) -> None:
        self.steps = len(dataset.train_images) // recipe.batch_size
        self._recipe = recipe
        self._device = device
        self._rank, self._world = rank, world
        self._side = dataset.image_shape[:2]
        # Shifted images are padded with 0.
        margin = (0, 0, recipe.shift, recipe.shift, recipe.shift, recipe.shift)
        self._padded = functional.pad(torch.from_numpy(dataset.train_images).to(device), margin)
        self._labels = torch.from_numpy(dataset.train_labels).to(device)
        self._test = _filled(
            dataset.test_images[rank::world], dataset.test_labels[rank::world], device
        )

    def train(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's share of the batches of an epoch.

        Args:
            epoch: counted from 0.
            first_step: skip the batches before this one.

        Yields:
            pixels, uint8 [batch_size / world, channels, height, width], channels last in memory;
            labels, int64 [batch_size / world].
        """
        recipe = self._recipe
        generator = epoch_generator(recipe.seed, epoch)
        shape = (self.steps, recipe.batch_size)
        order = torch.randperm(len(self._labels), generator=generator)
        order = order[: self.steps * recipe.batch_size].reshape(shape)
        shifts = torch.randint(
            0, 2 * recipe.shift + 1, (self.steps, 2, recipe.batch_size), generator=generator
        )
        flips = torch.zeros(shape, dtype=torch.bool)
        if recipe.flip:
            flips = torch.randint(0, 2, shape, generator=generator, dtype=torch.bool)
        size = recipe.batch_size // self._world
        mine = slice(self._rank * size, (self._rank + 1) * size)
        order, flips = order[:, mine].to(self._device), flips[:, mine].to(self._device)
        shifts = shifts[:, :, mine].to(self._device)
        for step in range(first_step, self.steps):
            top, left = shifts[step]
            images = self._augmented(order[step], top, left, flips[step])
            yield images, self._labels[order[step]]

    def test(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's share of the test images.

        Yields:
            pixels, uint8 [N, channels, height, width], channels last in memory, and labels,
            int64 [N]. All batches have the same size; the last one is padded with images
            labelled -1.
        """
        yield from self._test

    def _augmented(self, which: Tensor, top: Tensor, left: Tensor, flip: Tensor) -> Tensor:
        """Return images, each shifted and, where ``flip`` is set, mirrored left to right."""
        height, width = (torch.arange(side, device=self._device) for side in self._side)
        rows = top[:, None] + height
        columns = left[:, None] + torch.where(flip[:, None], width.flip(0), width)
        pixels = self._padded[which[:, None, None], rows[:, :, None], columns[:, None, :]]
        return pixels.permute(0, 3, 1, 2)


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """Return the generator of an epoch's random choices."""
    seeds = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(seeds[0] >> np.uint64(1)))


def _filled(
    images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], device: torch.device
) -> list[tuple[Tensor, Tensor]]:
    """Return batches of equal size, which a compiled network needs."""
    size = min(EVALUATION_BATCH, len(labels))
    missing = -len(labels) % size
    pixels = torch.from_numpy(np.concatenate([images, images[:missing]])).to(device)
    wanted = functional.pad(torch.from_numpy(labels), (0, missing), value=-1).to(device)
    pixels = pixels.permute(0, 3, 1, 2)
    return list(zip(torch.split(pixels, size), torch.split(wanted, size), strict=True))
