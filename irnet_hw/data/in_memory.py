"""Load datasets that fit in memory, in whichever form a folder holds them."""

from collections.abc import Callable
from pathlib import Path

from irnet_hw.data import encoded
from irnet_hw.data.dataset import Dataset, Part
from irnet_hw.data.description import Description


def in_memory(
    description: Description,
    shape: tuple[int, int, int],
    published: Callable[[Path], tuple[Part, Part] | None],
    folder: Path,
) -> Dataset:
    """Return a dataset.

    Args:
        description: describes the dataset.
        shape: (height, width, channels) of an image.
        published: reads the publisher's own files, if the folder has them.
        folder: the user's folder. It is searched first for the publisher's own files, then for
            Parquet files, then for folders of images.

    Raises:
        UserError: the dataset isn't there, or files are missing or damaged.
    """
    parts = published(folder)
    if parts:
        train, test = parts
        names = list(description.labels)
    else:
        found = encoded.find(description, folder)
        if not found:
            raise description.absent(folder)
        label = f"reading {description.title}"
        train, test = (encoded.decode_all(part, shape, label) for part in found)
        names = found[0].names
    return Dataset(*train, *test, names)
