"""ImageNet: 1.28 million photographs in a thousand classes.

Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", 2015 (the 2012 data).
"""

from pathlib import Path

from irnet_hw.data import encoded
from irnet_hw.data.description import Description
from irnet_hw.data.streamed import StreamedDataset

DESCRIPTION = Description(
    title="ImageNet",
    # In WordNet order. The folders and Hugging Face's files give the actual names.
    labels=tuple(str(number) for number in range(1000)),
    label_column="label",
    folders=("data", "imagenet"),
    held_out=("val", "validation"),
    how_to_get_it=(
        "put ImageNet (ILSVRC 2012) into data_folder: one folder for each of 1000 classes, "
        "train/<wnid>/*.JPEG and val/<wnid>/*.JPEG, unpacked and sorted from image-net.org's "
        "archives ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar; or "
        "train.parquet and val.parquet with the columns image.bytes and label, or the files "
        "data/train-*.parquet and data/validation-*.parquet of ILSVRC/imagenet-1k on Hugging "
        "Face"
    ),
)


def read(folder: Path) -> StreamedDataset:
    """Return ImageNet with its validation images as the test images.

    Args:
        folder: holds the dataset in one of the forms of ``DESCRIPTION.how_to_get_it``.

    Raises:
        UserError: the files aren't there, are damaged, or hold something else.
    """
    found = encoded.find(DESCRIPTION, folder)
    if not found:
        raise DESCRIPTION.absent(folder)
    return StreamedDataset(*found)
