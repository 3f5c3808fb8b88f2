import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from irnet_hw import data
from irnet_hw.data import own
from irnet_hw.errors import UserError
from tests.data.photographs import (
    by_class,
    encoded,
    images,
    parts,
    same,
    write,
    write_folders,
)
from tests.data.test_parquet import note

NAMES = ["daisy", "rose", "tulip"]
NEEDS = own.DESCRIPTION.how_to_get_it


def draw(folder, train=12, test=6, shape=(10, 12, 3), names=NAMES):
    found = parts(train, test, shape=shape, classes=len(names))
    write_folders(folder, found, names)
    return {part: by_class(*found[part]) for part in found}


def refusal(folder, image=()):
    with pytest.raises(UserError) as error:
        data.load("folder", str(folder), image)
    return str(error.value)


@pytest.mark.parametrize("shape", [(10, 12, 3), (7, 5, 1)])
def test_folders(tmp_path, shape):
    found = draw(tmp_path, shape=shape)
    dataset = data.load("folder", str(tmp_path))
    same(dataset, found)
    assert dataset.labels == NAMES
    assert dataset.image_shape == shape
    assert data.sizes(str(tmp_path)) == (list(shape), 3)


@pytest.mark.parametrize("labels", ["noted", "numbers", "texts"])
def test_parquet(tmp_path, labels):
    found = parts(12, 6, shape=(10, 12, 3), classes=3)
    for part, (pixels, numbers) in found.items():
        path = tmp_path / f"{part}.parquet"
        write(path, map(encoded, pixels), numbers, columns=("image", "label"))
        if labels == "noted":
            note(path, ["rose", "daisy", "tulip"])  # in the order of the class numbers
        if labels == "texts":
            texts = pa.array([NAMES[number] for number in numbers])
            pq.write_table(pq.read_table(path).set_column(1, "label", texts), path)
    dataset = data.load("folder", str(tmp_path))
    same(dataset, found)
    assert (
        dataset.labels
        == {
            "noted": ["rose", "daisy", "tulip"],
            "numbers": ["0", "1", "2"],
            "texts": NAMES,
        }[labels]
    )


@pytest.mark.parametrize("held_out", ["val", "validation"])
def test_other_names_of_what_is_held_out(tmp_path, held_out):
    found = draw(tmp_path)
    (tmp_path / "test").rename(tmp_path / held_out)
    same(data.load("folder", str(tmp_path)), found)


def test_one_colour_image_makes_three_channels(tmp_path):
    draw(tmp_path, shape=(10, 12, 1))
    Image.new("RGB", (12, 10), "red").save(tmp_path / "test" / "rose" / "red.png")
    dataset = data.load("folder", str(tmp_path))
    assert dataset.image_shape == (10, 12, 3)
    assert dataset.test_images[4].mean((0, 1)).tolist() == [255, 0, 0]
    assert (dataset.test_images[0].std(2) == 0).all()


def test_images_are_scaled_until_they_cover_the_size_and_cropped(tmp_path):
    draw(tmp_path)
    thirds = np.zeros((60, 180, 3), np.uint8)
    for third in range(3):
        thirds[:, 60 * third : 60 * third + 60, third] = 255
    for part in ("train", "test"):
        Image.fromarray(thirds).save(tmp_path / part / "rose" / "0.png")
    dataset = data.load("folder", str(tmp_path), [8, 8, 3])
    assert dataset.image_shape == (8, 8, 3)
    for pixels, labels in (
        (dataset.train_images, dataset.train_labels),
        (dataset.test_images, dataset.test_labels),
    ):
        middle = pixels[labels == 1][0]
        assert (middle[:, 1:-1] == [0, 255, 0]).all()
    grey = data.load("folder", str(tmp_path), [8, 8, 1])
    assert grey.image_shape == (8, 8, 1)


def test_sizes_that_differ_must_be_stated(tmp_path):
    draw(tmp_path)
    other = tmp_path / "train" / "tulip" / "9.png"
    other.write_bytes(encoded(images(1, 0, shape=(11, 12, 3))[0][0]))
    first = tmp_path / "train" / "daisy" / "00000.png"
    assert refusal(tmp_path) == (
        f"model.image: is not stated, and the images differ: {first} has 10x12 pixels, {other} "
        "11x12; state height, width and channels, such as model.image=[32,32,3], and images are "
        "scaled and cropped"
    )


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_channels_that_no_image_has(tmp_path, channels):
    draw(tmp_path)
    assert refusal(tmp_path, [8, 8, channels]) == (
        f"model.image: [8, 8, {channels}], must have 1 channel for grey, or 3 for red, green and "
        "blue"
    )


def test_more_images_than_memory(tmp_path):
    draw(tmp_path)
    message = refusal(tmp_path, [2**20, 2**20, 3])
    assert message.startswith(
        f"model.image: [1048576, 1048576, 3], must be smaller: the 18 images of {tmp_path} "
        "would need 110592.0 GiB of memory, and the machine has "
    )


def test_no_folder(tmp_path):
    with pytest.raises(UserError) as error:
        data.load("folder")
    assert str(error.value) == f"data_folder: is not set; {NEEDS}"
    assert refusal(tmp_path / "no") == f"{tmp_path / 'no'}: no such folder; {NEEDS}"
    (tmp_path / "a.zip").touch()
    assert refusal(tmp_path / "a.zip") == (
        f"{tmp_path / 'a.zip'}: is a file, must be a folder; {NEEDS}"
    )
    (tmp_path / "rose").mkdir()
    assert refusal(tmp_path) == f"{tmp_path}: holds no images to train on; {NEEDS}"


def test_nothing_held_out(tmp_path):
    draw(tmp_path)
    (tmp_path / "test").rename(tmp_path / "best")
    assert refusal(tmp_path) == f"{tmp_path / 'test'}: no such file; {NEEDS}"


def test_one_class(tmp_path):
    draw(tmp_path, names=["rose"])
    assert refusal(tmp_path) == (
        f"{tmp_path / 'train'}: has one class, 'rose'; must have at least 2; {NEEDS}"
    )


def test_no_class(tmp_path):
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "0.png").touch()
    assert refusal(tmp_path) == (
        f"{tmp_path / 'train'}: has no classes; must have at least 2; {NEEDS}"
    )


def write_labels(folder, train, test, names=None):
    for part, labels in (("train", train), ("test", test)):
        path = folder / f"{part}.parquet"
        write(path, [encoded(images(1, 0)[0][0])] * len(labels), labels)
        if names:
            note(path, names)
    return folder / "train.parquet"


def test_labels_that_leave_a_gap(tmp_path):
    path = write_labels(tmp_path, [1, 2, 3], [1])
    assert refusal(tmp_path) == (
        f"{path}: the labels are 1, 2, 3; must number the classes from 0, without a gap"
    )


def test_shards_with_labels_of_mixed_types(tmp_path):
    write_labels(tmp_path, [0, 1], [1])
    path = tmp_path / "train.parquet"
    for number, kind in enumerate([pa.uint64(), pa.int64()]):
        table = pq.read_table(path)
        table = table.set_column(1, "label", table["label"].cast(kind))
        pq.write_table(table, tmp_path / f"train-0000{number}-of-00002.parquet")
    path.unlink()
    dataset = data.load("folder", str(tmp_path))
    assert dataset.labels == ["0", "1"]
    assert dataset.train_labels.tolist() == [0, 1, 0, 1]


def test_a_label_that_was_not_trained_on(tmp_path):
    write_labels(tmp_path, [0, 1, 2], [0, 3])
    assert refusal(tmp_path) == f"{tmp_path / 'test.parquet'}: row 1: label is 3, must be 0 to 2"


def test_a_class_that_only_the_notes_have(tmp_path):
    write_labels(tmp_path, [0, 2], [1], NAMES)
    assert refusal(tmp_path) == (
        f"{tmp_path}: no image to train on has the label 1 ('rose'); every class needs some"
    )


def test_an_image_that_is_damaged(tmp_path):
    draw(tmp_path)
    path = tmp_path / "test" / "rose" / "x.png"
    path.write_text("hello")
    for image in ((), [8, 8, 3]):
        assert refusal(tmp_path, image).startswith(f"{path}: is not an image that can be read")
