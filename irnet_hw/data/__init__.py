"""Datasets by name."""

from collections.abc import Callable

from irnet_hw.data.dataset import Dataset
from irnet_hw.data.digits import digits
from irnet_hw.errors import UserError

__all__ = ["DATASETS", "Dataset", "load"]

DATASETS: dict[str, Callable[[], Dataset]] = {"digits": digits}


def load(name: str) -> Dataset:
    """Return a dataset.

    Raises:
        UserError: there is none of that name.

    Example:
        >>> dataset = load("digits")
        >>> dataset.train_images.shape, dataset.test_images.shape
        ((1437, 8, 8, 1), (360, 8, 8, 1))
    """
    if name not in DATASETS:
        raise UserError(f"data: {name!r}, must be one of {', '.join(sorted(DATASETS))}")
    return DATASETS[name]()
