"""Images in folders: PART/CLASS/*.png or *.jpg."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from irnet_hw.data.dataset import Labels
from irnet_hw.data.description import Description
from irnet_hw.errors import UserError

SUFFIXES = (b".png", b".jpg", b".jpeg")


class ImageFolder:
    """The images of a part, as ``encoded.Encoded`` says.

    Args:
        folder: has a folder for each class.
        names: of the classes' folders, in the order of their numbers.

    Raises:
        UserError: a class has no images, or a folder can't be read.
    """

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.names = names
        self._folder = folder
        # A million names: as one array they reach another process at once.
        files = [np.array(_images(folder / name)) for name in names]
        self._files: npt.NDArray[np.bytes_] = np.concatenate(files)
        self.labels: Labels = np.repeat(np.arange(len(names)), [len(part) for part in files])

    def content(self, index: int) -> bytes:
        """Return an image file."""
        path = self._path(index)
        try:
            return path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: can't be read: {error.strerror}") from error

    def where(self, index: int) -> str:
        """Return the path of an image file."""
        return str(self._path(index))

    def order(self, generator: np.random.Generator) -> Labels:
        """Return a random order, int64 [N]; files can be read in any."""
        return generator.permutation(len(self.labels))

    def _path(self, index: int) -> Path:
        name = os.fsdecode(bytes(self._files[index]))
        return self._folder.joinpath(self.names[int(self.labels[index])], name)


def find(description: Description, folder: Path) -> tuple[ImageFolder, ImageFolder] | None:
    """Return the images to train on and those to measure with, if there is a folder train.

    The classes are numbered in the order of their folders' names, which is that of the numbers
    if the names are numbers.

    Args:
        description: of the dataset.
        folder: has the folders train, and test or val.

    Raises:
        UserError: a part or class is missing or has no images, or there are too many classes.
    """
    train = folder / "train"
    if not train.is_dir():
        return None
    held_out = [folder / name for name in description.held_out if (folder / name).is_dir()]
    if not held_out:
        raise description.missing(folder / description.held_out[0])
    names = _classes(train)
    if len(names) != len(description.labels):
        raise UserError(
            f"{train}: has folders of {len(names)} classes, must have "
            f"{len(description.labels)}; {description.how_to_get_it}"
        )
    strange = sorted(set(names).symmetric_difference(_classes(held_out[0])))
    if strange:
        raise UserError(
            f"{held_out[0]}: must have the same classes' folders as {train}; "
            f"only one of the two has {strange[0]}"
        )
    return ImageFolder(train, names), ImageFolder(held_out[0], names)


def _classes(part: Path) -> list[str]:
    try:
        with os.scandir(part) as entries:
            names = [each.name for each in entries if each.is_dir() and each.name[0] != "."]
    except OSError as error:
        raise UserError(f"{part}: can't be read: {error.strerror}") from error
    numbers = all(name.isdecimal() for name in names)
    return sorted(names, key=int) if numbers else sorted(names)


def _images(folder: Path) -> list[bytes]:
    """Return the names of a folder's image files, sorted."""
    try:
        with os.scandir(os.fsencode(folder)) as entries:
            names = [each.name for each in entries]
    except OSError as error:
        raise UserError(f"{folder}: can't be read: {error.strerror}") from error
    found = sorted(name for name in names if name.lower().endswith(SUFFIXES))
    if not found:
        raise UserError(f"{folder}: holds no images (files *.png, *.jpg or *.jpeg)")
    return found
