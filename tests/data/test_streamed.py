import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from irnet_hw.data import streamed
from irnet_hw.data.image_folder import ImageFolder
from irnet_hw.data.streamed import StreamedDataset
from irnet_hw.errors import UserError
from tests.data.photographs import write_streamed
from tests.data.test_decode import DAMAGED


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_streamed(tmp_path_factory.mktemp("streamed"))


def decode(dataset, index=0, seed=0, epoch=0, flip=True):
    return dataset.decode_train(index, seed, epoch, flip)


def test_shapes(dataset):
    assert dataset.labels == ["a", "b", "c"]
    assert dataset.image_shape == (224, 224, 3)
    assert dataset.train_labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    for pixels in (decode(dataset), dataset.decode_test(0)):
        assert pixels.shape == (224, 224, 3)
        assert pixels.dtype == np.uint8


def test_what_is_random_depends_on_seed_epoch_and_index(dataset):
    first = decode(dataset)
    assert np.array_equal(first, decode(dataset))
    for change in ({"index": 1}, {"seed": 1}, {"epoch": 1}):
        assert not np.array_equal(first, decode(dataset, **change))


def test_every_other_image_is_mirrored(dataset):
    mirrored = 0
    for epoch in range(100):
        plain, perhaps = (decode(dataset, epoch=epoch, flip=flip) for flip in (False, True))
        if not np.array_equal(plain, perhaps):
            assert np.array_equal(plain[:, ::-1], perhaps)
            mirrored += 1
    assert 35 <= mirrored <= 65


@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_a_random_box_lies_in_the_image(width, height, seed):
    random = np.random.default_rng(seed)
    left, top, right, bottom = streamed._random_box(width, height, random)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_areas_and_ratios_of_random_boxes():
    random = np.random.default_rng(0)
    boxes = np.array([streamed._random_box(500, 500, random) for _ in range(3000)])
    sides = boxes[:, 2:] - boxes[:, :2]
    area, ratio = sides.prod(1) / 500**2, sides[:, 0] / sides[:, 1]
    assert 0.079 < area.min() < 0.085
    # Large boxes with an extreme aspect ratio don't fit and are drawn again.
    assert 0.45 < area.mean() < 0.54
    assert 0.745 < ratio.min() < 0.76
    assert 1.32 < ratio.max() < 1.34
    assert abs(np.log(ratio).mean()) < 0.02


def test_a_box_that_never_fits_is_the_middle():
    random = np.random.default_rng(0)
    assert streamed._random_box(1000, 30, random) == (480, 0, 520, 30)
    assert streamed._random_box(30, 1000, random) == (0, 480, 30, 520)


def gradient(folder, width, height):
    """Write one image whose red encodes the column and green the row; return the dataset."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width)
    pixels[..., 1] = np.linspace(0, 255, height)[:, None]
    (folder / "a").mkdir()
    Image.fromarray(pixels).save(folder / "a" / "0.png")
    part = ImageFolder(folder, ["a"])
    return StreamedDataset(part, part)


@pytest.mark.parametrize(("width", "height"), [(500, 375), (375, 500), (64, 64), (100, 300)])
def test_a_test_image_is_the_middle(tmp_path, width, height):
    pixels = gradient(tmp_path, width, height).decode_test(0).astype(float)
    shorter = min(width, height)
    for axis, side in ((0, width), (1, height)):
        seen = 224 / 256 * shorter / side
        ends = pixels[..., axis].mean(axis)[[0, -1]]
        assert np.allclose(ends, [255 * (1 - seen) / 2, 255 * (1 + seen) / 2], atol=3)


def test_a_test_image_is_that_of_the_plain_steps(tmp_path):
    dataset = gradient(tmp_path, 512, 384)
    with Image.open(tmp_path / "a" / "0.png") as image:
        scaled = image.resize((341, 256), Image.Resampling.BILINEAR)
    assert np.array_equal(dataset.decode_test(0), np.asarray(scaled)[16:240, 59:283])


def test_test_arrays_are_evenly_spread(dataset):
    images, labels = dataset.test_arrays(3)
    assert labels.tolist() == [0, 1, 2]
    for place, index in enumerate([0, 2, 4]):
        assert np.array_equal(images[place], dataset.decode_test(index))
    images, labels = dataset.test_arrays(100)
    assert images.shape == (6, 224, 224, 3)
    assert np.array_equal(labels, dataset.test_labels)


def test_the_order_is_a_function_of_seed_and_epoch(dataset):
    first = dataset.order(0, 0)
    assert sorted(first) == list(range(12))
    assert np.array_equal(first, dataset.order(0, 0))
    assert not np.array_equal(first, dataset.order(0, 1))
    assert not np.array_equal(first, dataset.order(1, 0))


def test_a_damaged_image(tmp_path):
    dataset = write_streamed(tmp_path)
    path = tmp_path / "train" / "b" / "1.jpg"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError) as error:
        decode(dataset, index=5)
    assert str(error.value) == f"{path}: {DAMAGED}"
