"""Batches of crops of images to learn enlarging from, kept and augmented on the device."""

from collections.abc import Iterator

import torch
from torch import Tensor

from irnet_hw.data.pairs import Pairs
from irnet_hw.train.feed import epoch_generator
from irnet_hw.train.recipe import Recipe

#: The turns by 0, 90, 180 and 270 degrees, each mirrored or not.
_SYMMETRIES = 8


class CropFeed:
    """Serves crops of images, small and in full size, to one of several processes.

    An epoch has as many crops of each image as fit into it side by side, at random places. As with
    :class:`irnet_hw.train.feed.ResidentFeed` they depend only on the recipe's seed and the epoch.

    Args:
        pairs: the images.
        recipe: gives the batch size, the crops' size and the augmentation: with ``flip``, crops are
            mirrored and turned by quarters.
        device: where the images are kept.
        rank: the index of this process.
        world: number of processes that share every batch; must divide the batch size.

    Attributes:
        steps: batches per epoch; crops that don't fill a batch are left out.
    """

    def __init__(
        self, pairs: Pairs, recipe: Recipe, device: torch.device, rank: int, world: int
    ) -> None:
        self._recipe = recipe
        self._rank, self._world = rank, world
        self._scale = pairs.scale
        self._side = recipe.model.image[0]
        self._images = [_tensors(pair.low, pair.high, device) for pair in pairs.train]
        sizes = torch.tensor([pair.low.shape for pair in pairs.train])
        self._places = sizes - self._side + 1
        crops = torch.tensor(pairs.crops(self._side))
        self._which = torch.arange(len(sizes)).repeat_interleave(crops)
        self.steps = len(self._which) // recipe.batch_size
        first = next(iter(pairs.held_out.values()))
        self._test = [
            (low[None, None], high[None, None])
            for low, high in (_tensors(pair.low, pair.high, device) for pair in first[rank::world])
        ]

    def train(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's share of the batches of an epoch.

        Args:
            epoch: counted from 0.
            first_step: skip the batches before this one.

        Yields:
            crops of the small images, uint8 [batch_size / world, 1, side, side], and of those in
            full size, uint8 [batch_size / world, 1, scale side, scale side].
        """
        recipe = self._recipe
        generator = epoch_generator(recipe.seed, epoch)
        which = self._which[torch.randperm(len(self._which), generator=generator)]
        share = torch.rand((len(which), 2), generator=generator, dtype=torch.float64)
        places = (share * self._places[which]).long()
        turns = torch.zeros(len(which), dtype=torch.int64)
        if recipe.flip:
            turns = torch.randint(0, _SYMMETRIES, (len(which),), generator=generator)
        size = recipe.batch_size // self._world
        for step in range(first_step, self.steps):
            start = step * recipe.batch_size + self._rank * size
            found = [
                self._crop(*each)
                for each in zip(
                    which[start : start + size].tolist(),
                    places[start : start + size].tolist(),
                    turns[start : start + size].tolist(),
                    strict=True,
                )
            ]
            low, high = (torch.stack(each)[:, None] for each in zip(*found, strict=True))
            yield low, high

    def test(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's share of the first set of test images.

        Yields:
            an image, small and in full size, uint8 [1, 1, height, width].
        """
        yield from self._test

    def _crop(self, which: int, place: list[int], turn: int) -> tuple[Tensor, Tensor]:
        """Return a crop, small and in full size, mirrored and turned."""
        low, high = (
            image[tuple(slice(scale * at, scale * (at + self._side)) for at in place)]
            for image, scale in zip(self._images[which], (1, self._scale), strict=True)
        )
        return _turned(low, turn), _turned(high, turn)


def _turned(image: Tensor, turn: int) -> Tensor:
    quarters, mirrored = turn % 4, turn >= 4
    return torch.rot90(image.flip(1) if mirrored else image, quarters)


def _tensors(low: object, high: object, device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.as_tensor(low, device=device), torch.as_tensor(high, device=device)
