import numpy as np
import pytest

from irnet_hw import data
from irnet_hw.errors import UserError
from tests.data.photographs import (
    by_class,
    encoded,
    idx,
    mnist_files,
    parts,
    same,
    write,
    write_files,
    write_folders,
)

HOW_TO_GET_IT = (
    "put MNIST into data_folder: the four files train-images-idx3-ubyte, "
    "train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte of LeCun, Cortes "
    "and Burges, with or without .gz, also in MNIST/raw; or train.parquet and test.parquet with "
    "the columns image.bytes and label, or the files mnist/train-00000-of-00001.parquet and "
    "mnist/test-00000-of-00001.parquet of ylecun/mnist on Hugging Face; or folders of images, "
    "train/<class>/*.png and test/<class>/*.png"
)


@pytest.fixture(scope="module")
def found():
    return parts(shape=(28, 28, 1))


def load(folder):
    return data.load("mnist", str(folder))


def refusal(folder):
    with pytest.raises(UserError) as error:
        load(folder)
    return str(error.value)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw"])
def test_idx_files(tmp_path, found, place, compressed):
    write_files(tmp_path / place, mnist_files(found, compressed))
    dataset = load(tmp_path)
    same(dataset, found)
    assert dataset.image_shape == (28, 28, 1)
    assert dataset.labels == [str(digit) for digit in range(10)]


@pytest.mark.parametrize("column", ["image", "img"])
def test_parquet(tmp_path, found, column):
    for part, (pixels, labels) in found.items():
        path = tmp_path / "mnist" / f"{part}-00000-of-00001.parquet"
        write(path, map(encoded, pixels), labels, (column, "label"))
    same(load(tmp_path), found)


def test_folders(tmp_path, found):
    write_folders(tmp_path, found, "0123456789")
    same(load(tmp_path), {part: by_class(*pair) for part, pair in found.items()})


def test_colours_become_grey(tmp_path, found):
    coloured = {part: (np.repeat(pixels, 3, 3), labels) for part, (pixels, labels) in found.items()}
    write_folders(tmp_path, coloured, "0123456789")
    same(load(tmp_path), {part: by_class(*pair) for part, pair in found.items()})


def test_a_folder_without_the_dataset(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path}: holds no MNIST; {HOW_TO_GET_IT}"


@pytest.mark.parametrize("missing", ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"])
def test_a_missing_file(tmp_path, found, missing):
    write_files(tmp_path, mnist_files(found))
    (tmp_path / missing).unlink()
    assert refusal(tmp_path) == f"{tmp_path / missing}: no such file; {HOW_TO_GET_IT}"


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (
            "t10k-labels-idx1-ubyte",
            np.zeros(19),
            "{path}: 19 labels, must be 20, the number of images in "
            "{folder}/t10k-images-idx3-ubyte",
        ),
        (
            "t10k-labels-idx1-ubyte",
            np.arange(20) % 11,
            "{path}: row 10: label is 10, must be 0 to 9",
        ),
        (
            "t10k-images-idx3-ubyte",
            np.zeros((20, 28, 27)),
            "{path}: images of 28x27 pixels, must be 28x28",
        ),
        ("t10k-images-idx3-ubyte", np.zeros((0, 28, 28)), "{path}: holds no images"),
    ],
)
def test_files_that_do_not_fit(tmp_path, found, name, array, message):
    write_files(tmp_path, mnist_files(found) | {name: idx(array)})
    assert refusal(tmp_path) == message.format(path=tmp_path / name, folder=tmp_path)
