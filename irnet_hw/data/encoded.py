"""Encoded image files on disk, in Parquet or in folders, read one at a time."""

from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageOps

from irnet_hw import progress
from irnet_hw.data import image_folder, parquet
from irnet_hw.data.dataset import Labels, Part
from irnet_hw.data.decode import decode
from irnet_hw.data.description import Description
from irnet_hw.errors import UserError


class Encoded(Protocol):
    """The image files of one part of a dataset.

    Attributes:
        labels: int64 [N], indices into ``names``.
        names: the class names.
    """

    labels: Labels
    names: list[str]

    def content(self, index: int) -> bytes:
        """Return an image file.

        Raises:
            UserError: it can't be read.
        """

    def where(self, index: int) -> str:
        """Return the path of an image file, or its place in a larger file, for messages."""

    def order(self, generator: np.random.Generator) -> Labels:
        """Return a random order, int64 [N], in which images can be read cheaply."""


def find(description: Description, folder: Path) -> tuple[Encoded, Encoded] | None:
    """Return the training and test images, if the folder has any.

    Args:
        description: describes the dataset.
        folder: holds train.parquet and test.parquet, or Hugging Face's shards, or the folders
            train and test with one folder of images per class.

    Raises:
        UserError: one part is missing or damaged.
    """
    return parquet.find(description, folder) or image_folder.find(description, folder)


def decode_all(
    encoded: Encoded, shape: tuple[int, int, int], label: str, fit: bool = False
) -> Part:
    """Return all images and their labels.

    Args:
        encoded: the image files.
        shape: (height, width, channels) of the returned images.
        label: text for the progress bar.
        fit: scale images of another size until they just cover ``shape``, then crop to the
            centre; without it they are refused.

    Raises:
        UserError: an image is damaged, or has another size and ``fit`` is off.
    """
    height, width, channels = shape
    count = len(encoded.labels)
    # Pillow's grey images have no channel axis.
    images = np.empty((count, height, width, channels)[: 3 if channels == 1 else 4], np.uint8)
    for row in progress.track(range(count), label, count, "images"):
        image = decode(encoded.content(row), encoded.where(row), channels)
        if image.size != (width, height) and fit:
            image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
        elif image.size != (width, height):
            raise UserError(
                f"{encoded.where(row)}: an image of {image.height}x{image.width} pixels, "
                f"must be {height}x{width}"
            )
        images[row] = np.asarray(image)
    return Part(images.reshape(count, *shape), encoded.labels)
