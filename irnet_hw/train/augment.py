"""Light augmentation on tensors that are in memory already."""

import torch
from torch import Tensor
from torch.nn import functional


def shifted(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Shift each image by a random number of pixels; what enters at the edges is 0.

    Also known as padding by that number and cropping to the size before.

    Args:
        images: [N, channels, height, width].
        most: the largest shift in each direction.
        generator: of the random numbers.
    """
    count, _, height, width = images.shape
    padded = functional.pad(images, (most, most, most, most))
    top, left = torch.randint(0, 2 * most + 1, (2, count, 1), generator=generator)
    rows = (top + torch.arange(height))[:, None, :, None]
    columns = (left + torch.arange(width))[:, None, None, :]
    image = torch.arange(count)[:, None, None, None]
    channel = torch.arange(images.shape[1])[None, :, None, None]
    return padded[image, channel, rows, columns]


def flipped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror every other image, drawn at random, left to right.

    Args:
        images: [N, channels, height, width].
        generator: of the random numbers.
    """
    chosen = torch.randint(0, 2, (len(images), 1, 1, 1), generator=generator, dtype=torch.bool)
    return torch.where(chosen, images.flip(3), images)
