"""The common form of all datasets in memory."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class Part(NamedTuple):
    """The training part or the test part of a dataset.

    Attributes:
        images: uint8 [N, height, width, channels].
        labels: int64 [N], class indices.
    """

    images: Images
    labels: Labels


@dataclass(frozen=True)
class Dataset:
    """Training images, and test images that are never trained on.

    Attributes:
        train_images: uint8 [N, height, width, channels].
        train_labels: int64 [N], indices into ``labels``.
        test_images: uint8 [M, height, width, channels].
        test_labels: int64 [M].
        labels: the classes' names.
    """

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels
    labels: list[str]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = self.test_images.shape[1:]
        return height, width, channels
