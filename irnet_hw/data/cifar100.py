"""CIFAR-100: 60000 photographs of 32x32 pixels in a hundred classes.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from pathlib import Path

from irnet_hw.data.cifar_files import Form, binary, dataset, pickled
from irnet_hw.data.dataset import Dataset
from irnet_hw.data.description import Description

DESCRIPTION = Description(
    title="CIFAR-100",
    labels=(
        *("apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle"),
        *("bicycle", "bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can"),
        *("castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud"),
        *("cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin"),
        *("elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo"),
        *("keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man"),
        *("maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange"),
        *("orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain"),
        *("plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road"),
        *("rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail"),
        *("snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table"),
        *("tank", "telephone", "television", "tiger", "tractor", "train", "trout", "tulip"),
        *("turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm"),
    ),
    label_column="fine_label",
    folders=("cifar100", "data"),
    held_out=("test", "val", "validation"),
    how_to_get_it=(
        "put CIFAR-100 into data_folder: cifar-100-python.tar.gz or cifar-100-binary.tar.gz from "
        "Krizhevsky's page at the University of Toronto, packed or unpacked; or train.parquet "
        "and test.parquet with the columns img.bytes and fine_label, or the files "
        "cifar100/train-00000-of-00001.parquet and cifar100/test-00000-of-00001.parquet of "
        "uoft-cs/cifar100 on Hugging Face; or folders of images, train/<class>/*.png and "
        "test/<class>/*.png"
    ),
)

FORMS = (
    Form(
        folder="cifar-100-python",
        archive="cifar-100-python.tar.gz",
        train=("train",),
        test=("test",),
        parse=pickled("fine_labels"),
    ),
    Form(
        folder="cifar-100-binary",
        archive="cifar-100-binary.tar.gz",
        train=("train.bin",),
        test=("test.bin",),
        parse=binary(2),  # the first label is one of the twenty superclasses
    ),
)


def read(folder: Path) -> Dataset:
    """Return CIFAR-100 with its own test images held out.

    Args:
        folder: holds the dataset in one of the forms of ``DESCRIPTION.how_to_get_it``.

    Raises:
        UserError: the files aren't there, are damaged, or hold something else.
    """
    return dataset(FORMS, DESCRIPTION, folder)
