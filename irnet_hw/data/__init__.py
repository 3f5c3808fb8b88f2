"""Datasets by name."""

from collections.abc import Callable, Sequence
from pathlib import Path

from irnet_hw.data import cifar10, cifar100, imagenet, mnist, own, pairs
from irnet_hw.data.dataset import Dataset
from irnet_hw.data.description import Description
from irnet_hw.data.digits import digits
from irnet_hw.data.pairs import Pairs
from irnet_hw.data.streamed import StreamedDataset
from irnet_hw.errors import UserError

__all__ = [
    "DATASETS",
    "OWN",
    "PAIRS",
    "Dataset",
    "Pairs",
    "StreamedDataset",
    "load",
    "load_pairs",
    "sizes",
]

#: Datasets bundled with a package, and datasets read from a user's folder.
BUNDLED: dict[str, Callable[[], Dataset]] = {"digits": digits}
IN_A_FOLDER: dict[str, tuple[Description, Callable[[Path], Dataset | StreamedDataset]]] = {
    "cifar10": (cifar10.DESCRIPTION, cifar10.read),
    "cifar100": (cifar100.DESCRIPTION, cifar100.read),
    "imagenet": (imagenet.DESCRIPTION, imagenet.read),
    "mnist": (mnist.DESCRIPTION, mnist.read),
}

#: The name that stands for any data set of the user's own.
OWN = "folder"

#: The name of images to learn enlarging from.
PAIRS = "super-resolution"

DATASETS = sorted([*BUNDLED, *IN_A_FOLDER, OWN, PAIRS])


def load(name: str, folder: str = "", image: Sequence[int] = ()) -> Dataset | StreamedDataset:
    """Return a dataset: ImageNet streamed, the others in memory.

    Args:
        name: the dataset's name; :func:`load_pairs` loads ``PAIRS``.
        folder: where its files are; a bundled dataset needs none.
        image: height, width and channels to convert the images of a user's own data set to; by
            default the shape that all of them share. Ignored for other datasets.

    Raises:
        UserError: no dataset has that name, or its files are missing or damaged.

    Example:
        >>> dataset = load("digits")
        >>> dataset.train_images.shape, dataset.test_images.shape
        ((1437, 8, 8, 1), (360, 8, 8, 1))
    """
    if name in BUNDLED:
        return BUNDLED[name]()
    if name == OWN:
        return own.read(_stated(folder, own.DESCRIPTION), image)
    if name in IN_A_FOLDER:
        description, read = IN_A_FOLDER[name]
        return read(_stated(folder, description))
    raise UserError(f"data: {name!r}, must be one of {', '.join(DATASETS)}")


def load_pairs(folder: str, scale: int, side: int) -> Pairs:
    """Return images to learn enlarging from; see :func:`irnet_hw.data.pairs.read`."""
    return pairs.read(_stated(folder, pairs.DESCRIPTION), scale, side)


def sizes(folder: str, measure: bool = True) -> tuple[list[int], int]:
    """Return the image shape and number of classes of a user's own data set.

    Args:
        folder: where its files are.
        measure: read the image sizes.

    Returns:
        the height, width and channels that all images share, or an empty list without
        ``measure``; and the number of classes.

    Raises:
        UserError: its files are missing or damaged, or its images differ in size.
    """
    parts = own.find(_stated(folder, own.DESCRIPTION))
    return list(own.common_shape(parts)) if measure else [], len(parts[0].names)


def _stated(folder: str, description: Description) -> Path:
    if not folder:
        raise UserError(f"data_folder: is not set; {description.how_to_get_it}")
    return Path(folder)
