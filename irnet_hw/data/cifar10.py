"""CIFAR-10 from Parquet: 60000 photographs of 32x32 pixels in ten classes.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image, UnidentifiedImageError

from irnet_hw.data.dataset import Dataset
from irnet_hw.errors import UserError

LABELS = [
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
]
SIDE = 32

HOW_TO_GET_IT = (
    "CIFAR-10 is two files, train.parquet and test.parquet, with the columns img.bytes (PNG or "
    "JPEG files) and label (0 to 9); Hugging Face has them in uoft-cs/cifar10 as "
    "plain_text/train-00000-of-00001.parquet and plain_text/test-00000-of-00001.parquet: save "
    "them under the two names and set data_folder to their folder"
)


def cifar10(folder: Path) -> Dataset:
    """Return CIFAR-10, with the images that it holds out for testing.

    Args:
        folder: of train.parquet and test.parquet.

    Raises:
        UserError: the files aren't there, are damaged, or hold something else.
    """
    parts = [folder / "train.parquet", folder / "test.parquet"]
    for path in parts:
        if not path.is_file():
            raise UserError(f"{path}: no such file; {HOW_TO_GET_IT}")
    (train_images, train_labels), (test_images, test_labels) = map(_read, parts)
    return Dataset(train_images, train_labels, test_images, test_labels, LABELS)


def _read(path: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the images of a file, uint8 [N, height, width, channels], and their labels."""
    try:
        with path.open("rb") as source, pq.ParquetFile(source) as file:
            if not _has_columns(file.schema_arrow):
                raise UserError(f"{path}: lacks columns of CIFAR-10; {HOW_TO_GET_IT}")
            table = file.read(columns=["img.bytes", "label"])
    except (OSError, pa.ArrowException) as error:
        # Arrow reports damage as either; only the system's own errors have a number.
        if isinstance(error, OSError) and error.errno:
            raise UserError(f"{path}: can't be read: {error.strerror}") from error
        raise UserError(f"{path}: is damaged, or is no Parquet file") from error
    if not len(table):
        raise UserError(f"{path}: holds no images")
    labels = table["label"].fill_null(-1).to_numpy().astype(np.int64)
    wrong = np.flatnonzero((labels < 0) | (labels >= len(LABELS)))
    if wrong.size:
        raise UserError(f"{path}: row {wrong[0]}: label is {labels[wrong[0]]}, must be 0 to 9")
    images = np.empty((len(table), SIDE, SIDE, 3), np.uint8)
    for row, content in enumerate(pc.struct_field(table["img"], "bytes").to_pylist()):
        images[row] = _decode(content, f"{path}: row {row}")
    return images, labels


def _has_columns(schema: pa.Schema) -> bool:
    """Say whether a file has the columns that are read, of their types."""
    types = dict(zip(schema.names, schema.types, strict=True))
    image, label = types.get("img", pa.null()), types.get("label", pa.null())
    parts = {part.name: part.type for part in image} if pa.types.is_struct(image) else {}
    found: bool = pa.types.is_binary(parts.get("bytes", pa.null())) and pa.types.is_integer(label)
    return found


def _decode(content: bytes | None, where: str) -> npt.NDArray[np.uint8]:
    """Return the pixels of an image file, [height, width, channels]."""
    try:
        image = Image.open(io.BytesIO(content or b"")).convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(f"{where}: img.bytes is no image that can be decoded") from error
    if image.size != (SIDE, SIDE):
        raise UserError(
            f"{where}: an image of {image.height}x{image.width} pixels, must be {SIDE}x{SIDE}"
        )
    return np.asarray(image)
