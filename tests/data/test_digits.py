import numpy as np
import pytest
from sklearn.datasets import load_digits

from irnet_hw import data
from irnet_hw.errors import UserError


def test_shapes_and_types():
    digits = data.load("digits")
    assert digits.train_images.shape == (1437, 8, 8, 1)
    assert digits.test_images.shape == (360, 8, 8, 1)
    assert digits.train_images.dtype == digits.test_images.dtype == np.uint8
    assert digits.train_labels.shape == (1437,)
    assert digits.test_labels.shape == (360,)
    assert digits.train_labels.dtype == digits.test_labels.dtype == np.int64
    assert digits.labels == [str(digit) for digit in range(10)]
    assert digits.image_shape == (8, 8, 1)


def test_every_scan_is_in_one_part():
    digits = data.load("digits")
    scans, labels = load_digits(return_X_y=True)

    def rows(images, labels):
        pairs = zip(images, labels, strict=True)
        return sorted((*image.ravel().tolist(), label) for image, label in pairs)

    parts = rows(digits.train_images, digits.train_labels)
    parts += rows(digits.test_images, digits.test_labels)
    assert sorted(parts) == rows(np.round(scans * 255 / 16).astype(int), labels)


def test_the_grey_levels_span_a_byte():
    levels = np.unique(data.load("digits").train_images)
    assert levels.tolist() == [round(level * 255 / 16) for level in range(17)]


def test_the_held_out_fifth_is_stratified_and_always_the_same():
    digits, again = data.load("digits"), data.load("digits")
    shares = np.bincount(digits.test_labels) / np.bincount(digits.train_labels)
    assert np.allclose(shares, 360 / 1437, rtol=0.03)
    assert np.array_equal(digits.test_images, again.test_images)
    assert np.array_equal(digits.test_labels, again.test_labels)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(UserError) as error:
        data.load("digit")
    assert (
        str(error.value)
        == "data: 'digit', must be one of cifar10, cifar100, digits, folder, imagenet, mnist, "
        "super-resolution"
    )
