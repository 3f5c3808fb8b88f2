"""MNIST: 70000 handwritten digits of 28x28 grey pixels.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
1998.
"""

from pathlib import Path

import numpy as np

from irnet_hw.data import idx
from irnet_hw.data.dataset import Dataset, Part
from irnet_hw.data.description import Description, check_labels
from irnet_hw.data.in_memory import in_memory
from irnet_hw.errors import UserError

SIDE = 28

#: Where other programs put the four files.
FOLDERS = ("", "raw", "MNIST/raw")

DESCRIPTION = Description(
    title="MNIST",
    labels=tuple(str(digit) for digit in range(10)),
    label_column="label",
    folders=("data", "mnist"),
    held_out=("test", "val", "validation"),
    how_to_get_it=(
        "put MNIST into data_folder: the four files train-images-idx3-ubyte, "
        "train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte of LeCun, "
        "Cortes and Burges, with or without .gz, also in MNIST/raw; or train.parquet and "
        "test.parquet with the columns image.bytes and label, or the files "
        "mnist/train-00000-of-00001.parquet and mnist/test-00000-of-00001.parquet of "
        "ylecun/mnist on Hugging Face; or folders of images, train/<class>/*.png and "
        "test/<class>/*.png"
    ),
)


def read(folder: Path) -> Dataset:
    """Return MNIST with its own test images held out; images are [N, 28, 28, 1].

    Args:
        folder: holds the dataset in one of the forms of ``DESCRIPTION.how_to_get_it``.

    Raises:
        UserError: the files aren't there, are damaged, or hold something else.
    """
    return in_memory(DESCRIPTION, (SIDE, SIDE, 1), _published, folder)


def _published(folder: Path) -> tuple[Part, Part] | None:
    for place in (folder / name for name in FOLDERS):
        files = {
            (part, kind): _file(place / f"{part}-{kind}-ubyte")
            for part in ("train", "t10k")
            for kind in ("images-idx3", "labels-idx1")
        }
        if any(files.values()):
            for (part, kind), path in files.items():
                if not path:
                    raise DESCRIPTION.missing(place / f"{part}-{kind}-ubyte")
            paths = [path for path in files.values() if path]
            return _part(*paths[:2]), _part(*paths[2:])
    return None


def _file(path: Path) -> Path | None:
    """Return the path of a file or of its .gz version, or None."""
    compressed = path.with_name(f"{path.name}.gz")
    return next((each for each in (path, compressed) if each.exists()), None)


def _part(images_path: Path, labels_path: Path) -> Part:
    images, labels = idx.read(images_path, 3), idx.read(labels_path, 1).astype(np.int64)
    count, height, width = images.shape
    if (height, width) != (SIDE, SIDE):
        raise UserError(f"{images_path}: images of {height}x{width} pixels, must be {SIDE}x{SIDE}")
    if not count:
        raise UserError(f"{images_path}: holds no images")
    if len(labels) != count:
        raise UserError(
            f"{labels_path}: {len(labels)} labels, must be {count}, the number of images in "
            f"{images_path}"
        )
    check_labels(labels, len(DESCRIPTION.labels), str(labels_path))
    return Part(images[..., None], labels)
