import os
import pickle

import numpy as np
import pytest

from irnet_hw.data import image_folder
from irnet_hw.data.description import Description
from irnet_hw.errors import UserError

DESCRIPTION = Description(
    title="Stripes",
    labels=("a", "b", "c"),
    label_column="label",
    folders=(),
    held_out=("test", "val"),
    how_to_get_it="draw them",
)


@pytest.fixture
def folder(tmp_path):
    for part in ("train", "test"):
        for name, count in (("b", 2), ("a", 1), ("c", 3)):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(count):
                (tmp_path / part / name / f"{i}.png").write_text(f"{part} {name} {i}")
    return tmp_path


def refusal(folder):
    with pytest.raises(UserError) as error:
        image_folder.find(DESCRIPTION, folder)
    return str(error.value)


def test_classes_and_files_in_order(folder):
    for part, images in zip(("train", "test"), image_folder.find(DESCRIPTION, folder), strict=True):
        assert images.names == ["a", "b", "c"]
        assert images.labels.tolist() == [0, 1, 1, 2, 2, 2]
        found = [images.content(i).decode() for i in range(6)]
        expected = [("a", 0), ("b", 0), ("b", 1), ("c", 0), ("c", 1), ("c", 2)]
        assert found == [f"{part} {name} {i}" for name, i in expected]
        assert images.where(2) == f"{folder / part / 'b' / '1.png'}"


def test_only_images_and_folders_count(folder):
    for name in ("Thumbs.db", "notes.txt", "0.png.part"):
        (folder / "train" / "a" / name).touch()
    (folder / "train" / "README").touch()
    (folder / "train" / ".git").mkdir()
    assert len(image_folder.find(DESCRIPTION, folder)[0].labels) == 6


def test_every_common_suffix_and_name(folder):
    names = ["Ä.JPEG", "z.jpg", "1.JPG", "2.jpeg", "3.PNG"]
    for name in [*map(os.fsencode, names), b"\xff.png"]:
        (folder / "test" / "a" / os.fsdecode(name)).write_bytes(name)
    _, test = image_folder.find(DESCRIPTION, folder)
    found = {test.content(i) for i in np.flatnonzero(test.labels == 0)}
    assert found == {*map(os.fsencode, names), b"\xff.png", b"test a 0"}


def test_numbers_are_sorted_as_such(tmp_path):
    for part in ("train", "val"):
        for name in ("10", "9", "1"):
            (tmp_path / part / name).mkdir(parents=True)
            (tmp_path / part / name / "0.png").touch()
    assert image_folder.find(DESCRIPTION, tmp_path)[0].names == ["1", "9", "10"]


def test_order(folder):
    train, _ = image_folder.find(DESCRIPTION, folder)
    order = train.order(np.random.default_rng(0))
    assert sorted(order) == list(range(6))
    assert np.array_equal(order, train.order(np.random.default_rng(0)))


def test_another_process_gets_the_same(folder):
    train, _ = image_folder.find(DESCRIPTION, folder)
    again = pickle.loads(pickle.dumps(train))
    assert [again.content(i) for i in range(6)] == [train.content(i) for i in range(6)]


def test_no_folders(tmp_path):
    assert image_folder.find(DESCRIPTION, tmp_path) is None
    (tmp_path / "train").touch()
    assert image_folder.find(DESCRIPTION, tmp_path) is None


def test_no_part_to_measure_with(folder):
    (folder / "test").rename(folder / "best")
    assert refusal(folder) == f"{folder / 'test'}: no such file; draw them"


def test_too_few_classes(folder):
    (folder / "train" / "b").rename(folder / "b")
    assert refusal(folder) == (
        f"{folder / 'train'}: has folders of 2 classes, must have 3; draw them"
    )


def test_other_classes_to_measure_with(folder):
    (folder / "test" / "b").rename(folder / "test" / "d")
    assert refusal(folder) == (
        f"{folder / 'test'}: must have the same classes' folders as {folder / 'train'}; "
        "only one of the two has b"
    )


def test_images_that_are_not_sorted_into_classes(folder):
    (folder / "test").rename(folder / "best")
    (folder / "test").mkdir()
    (folder / "test" / "ILSVRC2012_val_00000001.JPEG").touch()
    assert refusal(folder) == (
        f"{folder / 'test'}: must have the same classes' folders as {folder / 'train'}; "
        "only one of the two has a"
    )


def test_a_class_without_images(folder):
    (folder / "test" / "a" / "0.png").unlink()
    assert refusal(folder) == (
        f"{folder / 'test' / 'a'}: holds no images (files *.png, *.jpg or *.jpeg)"
    )


def test_an_image_that_is_gone(folder):
    train, _ = image_folder.find(DESCRIPTION, folder)
    path = folder / "train" / "c" / "1.png"
    path.unlink()
    with pytest.raises(UserError) as error:
        train.content(4)
    assert str(error.value) == f"{path}: can't be read: No such file or directory"
