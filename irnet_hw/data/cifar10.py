"""CIFAR-10: 60000 photographs of 32x32 pixels in ten classes.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from pathlib import Path

from irnet_hw.data.cifar_files import Form, binary, dataset, pickled
from irnet_hw.data.dataset import Dataset
from irnet_hw.data.description import Description

DESCRIPTION = Description(
    title="CIFAR-10",
    labels=(
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
    label_column="label",
    folders=("plain_text", "data", "cifar10"),
    held_out=("test", "val", "validation"),
    how_to_get_it=(
        "put CIFAR-10 into data_folder: cifar-10-python.tar.gz or cifar-10-binary.tar.gz from "
        "Krizhevsky's page at the University of Toronto, packed or unpacked; or train.parquet "
        "and test.parquet with the columns img.bytes and label, or the files "
        "plain_text/train-00000-of-00001.parquet and plain_text/test-00000-of-00001.parquet of "
        "uoft-cs/cifar10 on Hugging Face; or folders of images, train/<class>/*.png and "
        "test/<class>/*.png"
    ),
)

_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))

FORMS = (
    Form(
        folder="cifar-10-batches-py",
        archive="cifar-10-python.tar.gz",
        train=_BATCHES,
        test=("test_batch",),
        parse=pickled("labels"),
    ),
    Form(
        folder="cifar-10-batches-bin",
        archive="cifar-10-binary.tar.gz",
        train=tuple(f"{name}.bin" for name in _BATCHES),
        test=("test_batch.bin",),
        parse=binary(1),
    ),
)


def read(folder: Path) -> Dataset:
    """Return CIFAR-10 with its own test images held out.

    Args:
        folder: holds the dataset in one of the forms of ``DESCRIPTION.how_to_get_it``.

    Raises:
        UserError: the files aren't there, are damaged, or hold something else.
    """
    return dataset(FORMS, DESCRIPTION, folder)
