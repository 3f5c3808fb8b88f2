import numpy as np
import pytest
from PIL import Image

from irnet_hw import data
from irnet_hw.data.bicubic import resized, rounded
from irnet_hw.data.pairs import luma, read, shrunk
from irnet_hw.errors import UserError
from tests.data.drawn import write_image, write_pairs

SIDE = 8


@pytest.fixture
def folder(tmp_path):
    write_pairs(tmp_path)
    return tmp_path


def refused(folder, scale=2, side=SIDE):
    with pytest.raises(UserError) as info:
        read(folder, scale, side)
    return str(info.value)


def test_luma_is_bt_601_in_8_bits():
    colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]])
    assert luma(colours.astype(np.uint8)[None]).tolist() == [[16, 235, 81, 145, 41]]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_images_are_cropped_and_shrunk(folder, scale):
    pairs = read(folder, scale, 6)
    (pair,) = pairs.held_out["Set5"]
    height, width = 33 // scale, 47 // scale
    whole = luma(np.asarray(Image.open(folder / "Set5/c.png")))
    assert pair.name == "c"
    assert np.array_equal(pair.high, whole[: height * scale, : width * scale])
    small = resized(pair.high.astype(float), height, width)
    assert np.array_equal(pair.low, rounded(small))
    assert np.array_equal(pair.low, shrunk(pair.high, scale))
    assert list(pairs.held_out) == ["Set5", "test"]
    assert [pair.name for pair in pairs.train] == ["a", "b"]


def test_an_epoch_has_the_crops_that_fit_side_by_side(folder):
    assert read(folder, 2, SIDE).crops(SIDE) == [2 * 3, 2 * 2]


def test_images_too_small_to_train_on_are_left_out(folder, capsys):
    write_image(folder / "train/c.png", 2 * SIDE - 1, 50)
    assert len(read(folder, 2, SIDE).train) == 2
    assert "left out 1 images smaller than 16x16 pixels" in capsys.readouterr().err
    message = f"{folder / 'train'}: all images are smaller than 80x80 pixels, the size of a crop"
    assert refused(folder, side=40) == message


@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16"])
def test_grey_transparent_and_16_bit_images_become_luma(folder, mode):
    pixels = write_image(folder / "train/a.png", 40, 60, mode)
    found = read(folder, 2, SIDE).train[0].high
    if mode == "RGBA":
        share = pixels[..., 3:] / 255
        assert (
            np.abs(found - luma(np.uint8(share * pixels[..., :3] + (1 - share) * 255))).max() <= 1
        )
    else:
        assert np.array_equal(found, luma(pixels.repeat(3, 2)))


def test_a_folder_without_images_is_refused(tmp_path):
    assert refused(tmp_path).startswith(f"{tmp_path}: holds no images to learn enlarging from; ")
    assert refused(tmp_path / "none").startswith(f"{tmp_path / 'none'}: no such folder; ")
    (tmp_path / "T91").mkdir()
    (tmp_path / "Set5").mkdir()
    assert refused(tmp_path).startswith(f"{tmp_path / 'T91'}: holds no images (")


def test_a_damaged_image_is_named(folder):
    path = folder / "train/a.png"
    path.write_bytes(path.read_bytes()[:200])
    assert refused(folder) == (
        f"{path}: is not an image that can be read (PNG, JPEG, WebP, TIFF, BMP or GIF, for "
        "example), or is damaged"
    )


def test_images_too_small_to_test_on_are_refused(folder):
    path = folder / "test/d.png"
    write_image(path, 14, 40)
    assert refused(folder) == (
        f"{path}: has 14x40 pixels, must have at least 15 in each direction to be tested on"
    )
    write_image(path, 1, 40)
    assert refused(folder) == f"{path}: has 1x40 pixels, must have at least 2 in each direction"


def test_the_data_set_needs_its_folder():
    with pytest.raises(UserError) as info:
        data.load_pairs("", 2, SIDE)
    assert str(info.value).startswith("data_folder: is not set; images to train on must lie in ")
