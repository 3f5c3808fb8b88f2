"""Batches of a dataset that fits in memory: it lives on the device, and is augmented there."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from irnet_hw.data import Dataset
from irnet_hw.train.recipe import Recipe

#: So many images are evaluated together.
EVALUATION_BATCH = 500


class ResidentFeed:
    """A dataset on the device, as batches for one of several processes that train together.

    The order of the images and what is done to them are functions of the recipe's seed and the
    epoch: an interrupted epoch goes on with the same batches, and however many processes share
    the batches, they are the same ones.

    Args:
        dataset: what to feed.
        recipe: says the batches' size and the augmentation.
        device: where the images lie.
        rank: which of the processes this is.
        world: how many processes share every batch; divides the batch's size.

    Attributes:
        steps: batches in an epoch; images that don't fill one are left out.
    """

    def __init__(
        self, dataset: Dataset, recipe: Recipe, device: torch.device, rank: int, world: int
    ) -> None:
        self.steps = len(dataset.train_images) // recipe.batch_size
        self._recipe = recipe
        self._device = device
        self._rank, self._world = rank, world
        self._side = dataset.image_shape[:2]
        # What a shift lets in at the edges is 0.
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
            first_step: the batches before it are left out.

        Yields:
            pixels, uint8 [batch_size / world, channels, height, width], channels last in memory;
            labels, int64 [batch_size / world].
        """
        recipe = self._recipe
        seeds = np.random.SeedSequence([recipe.seed, epoch]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(seeds[0] >> np.uint64(1)))
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
            int64 [N]; every batch has the same size, the last one is filled up with images of
            label -1.
        """
        yield from self._test

    def _augmented(self, which: Tensor, top: Tensor, left: Tensor, flip: Tensor) -> Tensor:
        """Return images, each shifted and perhaps mirrored left to right."""
        height, width = (torch.arange(side, device=self._device) for side in self._side)
        rows = top[:, None] + height
        columns = left[:, None] + torch.where(flip[:, None], width.flip(0), width)
        pixels = self._padded[which[:, None, None], rows[:, :, None], columns[:, None, :]]
        return pixels.permute(0, 3, 1, 2)


def _filled(
    images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], device: torch.device
) -> list[tuple[Tensor, Tensor]]:
    """Return batches of one size, which a compiled network needs."""
    size = min(EVALUATION_BATCH, len(labels))
    missing = -len(labels) % size
    pixels = torch.from_numpy(np.concatenate([images, images[:missing]])).to(device)
    wanted = functional.pad(torch.from_numpy(labels), (0, missing), value=-1).to(device)
    pixels = pixels.permute(0, 3, 1, 2)
    return list(zip(torch.split(pixels, size), torch.split(wanted, size), strict=True))
