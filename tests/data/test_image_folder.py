import os
import pickle
import shutil

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


def test_only_images_and_folders_count(folder, capsys):
    for name in ("Thumbs.db", "0.png.part", "._0.png"):
        (folder / "train" / "a" / name).touch()
    (folder / "train" / "a" / ".ipynb_checkpoints").mkdir()
    (folder / "train" / "README").touch()
    (folder / "train" / ".git").mkdir()
    assert len(image_folder.find(DESCRIPTION, folder)[0].labels) == 6
    said = capsys.readouterr().err
    assert said.startswith(f"{folder / 'train' / 'a'}/")
    assert said.endswith(" and 1 more: not an image by its name; left out\n")


def test_images_that_lie_beside_the_classes(folder, capsys):
    (folder / "train" / "0.png").touch()
    assert len(image_folder.find(DESCRIPTION, folder)[0].labels) == 6
    said = capsys.readouterr().err
    assert said == f"{folder / 'train' / '0.png'}: not in a class folder; left out\n"


def test_links_are_followed(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (folder / "train" / "a").rename(elsewhere / "a")
    (folder / "train" / "a").symlink_to(elsewhere / "a")
    (folder / "train" / "b" / "2.png").symlink_to(elsewhere / "a" / "0.png")
    train, _ = image_folder.find(DESCRIPTION, folder)
    assert [train.content(i) for i in (0, 3)] == [b"train a 0"] * 2
    (folder / "train" / "b" / "3.png").symlink_to(elsewhere / "gone.png")
    train, _ = image_folder.find(DESCRIPTION, folder)
    with pytest.raises(UserError) as error:
        train.content(4)
    assert str(error.value) == (
        f"{folder / 'train' / 'b' / '3.png'}: can't be read: No such file or directory"
    )


def test_what_is_no_file(folder):
    pipe = folder / "train" / "a" / "pipe.png"
    os.mkfifo(pipe)
    assert refusal(folder) == f"{pipe}: is not a regular file, must be an image"


@pytest.mark.parametrize("name", ["more", "more.png"])
def test_a_folder_within_a_class(folder, name):
    inner = folder / "train" / "a" / name
    inner.mkdir()
    assert refusal(folder) == f"{inner}: is a folder; images must be in {inner.parent} itself"


def test_a_second_part_held_out(folder, capsys):
    shutil.copytree(folder / "test", folder / "val")
    image_folder.find(DESCRIPTION, folder)
    assert (
        capsys.readouterr().err
        == f"{folder / 'test'}: used for testing; {folder / 'val'} is not used\n"
    )


@pytest.mark.parametrize(
    ("one", "other"), [("cat", "Cat"), ("caf\u00e9", "cafe\u0301"), ("1", "01"), ("x", "x ")]
)
def test_two_spellings(folder, one, other):
    for part in ("train", "test"):
        (folder / part / "a").rename(folder / part / one)
        (folder / part / "b").rename(folder / part / other)
        if one.isdecimal():
            (folder / part / "c").rename(folder / part / "3")
    first, second = sorted([one, other], key=(lambda _: 0) if one == "1" else None)
    message = refusal(folder)
    assert message in (
        f"{folder / 'train'}: has the classes {a!r} and {b!r}, which are two spellings of one "
        "name; join them, or name them differently"
        for a, b in ((first, second), (second, first))
    )


@pytest.mark.parametrize("name", ["a\nb", " ", "\udcff", "\x1b[31m"])
def test_a_name_that_cannot_be_printed(folder, name):
    (folder / "train" / "a").rename(folder / "train" / name)
    assert refusal(folder) == (
        f"{folder / 'train'}: the class {name!r}: its name must be printable text"
    )


def test_every_common_suffix_and_name(folder):
    names = ["Ä.JPEG", "z.jpg", "1.JPG", "2.jpeg", "3.PNG", "4.webp", "5.TIF", "6.bmp"]
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
    assert refusal(folder) == (f"{folder / 'train'}: has 2 classes, must have 3; draw them")


def test_other_classes_to_measure_with(folder):
    (folder / "test" / "b").rename(folder / "test" / "d")
    assert refusal(folder) == (
        f"{folder / 'test'}: must have the same class folders as {folder / 'train'}; "
        f"{folder / 'train'} has 'b', which {folder / 'test'} lacks"
    )


def test_images_that_are_not_sorted_into_classes(folder):
    (folder / "test").rename(folder / "best")
    (folder / "test").mkdir()
    (folder / "test" / "ILSVRC2012_val_00000001.JPEG").touch()
    assert refusal(folder) == (
        f"{folder / 'test'}: must have the same class folders as {folder / 'train'}; "
        f"{folder / 'train'} has 'a', 'b', 'c', which {folder / 'test'} lacks"
    )


def test_a_class_without_images(folder):
    (folder / "test" / "a" / "0.png").unlink()
    assert refusal(folder) == (
        f"{folder / 'test' / 'a'}: holds no images (PNG, JPEG, WebP, TIFF, BMP or GIF)"
    )


def test_an_image_that_is_gone(folder):
    train, _ = image_folder.find(DESCRIPTION, folder)
    path = folder / "train" / "c" / "1.png"
    path.unlink()
    with pytest.raises(UserError) as error:
        train.content(4)
    assert str(error.value) == f"{path}: can't be read: No such file or directory"
