"""Data sets of the user's own: images of any size and any number of classes.

The classes are what the folders, the labels in Parquet or the names noted there say. Images of
another size than the recipe's are scaled, keeping their proportions, until they just cover it,
and their middle is taken; that is the same in training, for the held-out images and in export.
If the recipe says no size, all images must have the same.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from irnet_hw import progress
from irnet_hw.data import encoded
from irnet_hw.data.dataset import Dataset
from irnet_hw.data.decode import shape
from irnet_hw.data.description import Description
from irnet_hw.data.encoded import Encoded
from irnet_hw.errors import UserError

DESCRIPTION = Description(
    title="images to train on",
    labels=(),
    label_column="label",
    folders=("data",),
    held_out=("test", "val", "validation"),
    how_to_get_it=(
        'data = "folder" needs, in data_folder, images in train/CLASS/ and others of the same '
        "classes, a fifth of them perhaps, in test/CLASS/ (or val, or validation); or "
        "train.parquet and test.parquet with the columns image and label"
    ),
)


def find(folder: Path) -> tuple[Encoded, Encoded]:
    """Return the images to train on and those to measure with.

    Args:
        folder: has the files, in one of the forms of ``DESCRIPTION.how_to_get_it``.

    Raises:
        UserError: one part is missing, or the classes are too few, have no images to train on
            or are not the same in both parts.
    """
    found = encoded.find(DESCRIPTION, folder)
    if not found:
        raise DESCRIPTION.absent(folder)
    train, _ = found
    counts = np.bincount(train.labels, minlength=len(train.names))
    if not counts.all():
        number = int(counts.argmin())
        raise UserError(
            f"{folder}: no image to train on has the label {number} ({train.names[number]!r}); "
            "every class needs some"
        )
    return found


def common_shape(parts: Sequence[Encoded]) -> tuple[int, int, int]:
    """Return the height, width and channels that all images of some parts have.

    Args:
        parts: of the dataset. If all their images are grey there is 1 channel, else 3.

    Raises:
        UserError: they differ in size, or an image is damaged.
    """
    total = sum(len(part.labels) for part in parts)
    places = ((part, index) for part in parts for index in range(len(part.labels)))
    first, sizes, channels = "", (0, 0), 1
    for part, index in progress.track(places, "reading sizes", total, "images"):
        where = part.where(index)
        *size, depth = shape(part.content(index), where)
        if not first:
            first, sizes = where, (size[0], size[1])
        if sizes != tuple(size):
            raise UserError(
                f"model.image: is not stated, and the images differ: {first} has "
                f"{sizes[0]}x{sizes[1]} pixels, {where} {size[0]}x{size[1]}; state height, width "
                "and channels, such as model.image=[32,32,3], and images are scaled and cropped"
            )
        channels = max(channels, depth)
    return *sizes, channels


def read(folder: Path, image: Sequence[int] = ()) -> Dataset:
    """Return a data set of the user's own, in memory.

    Args:
        folder: has the files, in one of the forms of ``DESCRIPTION.how_to_get_it``.
        image: height, width and channels to bring the images to; by default those that they
            all have.

    Raises:
        UserError: the files aren't there, are damaged or don't belong together, or the images
            don't fit into memory.
    """
    parts = find(folder)
    height, width, channels = image or common_shape(parts)
    if channels not in (1, 3):
        raise UserError(
            f"model.image: [{height}, {width}, {channels}], must have 1 channel for grey, or 3 "
            "for red, green and blue"
        )
    count = sum(len(part.labels) for part in parts)
    # The images, and what they are copied to for training.
    needed = 2 * count * math.prod((height, width, channels))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > memory:
        raise UserError(
            f"model.image: [{height}, {width}, {channels}], with which the {count} images of "
            f"{folder} need {needed / 2**30:.1f} GiB of memory, and the machine has "
            f"{memory / 2**30:.1f}; must be smaller"
        )
    label = f"reading {folder}"
    train, test = (
        encoded.decode_all(part, (height, width, channels), label, fit=True) for part in parts
    )
    return Dataset(*train, *test, parts[0].names)
