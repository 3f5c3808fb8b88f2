import pytest

from irnet_hw import data
from irnet_hw.data.cifar100 import DESCRIPTION
from irnet_hw.errors import UserError
from tests.data.photographs import (
    binary,
    by_class,
    encoded,
    parts,
    pickled,
    same,
    write,
    write_archive,
    write_files,
    write_folders,
)

HOW_TO_GET_IT = (
    "put CIFAR-100 into data_folder: cifar-100-python.tar.gz or cifar-100-binary.tar.gz from "
    "Krizhevsky's page at the University of Toronto, packed or unpacked; or train.parquet and "
    "test.parquet with the columns img.bytes and fine_label, or the files "
    "cifar100/train-00000-of-00001.parquet and cifar100/test-00000-of-00001.parquet of "
    "uoft-cs/cifar100 on Hugging Face; or folders of images, train/<class>/*.png and "
    "test/<class>/*.png"
)


@pytest.fixture(scope="module")
def found():
    return parts(120, 100, classes=100)


def load(folder):
    return data.load("cifar100", str(folder))


def pickles(found):
    return {part: pickled(*pair, "fine_labels") for part, pair in found.items()}


@pytest.mark.parametrize("place", ["", "cifar-100-python"])
def test_pickles(tmp_path, found, place):
    write_files(tmp_path / place, pickles(found))
    dataset = load(tmp_path)
    same(dataset, found)
    assert len(dataset.labels) == 100
    assert dataset.labels == sorted(dataset.labels)


def test_archive(tmp_path, found):
    write_archive(tmp_path / "cifar-100-python.tar.gz", "cifar-100-python", pickles(found))
    same(load(tmp_path), found)


def test_binary_files(tmp_path, found):
    files = {
        f"{part}.bin": binary(pixels, labels // 5, labels)
        for part, (pixels, labels) in found.items()
    }
    write_files(tmp_path / "cifar-100-binary", files)
    same(load(tmp_path), found)


def test_parquet(tmp_path, found):
    for part, (pixels, labels) in found.items():
        path = tmp_path / "cifar100" / f"{part}-00000-of-00001.parquet"
        write(path, map(encoded, pixels), labels, ("img", "fine_label"))
    same(load(tmp_path), found)


def test_folders(tmp_path, found):
    write_folders(tmp_path, found, DESCRIPTION.labels)
    dataset = load(tmp_path)
    same(dataset, {part: by_class(*pair) for part, pair in found.items()})
    assert dataset.labels == list(DESCRIPTION.labels)


def test_folders_named_by_numbers_count_as_such(tmp_path, found):
    names = [str(number) for number in range(100)]
    write_folders(tmp_path, found, names)
    dataset = load(tmp_path)
    same(dataset, {part: by_class(*pair) for part, pair in found.items()})
    assert dataset.labels == names


def test_files_of_cifar10_are_no_cifar100(tmp_path, found):
    write_files(tmp_path, {part: pickled(*pair) for part, pair in found.items()})
    with pytest.raises(UserError) as error:
        load(tmp_path)
    assert str(error.value) == f"{tmp_path / 'train'}: fine_labels: must be a list of integers"


def test_a_folder_without_the_dataset(tmp_path):
    with pytest.raises(UserError) as error:
        load(tmp_path)
    assert str(error.value) == f"{tmp_path}: holds no CIFAR-100; {HOW_TO_GET_IT}"
