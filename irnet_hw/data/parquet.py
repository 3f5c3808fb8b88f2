"""Images in Parquet: the columns img or image {bytes, path} and a label."""

import contextlib
import json
import re
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from irnet_hw.data.dataset import Labels
from irnet_hw.data.description import Description
from irnet_hw.errors import UserError

IMAGE_COLUMNS = ("img", "image")

#: Images are drawn at random from so much of the files at a time: of ImageNet, whose row groups
#: have 100 images, from about 1,200.
WINDOW_BYTES = 128 * 2**20

#: So much is kept in memory: a batch may lie in two windows.
KEPT_BYTES = 2 * WINDOW_BYTES


class _Group(NamedTuple):
    """A row group.

    Attributes:
        path: of its file.
        column: of the images.
        number: in the file, from 0.
        first: its first row's number in the file.
        rows: how many it has.
        size: in bytes.
    """

    path: Path
    column: str
    number: int
    first: int
    rows: int
    size: int


class ParquetImages:
    """The images of a part, as ``encoded.Encoded`` says.

    A row is only to be had with its whole row group. So the groups that were read last are
    kept, and a random order goes through the files in windows: some groups, drawn at random,
    with their rows mixed. Rows sorted by class would make poor batches; those of the published
    ImageNet are not.

    Args:
        paths: of the files, one after the other.
        description: of the dataset.

    Raises:
        UserError: a file can't be read, is damaged or holds something else.
    """

    def __init__(self, paths: list[Path], description: Description) -> None:
        labels: list[Labels] = []
        self._groups: list[_Group] = []
        self.names = list(description.labels)
        for path in paths:
            with _opened(path) as file:
                column = _image_column(file.schema_arrow, path, description)
                table = file.read(columns=[description.label_column], use_threads=False)
                first = 0
                for number in range(file.num_row_groups):
                    group = file.metadata.row_group(number)
                    size = group.total_byte_size
                    self._groups.append(_Group(path, column, number, first, group.num_rows, size))
                    first += group.num_rows
                self.names = _names(file.schema_arrow, description) or self.names
            if not len(table):
                raise UserError(f"{path}: holds no images")
            found = table[0].fill_null(-1).to_numpy().astype(np.int64)
            description.check(found, str(path))
            labels.append(found)
        self.labels: Labels = np.concatenate(labels)
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
        return content or b""

    def where(self, index: int) -> str:
        """Return the path, row and column of an image file."""
        number = self._number(index)
        group = self._groups[number]
        row = group.first + index - int(self._starts[number])
        return f"{group.path}: row {row}: {group.column}.bytes"

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
        # What is kept is no other process' concern.
        return self.__dict__ | {"_kept": OrderedDict()}

    def _number(self, index: int) -> int:
        """Return the number of the group that has a row."""
        return int(np.searchsorted(self._starts, index, side="right")) - 1


def _read(group: _Group) -> pa.ChunkedArray:
    with _opened(group.path) as file:
        # One thread: where time matters, there are as many processes as cores.
        columns = [f"{group.column}.bytes"]
        table = file.read_row_group(group.number, columns=columns, use_threads=False)
    return pc.struct_field(table[group.column], "bytes")


def find(description: Description, folder: Path) -> tuple[ParquetImages, ParquetImages] | None:
    """Return the images to train on and those to measure with, if there are Parquet files.

    Args:
        description: of the dataset.
        folder: has the files, or one of the description's folders in it has.

    Raises:
        UserError: a file is missing, damaged, or holds something else.
    """
    for place in (folder, *(folder / name for name in description.folders)):
        train = _files(place, "train", description)
        if train:
            for name in description.held_out:
                test = _files(place, name, description)
                if test:
                    return ParquetImages(train, description), ParquetImages(test, description)
            raise description.missing(train[0].with_name(f"{description.held_out[0]}.parquet"))
        for name in description.held_out:
            if _files(place, name, description):
                raise description.missing(place / "train.parquet")
    return None


def _files(place: Path, part: str, description: Description) -> list[Path]:
    """Return the files of a part: PART.parquet, or PART-00000-of-00002.parquet and so on."""
    whole = place / f"{part}.parquet"
    if whole.is_file():
        return [whole]
    shards = sorted(place.glob(f"{part}-*-of-*.parquet"))
    for shard in shards:
        name = re.fullmatch(rf"{part}-\d{{5}}-of-(\d{{5}})\.parquet", shard.name)
        if name:
            count = int(name[1])
            paths = [place / f"{part}-{i:05}-of-{count:05}.parquet" for i in range(count)]
            for path in paths:
                if not path.is_file():
                    raise description.missing(path)
            return paths
    return []


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with path.open("rb") as source, pq.ParquetFile(source) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        # Arrow reports damage as either; only the system's own errors have a number.
        if isinstance(error, OSError) and error.errno:
            raise UserError(f"{path}: can't be read: {error.strerror}") from error
        raise UserError(f"{path}: is damaged, or is no Parquet file") from error


def _image_column(schema: pa.Schema, path: Path, description: Description) -> str:
    """Return the name of the column of images, having checked the types of those to be read."""
    types = dict(zip(schema.names, schema.types, strict=True))
    for name in IMAGE_COLUMNS:
        image = types.get(name, pa.null())
        parts = {part.name: part.type for part in image} if pa.types.is_struct(image) else {}
        content, label = (
            parts.get("bytes", pa.null()),
            types.get(description.label_column, pa.null()),
        )
        is_bytes = pa.types.is_binary(content) or pa.types.is_large_binary(content)
        if is_bytes and pa.types.is_integer(label):
            return name
    raise UserError(
        f"{path}: must have the columns img or image, with bytes in it, and "
        f"{description.label_column}, of integers; it has "
        f"{', '.join(f'{name} ({kind})' for name, kind in types.items()) or 'none'}"
    )


def _names(schema: pa.Schema, description: Description) -> list[str] | None:
    """Return the classes' names, if Hugging Face's library has noted them in the file."""
    try:
        noted = json.loads((schema.metadata or {})[b"huggingface"])
        names = noted["info"]["features"][description.label_column]["names"]
    except (KeyError, TypeError, ValueError):
        return None
    fits = isinstance(names, list) and len(names) == len(description.labels)
    return [str(name) for name in names] if fits else None
