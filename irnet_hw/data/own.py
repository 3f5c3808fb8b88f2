"""Data sets of the user's own: images of any size and any number of classes.

The class names come from the folders, the Parquet labels, or the names stored in the Parquet
file. Images whose size differs from the recipe's are scaled, keeping their proportions, until
they just cover it, and cropped to the centre: in training, for the held-out images and in export
alike. If the recipe states no size, all images must have the same one.
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
        'data = "folder" needs images in data_folder: train/CLASS/ to train on, and other images '
        "of the same classes, say a fifth of all, in test/CLASS/ (or val, or validation); or "
        "train.parquet and test.parquet with the columns image and label"
    ),
)


def find(folder: Path) -> tuple[Encoded, Encoded]:
    """Return the training and test images.

    Args:
        folder: holds the files in one of the forms of ``DESCRIPTION.how_to_get_it``.

    Raises:
        UserError: a part is missing, there are too few classes, a class has no training images,
            or the two parts have different classes.
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
    """Return the height, width and channels that all images of the parts share.

    There is 1 channel if all images are grey, otherwise 3.

    Args:
        parts: parts of the dataset.

    Raises:
        UserError: the images differ in size, or one is damaged.
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
        folder: holds the files in one of the forms of ``DESCRIPTION.how_to_get_it``.
        image: height, width and channels to convert the images to; by default the shape that
            they all share.

    Raises:
        UserError: the files are missing, damaged or inconsistent, or the images don't fit in
            memory.
    """
    parts = find(folder)
    height, width, channels = image or common_shape(parts)
    if channels not in (1, 3):
        raise UserError(
            f"model.image: [{height}, {width}, {channels}], must have 1 channel for grey, or 3 "
            "for red, green and blue"
        )
    count = sum(len(part.labels) for part in parts)
    # The images and their copy for training.
    needed = 2 * count * math.prod((height, width, channels))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > memory:
        raise UserError(
            f"model.image: [{height}, {width}, {channels}], must be smaller: the {count} images "
            f"of {folder} would need {needed / 2**30:.1f} GiB of memory, and the machine has "
            f"{memory / 2**30:.1f}"
        )
    label = f"reading {folder}"
    train, test = (
        encoded.decode_all(part, (height, width, channels), label, fit=True) for part in parts
    )
    return Dataset(*train, *test, parts[0].names)
