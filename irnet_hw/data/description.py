"""What is known about a dataset before its files are read."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from irnet_hw.errors import UserError


@dataclass(frozen=True)
class Description:
    """A dataset whose files the user provides.

    Attributes:
        title: its name in messages.
        labels: the class names in the order of their numbers; empty if the files name them.
        label_column: the label column of its Parquet files.
        folders: subfolders of the user's folder to search for Parquet files as well.
        held_out: possible names of the test part, for Parquet files and folders.
        how_to_get_it: its files and who publishes them, for messages.
    """

    title: str
    labels: tuple[str, ...]
    label_column: str
    folders: tuple[str, ...]
    held_out: tuple[str, ...]
    how_to_get_it: str

    def missing(self, path: Path) -> UserError:
        """Return the error for a missing file that the dataset needs."""
        return UserError(f"{path}: no such file; {self.how_to_get_it}")

    def absent(self, folder: Path) -> UserError:
        """Return the error for a folder that doesn't hold the dataset in any form."""
        if folder.is_dir():
            what = f"holds no {self.title}"
        else:
            what = "is a file, must be a folder" if folder.exists() else "no such folder"
        return UserError(f"{folder}: {what}; {self.how_to_get_it}")

    def class_names(self, found: Iterable[str], where: str) -> list[str]:
        """Return the class names found in files, in the order of the class numbers.

        The order is alphabetical, or numerical if all names are numbers.

        Args:
            found: the names, each once.
            where: the folder or file, for messages.

        Raises:
            UserError: there are too few or too many names, or two are too similar, or one can't
                be printed.
        """
        names = sorted(found)
        if all(name.isdecimal() and len(name) < _DIGITS for name in names):
            names = sorted(names, key=int)
        self.check_names(names, where)
        seen: dict[object, str] = {}
        for name in names:
            other = seen.setdefault(_spelling(name), name)
            if other is not name:
                raise UserError(
                    f"{where}: has the classes {other!r} and {name!r}, which are two spellings of "
                    "one name; join them, or name them differently"
                )
        return names

    def check_names(self, names: list[str], where: str) -> None:
        """Raise UserError for too few or too many classes, or an unprintable or repeated name.

        Args:
            names: the class names.
            where: the folder or file that has them, for messages.
        """
        if self.labels and len(names) != len(self.labels):
            raise UserError(
                f"{where}: has {len(names)} classes, must have {len(self.labels)}; "
                f"{self.how_to_get_it}"
            )
        if len(names) < 2:
            found = f"has one class, {names[0]!r}" if names else "has no classes"
            raise UserError(f"{where}: {found}; must have at least 2; {self.how_to_get_it}")
        for name in names:
            if not name.strip() or not name.isprintable():
                raise UserError(f"{where}: the class {name!r}: its name must be printable text")
        for number, name in enumerate(names):
            first = names.index(name)
            if first != number:
                raise UserError(
                    f"{where}: the classes {first} and {number} are both called {name!r}; each "
                    "must have a name of its own"
                )


#: Longer numbers are treated as text.
_DIGITS = 20


def _spelling(name: str) -> object:
    """Return a key that ignores case, Unicode encoding of accents, and leading zeros."""
    if name.isdecimal() and len(name) < _DIGITS:
        return int(name)
    return unicodedata.normalize("NFKC", name).strip().casefold()


def check_labels(labels: npt.NDArray[np.integer[Any]], classes: int, where: str) -> None:
    """Raise UserError unless all labels, [N], are valid class numbers.

    Args:
        labels: one per row.
        classes: the number of classes.
        where: the file, for messages.
    """
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        raise UserError(
            f"{where}: row {wrong[0]}: label is {labels[wrong[0]]}, must be 0 to {classes - 1}"
        )
