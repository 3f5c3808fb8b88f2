"""Images in folders: PART/CLASS/*.png, or any other supported format.

Files whose names begin with a dot are skipped silently. Other files that are not images, such as
Thumbs.db, and images outside the class folders are skipped with a message. Links are followed.
"""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from irnet_hw import progress
from irnet_hw.data.dataset import Labels
from irnet_hw.data.decode import COMMON, suffixes
from irnet_hw.data.description import Description
from irnet_hw.errors import UserError
from irnet_hw.read import file_bytes

#: Messages name at most this many classes that one part has and the other lacks.
_SHOWN = 3


class ImageFolder:
    """The images of a part; see ``encoded.Encoded``.

    Args:
        folder: holds one folder per class.
        names: the class folders' names, in the order of the class numbers.

    Raises:
        UserError: a class has no images or holds folders, or a folder can't be read.
    """

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.names = names
        self._folder = folder
        # There may be a million names; one array reaches another process quickly.
        endings = tuple(map(os.fsencode, suffixes()))
        others: list[Path] = []
        files = [np.array(_images(folder / name, endings, others)) for name in names]
        _left_out(others, "not an image by its name")
        self._files: npt.NDArray[np.bytes_] = np.concatenate(files)
        self.labels: Labels = np.repeat(np.arange(len(names)), [len(part) for part in files])

    def content(self, index: int) -> bytes:
        """Return an image file."""
        return file_bytes(self._path(index))

    def where(self, index: int) -> str:
        """Return the path of an image file."""
        return str(self._path(index))

    def order(self, generator: np.random.Generator) -> Labels:
        """Return a random order, int64 [N]; any order is equally cheap for files."""
        return generator.permutation(len(self.labels))

    def _path(self, index: int) -> Path:
        name = os.fsdecode(bytes(self._files[index]))
        return self._folder.joinpath(self.names[int(self.labels[index])], name)


def find(description: Description, folder: Path) -> tuple[ImageFolder, ImageFolder] | None:
    """Return the training and test images, if there is a folder "train".

    Classes are numbered in the order of their folders' names.

    Args:
        description: describes the dataset.
        folder: holds the folders train, and test or val.

    Raises:
        UserError: a part or class is missing or has no images, or the classes don't match the
            description.
    """
    train = folder / "train"
    if not train.is_dir():
        return None
    held_out = [folder / name for name in description.held_out if (folder / name).is_dir()]
    if not held_out:
        raise description.missing(folder / description.held_out[0])
    names = description.class_names(_classes(train), str(train))
    found = _classes(held_out[0])
    for here, there, has, lacks in (
        (names, found, train, held_out[0]),
        (found, names, held_out[0], train),
    ):
        only = [name for name in here if name not in there]
        if only:
            raise UserError(
                f"{held_out[0]}: must have the same class folders as {train}; {has} has "
                f"{', '.join(map(repr, only[:_SHOWN]))}{', ...' * (len(only) > _SHOWN)}, which "
                f"{lacks} lacks"
            )
    if held_out[1:]:
        progress.say(f"{held_out[0]}: used for testing; {held_out[1]} is not used")
    return ImageFolder(train, names), ImageFolder(held_out[0], names)


def _classes(part: Path) -> list[str]:
    """Return the names of a part's class folders."""
    names, images = [], []
    try:
        with os.scandir(part) as entries:
            for each in entries:
                if each.name[0] != "." and each.is_dir():
                    names.append(each.name)
                elif each.name[0] != "." and each.name.lower().endswith(suffixes()):
                    images.append(part / each.name)
    except OSError as error:
        raise UserError(f"{part}: can't be read: {error.strerror}") from error
    _left_out(images, "not in a class folder")
    return names


def _left_out(files: list[Path], reason: str) -> None:
    """Report files that are not used, if there are any."""
    if files:
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        progress.say(f"{files[0]}{more}: {reason}; left out")


def _images(folder: Path, endings: tuple[bytes, ...], others: list[Path]) -> list[bytes]:
    """Return the names of a folder's image files, sorted, and add other files to ``others``."""
    found = []
    try:
        with os.scandir(os.fsencode(folder)) as entries:
            for each in entries:
                path = folder / os.fsdecode(each.name)
                if each.name.startswith(b"."):
                    continue
                if each.is_dir():
                    raise UserError(f"{path}: is a folder; images must be in {folder} itself")
                if not each.name.lower().endswith(endings):
                    others.append(path)
                elif each.is_file() or each.is_symlink():  # a broken link is reported later
                    found.append(each.name)
                else:
                    raise UserError(f"{path}: is not a regular file, must be an image")
    except OSError as error:
        raise UserError(f"{folder}: can't be read: {error.strerror}") from error
    if not found:
        raise UserError(f"{folder}: holds no images ({COMMON})")
    return sorted(found)
