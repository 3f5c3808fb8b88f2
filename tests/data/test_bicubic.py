import numpy as np
import pytest
from PIL import Image

from irnet_hw.data.bicubic import resized, rounded

#: Pixels this close to a border depend on what lies beyond it, which Pillow leaves out.
REACH = 3


def impulse(length, at):
    image = np.zeros((1, length))
    image[0, at] = 1
    return image


def test_the_weights_for_half_the_size_are_matlabs():
    # imresize's weights for a scale of 1/2, in the order of their pixels.
    known = [-0.01171875, -0.03515625, 0.11328125, 0.43359375]
    weights = [resized(impulse(16, pixel), 1, 8)[0, 4] for pixel in range(16)]
    assert weights == [0.0] * 5 + known + known[::-1] + [0.0] * 3


def test_the_weights_for_twice_the_size_are_keys():
    known = [-0.0234375, 0.2265625, 0.8671875, -0.0703125]
    weights = [resized(impulse(8, pixel), 1, 16)[0, 8] for pixel in range(8)]
    assert weights == [0.0, 0.0, *known, 0.0, 0.0]


def test_beyond_a_border_the_image_is_mirrored():
    image = np.random.default_rng(1).random((9, 12))
    mirrored = np.pad(image, 12, mode="symmetric")
    inner = resized(mirrored, 11, 12)[4:7, 4:8]
    assert np.allclose(resized(image, 3, 4), inner, atol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(20, 30), (13, 45), (80, 120), (25, 41)])
def test_inside_it_equals_pillow(height, width):
    image = np.random.default_rng(0).random((40, 60))
    pillow = Image.fromarray(image.astype(np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    scale = max(1, height // 40)
    inner = (slice(REACH * scale, -REACH * scale),) * 2
    assert np.allclose(np.asarray(pillow)[inner], resized(image, height, width)[inner], atol=1e-5)


def test_grey_levels_are_rounded_half_up_and_clipped():
    levels = np.array([[-3.0, 0.49, 0.5, 2.5, 254.5, 300.0]])
    assert rounded(levels).tolist() == [[0, 0, 1, 3, 255, 255]]
