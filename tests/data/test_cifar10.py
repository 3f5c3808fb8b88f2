import resource

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irnet_hw import data
from irnet_hw.errors import UserError
from tests.data.photographs import encoded, images, write, write_cifar10

HOW_TO_GET_IT = (
    "CIFAR-10 is two files, train.parquet and test.parquet, with the columns img.bytes (PNG or "
    "JPEG files) and label (0 to 9); Hugging Face has them in uoft-cs/cifar10 as "
    "plain_text/train-00000-of-00001.parquet and plain_text/test-00000-of-00001.parquet: save "
    "them under the two names and set data_folder to their folder"
)


def test_every_image_comes_with_its_label(tmp_path):
    parts = write_cifar10(tmp_path)
    dataset = data.load("cifar10", str(tmp_path))
    assert np.array_equal(dataset.train_images, parts["train"][0])
    assert np.array_equal(dataset.train_labels, parts["train"][1])
    assert np.array_equal(dataset.test_images, parts["test"][0])
    assert np.array_equal(dataset.test_labels, parts["test"][1])
    assert dataset.train_images.dtype == np.uint8
    assert dataset.train_labels.dtype == np.int64
    assert dataset.image_shape == (32, 32, 3)
    assert len(dataset.labels) == 10


def test_reads_jpeg_and_images_without_colour(tmp_path):
    write_cifar10(tmp_path)
    smooth = np.broadcast_to(np.arange(32, dtype=np.uint8)[:, None] * 8, (32, 32))
    contents = [encoded(np.stack([smooth] * 3, 2), "jpeg"), encoded(smooth)]
    write(tmp_path / "test.parquet", contents, [3, 4])
    jpeg, grey = data.load("cifar10", str(tmp_path)).test_images.astype(int)
    assert np.array_equal(grey, np.stack([smooth] * 3, 2))
    assert abs(jpeg - grey).max() <= 8


def refusal(folder):
    with pytest.raises(UserError) as error:
        data.load("cifar10", str(folder))
    return str(error.value)


@pytest.mark.parametrize("missing", ["train.parquet", "test.parquet"])
def test_a_missing_file(tmp_path, missing):
    write_cifar10(tmp_path)
    (tmp_path / missing).unlink()
    assert refusal(tmp_path) == f"{tmp_path / missing}: no such file; {HOW_TO_GET_IT}"


def test_a_missing_folder(tmp_path):
    path = tmp_path / "no" / "train.parquet"
    assert refusal(path.parent) == f"{path}: no such file; {HOW_TO_GET_IT}"


@pytest.fixture
def path(tmp_path):
    write_cifar10(tmp_path)
    return tmp_path / "train.parquet"


def test_a_file_that_cannot_be_opened(path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        message = refusal(path.parent)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert message == f"{path}: can't be read: Too many open files"


@pytest.mark.parametrize("content", [b"", b"hello", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_file_of_something_else(path, content):
    path.write_bytes(content)
    assert refusal(path.parent) == f"{path}: is damaged, or is no Parquet file"


def test_a_file_cut_short(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert refusal(path.parent) == f"{path}: is damaged, or is no Parquet file"


def test_a_file_with_damaged_pages(path):
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(200) + content[204:])
    assert refusal(path.parent) == f"{path}: is damaged, or is no Parquet file"


@pytest.mark.parametrize(
    "columns",
    [
        {"image": [{"bytes": b""}], "label": [0]},
        {"img": [{"bytes": b""}], "labels": [0]},
        {"img": [b""], "label": [0]},
        {"img": [{"path": "0.png"}], "label": [0]},
        {"img": [{"bytes": b""}], "label": ["cat"]},
    ],
)
def test_other_columns(path, columns):
    pq.write_table(pa.table(columns), path)
    assert refusal(path.parent) == f"{path}: lacks columns of CIFAR-10; {HOW_TO_GET_IT}"


def test_no_rows(path):
    write(path, [], [])
    assert refusal(path.parent) == f"{path}: holds no images"


@pytest.mark.parametrize(("label", "shown"), [(10, 10), (-2, -2), (None, -1)])
def test_a_wrong_label(path, label, shown):
    write(path, map(encoded, images(3, 0)[0]), [0, label, 1])
    assert refusal(path.parent) == f"{path}: row 1: label is {shown}, must be 0 to 9"


@pytest.mark.parametrize("content", [b"", b"hello", None, encoded(images(1, 0)[0][0])[:500]])
def test_a_damaged_image(path, content):
    write(path, [encoded(images(1, 0)[0][0]), content], [0, 1])
    assert refusal(path.parent) == f"{path}: row 1: img.bytes is no image that can be decoded"


def test_an_image_of_another_size(path):
    write(path, [encoded(np.zeros((8, 9, 3), np.uint8))], [0])
    assert refusal(path.parent) == f"{path}: row 0: an image of 8x9 pixels, must be 32x32"
