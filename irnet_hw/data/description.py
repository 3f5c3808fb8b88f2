"""What there is to know of a dataset before its files are read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from irnet_hw.data.dataset import Labels
from irnet_hw.errors import UserError


@dataclass(frozen=True)
class Description:
    """A dataset whose files a user has.

    Attributes:
        title: its name in messages.
        labels: the classes' names, in the order of their numbers.
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

    def check(self, labels: Labels, where: str) -> None:
        """Raise UserError unless all labels, int64 [N], are classes' numbers.

        Args:
            labels: one for each row.
            where: the file.
        """
        wrong = np.flatnonzero((labels < 0) | (labels >= len(self.labels)))
        if wrong.size:
            raise UserError(
                f"{where}: row {wrong[0]}: label is {labels[wrong[0]]}, "
                f"must be 0 to {len(self.labels) - 1}"
            )
