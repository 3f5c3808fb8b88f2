"""CIFAR's original files: Python pickles or plain bytes, in a folder or a .tar.gz archive."""

import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from irnet_hw.data import cifar_pickle
from irnet_hw.data.dataset import Dataset, Images, Part
from irnet_hw.data.description import Description, check_labels
from irnet_hw.data.in_memory import in_memory
from irnet_hw.errors import UserError
from irnet_hw.read import file_bytes, opened

SIDE = 32
SHAPE = (SIDE, SIDE, 3)

#: Bytes per image: all red values, then green, then blue.
PIXELS = SIDE * SIDE * 3


@dataclass(frozen=True)
class Form:
    """One of the forms in which CIFAR's files are published.

    Attributes:
        folder: the folder that the archive unpacks to.
        archive: the archive's file name.
        train: names of the training files in the folder.
        test: names of the test files in the folder.
        parse: takes a file's content and its path (for messages) and returns the pixels,
            uint8 [N, 3072], and the labels.
    """

    folder: str
    archive: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    parse: Callable[[bytes, str], tuple[Images, list[int]]]


def pickled(key: str) -> Callable[[bytes, str], tuple[Images, list[int]]]:
    """Return a parser of pickles that have their labels under ``key``."""

    def parse(content: bytes, where: str) -> tuple[Images, list[int]]:
        return cifar_pickle.read(content, key, PIXELS, where)

    return parse


def binary(labels: int) -> Callable[[bytes, str], tuple[Images, list[int]]]:
    """Return a parser of rows that begin with ``labels`` label bytes; the last one counts."""

    def parse(content: bytes, where: str) -> tuple[Images, list[int]]:
        if not content or len(content) % (labels + PIXELS):
            raise UserError(
                f"{where}: is damaged: {len(content)} bytes, must be a multiple of "
                f"{labels + PIXELS}"
            )
        rows = np.frombuffer(content, np.uint8).reshape(-1, labels + PIXELS)
        return rows[:, labels:], rows[:, labels - 1].tolist()

    return parse


def published(
    forms: tuple[Form, ...], description: Description, folder: Path
) -> tuple[Part, Part] | None:
    """Return the training and test images, if the files are there.

    Args:
        forms: the forms to look for, in this order.
        description: describes the dataset.
        folder: holds the files, their folder or its archive.

    Raises:
        UserError: a file is missing or damaged.
    """
    for form in forms:
        names = (*form.train, *form.test)
        for place in (folder, folder / form.folder):
            if any((place / name).is_file() for name in names):
                contents = {
                    str(place / name): _content(place / name, description) for name in names
                }
                return _parts(form, contents, description)
        archive = folder / form.archive
        if archive.exists():
            return _parts(form, _unpacked(archive, form, description), description)
    return None


def dataset(forms: tuple[Form, ...], description: Description, folder: Path) -> Dataset:
    """Return the dataset, in whichever form the folder holds it.

    Args:
        forms: forms of the published files to look for, in this order.
        description: describes the dataset.
        folder: the user's folder.

    Raises:
        UserError: the dataset isn't there, or files are missing or damaged.
    """
    return in_memory(description, SHAPE, lambda place: published(forms, description, place), folder)


def _content(path: Path, description: Description) -> bytes:
    if not path.exists():
        raise description.missing(path)
    return file_bytes(path)


def _unpacked(archive: Path, form: Form, description: Description) -> dict[str, bytes]:
    """Return the contents of an archive's files in the form's order, without unpacking to disk."""
    found = {}
    try:
        with opened(archive) as file, tarfile.open(fileobj=file, mode="r:gz") as members:
            for member in members:
                source = members.extractfile(member) if member.isfile() else None
                if source and PurePosixPath(member.name).parent.name == form.folder:
                    found[PurePosixPath(member.name).name] = source.read()
    except (EOFError, OSError, tarfile.TarError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno:
            raise UserError(f"{archive}: can't be read: {error.strerror}") from error
        raise UserError(f"{archive}: is damaged, or is not a .tar.gz file") from error
    contents = {}
    for name in (*form.train, *form.test):
        if name not in found:
            raise UserError(f"{archive}: lacks {form.folder}/{name}; {description.how_to_get_it}")
        contents[f"{archive}: {form.folder}/{name}"] = found[name]
    return contents


def _parts(form: Form, contents: dict[str, bytes], description: Description) -> tuple[Part, Part]:
    images, labels = [], []
    for where, content in contents.items():
        pixels, numbers = form.parse(content, where)
        found = np.array(numbers, np.int64)
        check_labels(found, len(description.labels), where)
        images.append(pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
        labels.append(found)
    count = len(form.train)
    return (
        Part(np.concatenate(images[:count]), np.concatenate(labels[:count])),
        Part(np.concatenate(images[count:]), np.concatenate(labels[count:])),
    )
