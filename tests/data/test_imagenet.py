import numpy as np
import pytest

from irnet_hw import data
from irnet_hw.errors import UserError
from tests.data.photographs import encoded, images, write

HOW_TO_GET_IT = (
    "put ImageNet (ILSVRC 2012) into data_folder: one folder for each of 1000 classes, "
    "train/<wnid>/*.JPEG and val/<wnid>/*.JPEG, unpacked and sorted from image-net.org's archives "
    "ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar; or train.parquet "
    "and val.parquet with the columns image.bytes and label, or the files data/train-*.parquet "
    "and data/validation-*.parquet of ILSVRC/imagenet-1k on Hugging Face"
)

PHOTOGRAPH = encoded(images(1, 0, shape=(40, 50, 3))[0][0], "jpeg")


def refusal(folder):
    with pytest.raises(UserError) as error:
        data.load("imagenet", str(folder))
    return str(error.value)


def test_folders(tmp_path):
    names = [f"n{number:08}" for number in range(1000)]
    for part in ("train", "val"):
        for name in names:
            (tmp_path / part / name).mkdir(parents=True)
            (tmp_path / part / name / f"{name}_1.JPEG").write_bytes(PHOTOGRAPH)
    dataset = data.load("imagenet", str(tmp_path))
    assert dataset.labels == names
    assert np.array_equal(dataset.test_labels, np.arange(1000))
    assert dataset.decode_train(999, 0, 0, True).shape == dataset.image_shape
    (tmp_path / "val" / names[3] / f"{names[3]}_1.JPEG").unlink()
    assert refusal(tmp_path) == (
        f"{tmp_path / 'val' / names[3]}: holds no images (PNG, JPEG, WebP, TIFF, BMP or GIF)"
    )


def test_parquet(tmp_path):
    for part, count in (("train", 30), ("validation", 20), ("test", 10)):
        labels = np.arange(count) * 10 if part != "test" else [-1] * count
        for i in range(2):
            path = tmp_path / "data" / f"{part}-0000{i}-of-00002.parquet"
            write(path, [PHOTOGRAPH] * count, labels, ("image", "label"), row_group_size=7)
    dataset = data.load("imagenet", str(tmp_path))
    assert dataset.labels == [str(number) for number in range(1000)]
    assert len(dataset.train_labels) == 60
    assert len(dataset.test_labels) == 40
    assert dataset.decode_test(39).shape == dataset.image_shape


def test_the_images_without_labels_are_not_those_to_measure_with(tmp_path):
    for part in ("train", "test"):
        write(tmp_path / f"{part}.parquet", [PHOTOGRAPH], [0], ("image", "label"))
    assert refusal(tmp_path) == f"{tmp_path / 'val.parquet'}: no such file; {HOW_TO_GET_IT}"


def test_a_folder_without_the_dataset(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path}: holds no ImageNet; {HOW_TO_GET_IT}"
