import numpy as np
import pytest

from irnet_hw import data
from irnet_hw.data.cifar10 import DESCRIPTION
from irnet_hw.errors import UserError
from tests.data.photographs import (
    binary,
    by_class,
    cifar10_files,
    encoded,
    parts,
    pickled,
    same,
    write,
    write_archive,
    write_cifar10,
    write_files,
    write_folders,
)

HOW_TO_GET_IT = (
    "put CIFAR-10 into data_folder: cifar-10-python.tar.gz or cifar-10-binary.tar.gz from "
    "Krizhevsky's page at the University of Toronto, packed or unpacked; or train.parquet and "
    "test.parquet with the columns img.bytes and label, or the files "
    "plain_text/train-00000-of-00001.parquet and plain_text/test-00000-of-00001.parquet of "
    "uoft-cs/cifar10 on Hugging Face; or folders of images, train/<class>/*.png and "
    "test/<class>/*.png"
)

NAMES = list(DESCRIPTION.labels)


@pytest.fixture(scope="module")
def found():
    return parts()


def load(folder):
    return data.load("cifar10", str(folder))


def refusal(folder):
    with pytest.raises(UserError) as error:
        load(folder)
    return str(error.value)


def test_parquet(tmp_path):
    found = write_cifar10(tmp_path)
    dataset = load(tmp_path)
    same(dataset, found)
    assert dataset.image_shape == (32, 32, 3)
    assert dataset.labels == NAMES


@pytest.mark.parametrize("place", ["", "plain_text", "data", "cifar10"])
def test_shards(tmp_path, found, place):
    for part, (pixels, labels) in found.items():
        half = len(labels) // 2
        for i, share in enumerate([slice(0, half), slice(half, None)]):
            path = tmp_path / place / f"{part}-0000{i}-of-00002.parquet"
            write(path, map(encoded, pixels[share]), labels[share], row_group_size=3)
    same(load(tmp_path), found)


@pytest.mark.parametrize("place", ["", "cifar-10-batches-py"])
def test_pickles(tmp_path, found, place):
    write_files(tmp_path / place, cifar10_files(found))
    dataset = load(tmp_path)
    same(dataset, found)
    assert dataset.labels == NAMES


@pytest.mark.parametrize("place", ["", "cifar-10-batches-bin"])
def test_binary_files(tmp_path, found, place):
    write_files(tmp_path / place, cifar10_files(found, binary, ".bin"))
    same(load(tmp_path), found)


@pytest.mark.parametrize(
    ("name", "folder", "content", "suffix"),
    [
        ("cifar-10-python.tar.gz", "cifar-10-batches-py", pickled, ""),
        ("cifar-10-binary.tar.gz", "./cifar-10-batches-bin", binary, ".bin"),
    ],
)
def test_archives(tmp_path, found, name, folder, content, suffix):
    write_archive(tmp_path / name, folder, cifar10_files(found, content, suffix))
    same(load(tmp_path), found)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("held_out", ["test", "val"])
def test_folders(tmp_path, found, held_out):
    write_folders(tmp_path, {"train": found["train"], held_out: found["test"]}, NAMES)
    dataset = load(tmp_path)
    same(dataset, {part: by_class(*pair) for part, pair in found.items()})
    assert dataset.labels == NAMES


def test_reads_jpeg_and_images_without_colour(tmp_path):
    write_cifar10(tmp_path)
    smooth = np.broadcast_to(np.arange(32, dtype=np.uint8)[:, None] * 8, (32, 32))
    contents = [encoded(np.stack([smooth] * 3, 2), "jpeg"), encoded(smooth)]
    write(tmp_path / "test.parquet", contents, [3, 4])
    jpeg, grey = load(tmp_path).test_images.astype(int)
    assert np.array_equal(grey, np.stack([smooth] * 3, 2))
    assert abs(jpeg - grey).max() <= 8


def test_a_missing_folder(tmp_path):
    assert refusal(tmp_path / "no") == f"{tmp_path / 'no'}: no such folder; {HOW_TO_GET_IT}"


def test_a_folder_without_the_dataset(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path}: holds no CIFAR-10; {HOW_TO_GET_IT}"


def test_no_folder():
    assert refusal("") == f"data_folder: is not set; {HOW_TO_GET_IT}"


@pytest.mark.parametrize("missing", ["train.parquet", "test.parquet"])
def test_a_missing_part(tmp_path, missing):
    write_cifar10(tmp_path)
    (tmp_path / missing).unlink()
    assert refusal(tmp_path) == f"{tmp_path / missing}: no such file; {HOW_TO_GET_IT}"


@pytest.mark.parametrize("missing", ["data_batch_4", "test_batch"])
def test_a_missing_file(tmp_path, found, missing):
    write_files(tmp_path, cifar10_files(found))
    (tmp_path / missing).unlink()
    assert refusal(tmp_path) == f"{tmp_path / missing}: no such file; {HOW_TO_GET_IT}"


def test_a_file_missing_in_an_archive(tmp_path, found):
    path, files = tmp_path / "cifar-10-python.tar.gz", cifar10_files(found)
    del files["data_batch_5"]
    write_archive(path, "cifar-10-batches-py", files)
    assert refusal(tmp_path) == (f"{path}: lacks cifar-10-batches-py/data_batch_5; {HOW_TO_GET_IT}")


@pytest.mark.parametrize("damage", [lambda x: x[: len(x) // 2], lambda _: b"", lambda _: b"hello"])
def test_a_damaged_archive(tmp_path, found, damage):
    path = tmp_path / "cifar-10-python.tar.gz"
    write_archive(path, "cifar-10-batches-py", cifar10_files(found))
    path.write_bytes(damage(path.read_bytes()))
    assert refusal(tmp_path) == f"{path}: is damaged, or is not a .tar.gz file"


def test_a_damaged_file_in_an_archive(tmp_path, found):
    path, files = tmp_path / "cifar-10-python.tar.gz", cifar10_files(found)
    files["data_batch_2"] = files["data_batch_2"][:-100]
    write_archive(path, "cifar-10-batches-py", files)
    assert refusal(tmp_path) == (
        f"{path}: cifar-10-batches-py/data_batch_2: is damaged, or is not one of CIFAR's pickles"
    )


def test_a_wrong_label_in_a_pickle(tmp_path, found):
    pixels, labels = found["test"]
    write_files(tmp_path, cifar10_files(found | {"test": (pixels, labels + 1)}))
    assert refusal(tmp_path) == f"{tmp_path / 'test_batch'}: row 9: label is 10, must be 0 to 9"


def test_a_binary_file_cut_short(tmp_path, found):
    write_files(tmp_path, cifar10_files(found, binary, ".bin"))
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(tmp_path) == (
        f"{path}: is damaged: {8 * 3073 - 1} bytes, must be a multiple of 3073"
    )


def test_an_image_of_another_size(tmp_path):
    write_cifar10(tmp_path)
    path = tmp_path / "test.parquet"
    write(path, [encoded(np.zeros((8, 9, 3), np.uint8))], [0])
    assert refusal(tmp_path) == (f"{path}: row 0: img.bytes: an image of 8x9 pixels, must be 32x32")
