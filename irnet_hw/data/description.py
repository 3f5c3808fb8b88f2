"""What there is to know of a dataset before its files are read."""

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
    """A dataset whose files a user has.

    Attributes:
        title: its name in messages.
        labels: the classes' names, in the order of their numbers; none if the files say them.
        label_column: of its Parquet files.
        folders: where Parquet files may lie in the user's folder, if not in it.
        held_out: what the part to measure with may be called, in Parquet files and folders.
        how_to_get_it: its files and who publishes them.
    """

    title: str
    labels: tuple[str, ...]
    label_column: str
    folders: tuple[str, ...]
    held_out: tuple[str, ...]
    how_to_get_it: str

    def missing(self, path: Path) -> UserError:
        """Return the error for a file without which the dataset is incomplete."""
        return UserError(f"{path}: no such file; {self.how_to_get_it}")

    def absent(self, folder: Path) -> UserError:
        """Return the error for a folder that holds the dataset in no form."""
        what = f"holds no {self.title}" if folder.is_dir() else "no such folder"
        return UserError(f"{folder}: {what}; {self.how_to_get_it}")

    def class_names(self, found: Iterable[str], where: str) -> list[str]:
        """Return the names that files give to the classes, in the order of the classes' numbers.

        That is the alphabet's, or that of the numbers if all names are numbers.

        Args:
            found: the names, each once.
            where: the folder or file, for messages.

        Raises:
            UserError: there are too few or too many, or they can't be told apart or printed.
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
        """Raise UserError if the classes are too few or too many, or a name can't be printed.

        Args:
            names: of the classes.
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


#: Longer numbers are no numbers of classes.
_DIGITS = 20


def _spelling(name: str) -> object:
    """Return what two names have in common that differ in case, accents' coding or zeros."""
    if name.isdecimal() and len(name) < _DIGITS:
        return int(name)
    return unicodedata.normalize("NFKC", name).strip().casefold()


def check_labels(labels: npt.NDArray[np.integer[Any]], classes: int, where: str) -> None:
    """Raise UserError unless all labels, [N], are numbers of classes.

    Args:
        labels: one for each row.
        classes: how many there are.
        where: the file.
    """
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        raise UserError(
            f"{where}: row {wrong[0]}: label is {labels[wrong[0]]}, must be 0 to {classes - 1}"
        )
