"""Image files on disk, one by one: in Parquet or in folders."""

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
    """The image files of a part of a dataset.

    Attributes:
        labels: int64 [N], indices into ``names``.
        names: of the classes.
    """

    labels: Labels
    names: list[str]

    def content(self, index: int) -> bytes:
        """Return an image file.

        Raises:
            UserError: it can't be read.
        """

    def where(self, index: int) -> str:
        """Return the path of an image file, or its place in one, for messages."""

    def order(self, generator: np.random.Generator) -> Labels:
        """Return a random order, int64 [N], in which images are read at little cost."""


def find(description: Description, folder: Path) -> tuple[Encoded, Encoded] | None:
    """Return the images to train on and those to measure with, if the folder has any.

    Args:
        description: of the dataset.
        folder: has train.parquet and test.parquet, or Hugging Face's shards, or the folders
            train and test of a folder of images for each class.

    Raises:
        UserError: one part is there without the other, or is damaged.
    """
    return parquet.find(description, folder) or image_folder.find(description, folder)


def decode_all(
    encoded: Encoded, shape: tuple[int, int, int], label: str, fit: bool = False
) -> Part:
    """Return all images and their labels.

    Args:
        encoded: where they are.
        shape: the (height, width, channels) that each must have.
        label: what is shown beside the bar.
        fit: images of another size are scaled until they just cover it, and their middle is
            taken; else they are refused.

    Raises:
        UserError: an image is damaged, or of another size and not to be fitted.
    """
    height, width, channels = shape
    count = len(encoded.labels)
    # A grey image has no axis of channels.
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
