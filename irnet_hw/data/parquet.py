"""Images in Parquet: one column of image files and one of labels.

The image column is img or image: binary, or a struct with a binary field bytes, as Hugging Face
writes it. Labels are integers of any width, or strings; both may be dictionary-encoded. Integers
number the classes from 0; the class names come from Hugging Face's metadata in the file, or from
the description. Strings are the class names themselves, numbered by
``Description.class_names``. Everything else is refused by name: a float or a boolean may or may
not be a class number.
"""

import contextlib
import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from irnet_hw.data.dataset import Labels
from irnet_hw.data.description import Description, check_labels
from irnet_hw.errors import UserError
from irnet_hw.read import opened

IMAGE_COLUMNS = ("img", "image")

#: Messages show at most this many labels or names.
_SHOWN = 12

#: Images are drawn at random from a window of this size: about 1,200 images for ImageNet, whose
#: row groups have 100 each.
WINDOW_BYTES = 128 * 2**20

#: Limit on the row groups kept in memory: a batch may span two windows.
KEPT_BYTES = 2 * WINDOW_BYTES


class _Group(NamedTuple):
    """A row group.

    Attributes:
        path: path of its file.
        column: the image column, "img.bytes" or "img".
        number: its index in the file.
        first: index of its first row in the file.
        rows: number of rows.
        size: size in bytes.
    """

    path: Path
    column: str
    number: int
    first: int
    rows: int
    size: int


class _File(NamedTuple):
    """Everything about a file except its images.

    Attributes:
        path: path of the file.
        groups: its row groups.
        labels: one label per row: integers [N] of any type, or strings.
        noted: the class names in Hugging Face's metadata, if any.
    """

    path: Path
    groups: list[_Group]
    labels: npt.NDArray[np.integer[Any]] | list[str]
    noted: list[str] | None


class ParquetImages:
    """The images of a part; see ``encoded.Encoded``.

    A row can only be read together with its whole row group. So the most recently read groups
    are kept, and a random order goes through the files in windows: a few groups drawn at random,
    with their rows shuffled. Rows sorted by class would make poor batches; the published ImageNet
    is not sorted.

    Args:
        files: the files of the part, in order.
        names: the class names.

    Raises:
        UserError: a label is not a class.
    """

    def __init__(self, files: list[_File], names: list[str]) -> None:
        self.names = names
        self._groups = [group for file in files for group in file.groups]
        self.labels: Labels = np.concatenate([_numbered(file, names) for file in files])
        self._starts: Labels = np.cumsum([0, *(group.rows for group in self._groups)])
        self._kept: OrderedDict[int, pa.ChunkedArray] = OrderedDict()

    def content(self, index: int) -> bytes:
        """Return an image file."""
        number = self._number(index)
        if number in self._kept:
            self._kept.move_to_end(number)
        else:
            self._kept[number] = _read(self._groups[number])
            kept = sum(self._groups[each].size for each in self._kept)
            while len(self._kept) > 1 and kept > KEPT_BYTES:
                oldest, _ = self._kept.popitem(last=False)
                kept -= self._groups[oldest].size
        row = index - int(self._starts[number])
        content: bytes | None = self._kept[number][row].as_py()
        if content is None:
            raise UserError(f"{self.where(index)}: is null, must be the content of an image file")
        return content

    def where(self, index: int) -> str:
        """Return the path, row and column of an image file."""
        number = self._number(index)
        group = self._groups[number]
        row = group.first + index - int(self._starts[number])
        return f"{group.path}: row {row}: {group.column}"

    def order(self, generator: np.random.Generator) -> Labels:
        """Return a random order, int64 [N], that reads every row group once."""
        windows: list[list[int]] = []
        room = 0
        for number in generator.permutation(len(self._groups)).tolist():
            size = self._groups[number].size
            if size > room or not windows:
                windows.append([])
                room = WINDOW_BYTES
            windows[-1].append(number)
            room -= size
        order = []
        for window in windows:
            rows = [np.arange(*self._starts[number : number + 2]) for number in window]
            order.append(generator.permutation(np.concatenate(rows)))
        return np.concatenate(order)

    def __getstate__(self) -> dict[str, Any]:
        # Other processes don't need the cached groups.
        return self.__dict__ | {"_kept": OrderedDict()}

    def _number(self, index: int) -> int:
        """Return the number of the group that contains a row."""
        return int(np.searchsorted(self._starts, index, side="right")) - 1


def _read(group: _Group) -> pa.ChunkedArray:
    with _opened(group.path) as file:
        # One thread: where time matters, every core has a process already.
        table = file.read_row_group(group.number, columns=[group.column], use_threads=False)
    column, *field = group.column.split(".")
    return pc.struct_field(table[column], field) if field else table[column]


def find(description: Description, folder: Path) -> tuple[ParquetImages, ParquetImages] | None:
    """Return the training and test images, if there are Parquet files.

    Args:
        description: describes the dataset.
        folder: holds the files itself, or in one of the description's subfolders.

    Raises:
        UserError: a file is missing, damaged, or holds something else; or the files don't agree
            on the classes.
    """
    for place in (folder, *(folder / name for name in description.folders)):
        train = _files(place, "train", description)
        if train:
            for name in description.held_out:
                test = _files(place, name, description)
                if test:
                    return _parts(train, test, description)
            raise description.missing(train[0].with_name(f"{description.held_out[0]}.parquet"))
        for name in description.held_out:
            if _files(place, name, description):
                raise description.missing(place / "train.parquet")
    return None


def _files(place: Path, part: str, description: Description) -> list[Path]:
    """Return the files of a part: PART.parquet, or PART-00000-of-00002.parquet and so on.

    Hugging Face may add a hash of 16 digits, another one for each file:
    PART-00000-of-00002-0123456789abcdef.parquet.

    Raises:
        UserError: a file is missing, or there are files of two sets.
    """
    whole = place / f"{part}.parquet"
    if whole.exists():
        return [whole]
    pattern = re.compile(rf"{part}-(\d{{5}})-of-(\d{{5}})(-[0-9a-f]{{16}})?\.parquet")
    paths = sorted(place.glob(f"{part}-*-of-*.parquet"))
    shards = [(path, found) for path in paths if (found := pattern.fullmatch(path.name))]
    for (path, one), (other, two) in pairwise(shards):
        if one[2] != two[2] or one[1] == two[1]:
            raise UserError(
                f"{other}: is of another set of files than {path}; remove one of the two sets"
            )
    numbers = {int(found[1]) for _, found in shards}
    total = shards[0][1][2] if shards else "0"
    for number in range(int(total)):
        if number not in numbers:
            raise description.missing(place / f"{part}-{number:05}-of-{total}.parquet")
    return [path for path, _ in shards]


def _parts(
    train: list[Path], test: list[Path], description: Description
) -> tuple[ParquetImages, ParquetImages]:
    parts = [[_scanned(path, description) for path in paths] for paths in (train, test)]
    names = _names(parts[0], parts[1], description)
    return ParquetImages(parts[0], names), ParquetImages(parts[1], names)


def _scanned(path: Path, description: Description) -> _File:
    """Return everything about a file except its images."""
    with _opened(path) as file:
        column = _image_column(file.schema_arrow, path, description)
        table = file.read(columns=[description.label_column], use_threads=False)
        groups = []
        first = 0
        for number in range(file.num_row_groups):
            group = file.metadata.row_group(number)
            rows, size = group.num_rows, group.total_byte_size
            groups.append(_Group(path, column, number, first, rows, size))
            first += rows
        noted = _noted(file.schema_arrow, description)
        if not len(table):
            raise UserError(f"{path}: holds no images")
        return _File(path, groups, _labels(table[0], str(path)), noted)


def _labels(column: pa.ChunkedArray, where: str) -> npt.NDArray[np.integer[Any]] | list[str]:
    """Return a column's labels: integers [N] of the column's type, or strings."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise UserError(f"{where}: row {row}: label is null, must be a class")
    if pa.types.is_integer(column.type):
        return cast(npt.NDArray[np.integer[Any]], column.to_numpy())
    return cast(list[str], column.to_pylist())


def _names(train: list[_File], test: list[_File], description: Description) -> list[str]:
    """Return the class names; all files must agree on them."""
    first = train[0]
    for file in (*train, *test):
        if isinstance(file.labels, list) != isinstance(first.labels, list):
            kinds = [
                "strings" if isinstance(each.labels, list) else "integers" for each in (file, first)
            ]
            raise UserError(
                f"{file.path}: its labels are {kinds[0]}, and those of {first.path} {kinds[1]}; "
                "must be the same"
            )
    if isinstance(first.labels, list):
        texts = {label for file in train for label in file.labels}
        return description.class_names(cast(set[str], texts), str(first.path))
    noted = [file for file in (*train, *test) if file.noted]
    for file in noted:
        if file.noted != noted[0].noted:
            raise UserError(
                f"{file.path}: names the classes {_listed(file.noted)}, and {noted[0].path} "
                f"{_listed(noted[0].noted)}; must be the same, in the same order"
            )
    if noted and noted[0].noted:
        description.check_names(noted[0].noted, str(noted[0].path))
        return noted[0].noted
    if description.labels:
        return list(description.labels)
    # One array for all would become float if the integer types are mixed.
    numbers = sorted({number for file in train for number in np.unique(file.labels).tolist()})
    if numbers != list(range(len(numbers))):
        raise UserError(
            f"{first.path}: the labels are {_listed(numbers)}; must number the classes from 0, "
            "without a gap"
        )
    return description.class_names(map(str, numbers), str(first.path))


def _numbered(file: _File, names: list[str]) -> Labels:
    """Return a file's labels as class numbers, int64 [N]."""
    if not isinstance(file.labels, list):
        check_labels(file.labels, len(names), str(file.path))
        return file.labels.astype(np.int64)
    numbers = {name: number for number, name in enumerate(names)}
    for row, label in enumerate(file.labels):
        if label not in numbers:
            raise UserError(
                f"{file.path}: row {row}: label is {label!r}, must be one of the training labels: "
                f"{_listed(names)}"
            )
    return np.array([numbers[label] for label in file.labels], np.int64)


def _listed(values: Sequence[object] | None) -> str:
    """Format values for a message, abbreviated if there are many."""
    shown = [repr(value) for value in (values or ())[:_SHOWN]]
    return ", ".join(shown) + ", ..." * (len(values or ()) > _SHOWN)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with opened(path) as source, pq.ParquetFile(source) as file:
            yield file
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        # Arrow reports damage as either; only the operating system's errors have an errno.
        if isinstance(error, OSError) and error.errno:
            raise UserError(f"{path}: can't be read: {error.strerror}") from error
        raise UserError(f"{path}: is damaged, or is not a Parquet file") from error


def _image_column(schema: pa.Schema, path: Path, description: Description) -> str:
    """Return the name of the image column; check its type and that of the labels."""
    types = list(zip(schema.names, schema.types, strict=True))
    labels = [kind for name, kind in types if name == description.label_column]
    columns = [
        column for name, kind in types if name in IMAGE_COLUMNS for column in _binary(name, kind)
    ]
    if len(columns) == 1 and len(labels) == 1 and _is_label(labels[0]):
        return columns[0]
    raise UserError(
        f"{path}: must have one column img or image, binary or with binary bytes in it, and one "
        f"{description.label_column}, of integers or strings; it has "
        f"{', '.join(f'{name} ({kind})' for name, kind in types) or 'none'}"
    )


def _binary(name: str, kind: pa.DataType) -> list[str]:
    """Return the name of a column, or of its field bytes, if it is binary."""
    if pa.types.is_struct(kind):
        return [f"{name}.bytes" for part in kind if part.name == "bytes" and _is_bytes(part.type)]
    return [name] if _is_bytes(kind) else []


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _is_label(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return _is_label(kind.value_type)
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return bool(text or types.is_integer(kind))


def _noted(schema: pa.Schema, description: Description) -> list[str] | None:
    """Return the class names from Hugging Face's metadata in the file, if any."""
    try:
        noted = json.loads((schema.metadata or {})[b"huggingface"])
        names = noted["info"]["features"][description.label_column]["names"]
    except (KeyError, RecursionError, TypeError, ValueError):
        return None
    if not isinstance(names, list) or len(names) != (len(description.labels) or len(names)):
        return None
    return [str(name) for name in names]
