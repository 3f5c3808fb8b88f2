"""Datasets by name."""

from collections.abc import Callable
from pathlib import Path

from irnet_hw.data import cifar10, cifar100, imagenet, mnist
from irnet_hw.data.dataset import Dataset
from irnet_hw.data.description import Description
from irnet_hw.data.digits import digits
from irnet_hw.data.streamed import StreamedDataset
from irnet_hw.errors import UserError

__all__ = ["DATASETS", "Dataset", "StreamedDataset", "load"]

#: Those that come with a package, and those that are read from a folder of the user's.
BUNDLED: dict[str, Callable[[], Dataset]] = {"digits": digits}
IN_A_FOLDER: dict[str, tuple[Description, Callable[[Path], Dataset | StreamedDataset]]] = {
    "cifar10": (cifar10.DESCRIPTION, cifar10.read),
    "cifar100": (cifar100.DESCRIPTION, cifar100.read),
    "imagenet": (imagenet.DESCRIPTION, imagenet.read),
    "mnist": (mnist.DESCRIPTION, mnist.read),
}

DATASETS = sorted([*BUNDLED, *IN_A_FOLDER])


def load(name: str, folder: str = "") -> Dataset | StreamedDataset:
    """Return a dataset: ImageNet streamed, the others in memory.

    Args:
        name: of the dataset.
        folder: where its files lie; a bundled one needs none.

    Raises:
        UserError: there is none of that name, or its files are missing or damaged.

    Example:
        >>> dataset = load("digits")
        >>> dataset.train_images.shape, dataset.test_images.shape
        ((1437, 8, 8, 1), (360, 8, 8, 1))
    """
    if name in BUNDLED:
        return BUNDLED[name]()
    if name in IN_A_FOLDER:
        description, read = IN_A_FOLDER[name]
        if not folder:
            raise UserError(f"data_folder: is not set; {description.how_to_get_it}")
        return read(Path(folder))
    raise UserError(f"data: {name!r}, must be one of {', '.join(DATASETS)}")
