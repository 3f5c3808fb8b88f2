"""What a dataset is, whatever its source."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Dataset:
    """Images to train on, and others, never trained on, to measure with.

    Attributes:
        train_images: uint8 [N, height, width, channels].
        train_labels: int64 [N], indices into ``labels``.
        test_images: uint8 [M, height, width, channels].
        test_labels: int64 [M].
        labels: the classes' names.
    """

    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.int64]
    labels: list[str]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = self.test_images.shape[1:]
        return height, width, channels
