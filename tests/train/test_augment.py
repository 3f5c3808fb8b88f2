import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.train.augment import flipped, shifted


@given(
    st.integers(1, 8), st.integers(1, 3), st.integers(2, 7), st.integers(2, 7), st.integers(0, 2)
)
def test_each_image_is_shifted_as_a_whole(count, channels, height, width, most):
    generator = torch.Generator().manual_seed(count)
    images = torch.randint(1, 256, (count, channels, height, width), generator=generator)
    result = shifted(images, most, generator).numpy()
    padded = np.pad(images.numpy(), [(0, 0), (0, 0), (most, most), (most, most)])
    for image, before in zip(result, padded, strict=True):
        windows = [
            before[:, top : top + height, left : left + width]
            for top in range(2 * most + 1)
            for left in range(2 * most + 1)
        ]
        assert any(np.array_equal(image, window) for window in windows)


def test_every_shift_occurs():
    images = torch.zeros(400, 1, 3, 3)
    images[:, :, 1, 1] = 1
    found = shifted(images, 1, torch.Generator().manual_seed(0)).argwhere()[:, 2:]
    assert len({tuple(place) for place in found.tolist()}) == 9


@given(st.integers(1, 8), st.integers(1, 3), st.integers(1, 7), st.integers(1, 7))
def test_each_image_is_flipped_as_a_whole_or_not_at_all(count, channels, height, width):
    generator = torch.Generator().manual_seed(count)
    images = torch.randint(0, 256, (count, channels, height, width), generator=generator)
    for image, before in zip(flipped(images, generator), images, strict=True):
        assert torch.equal(image, before) or torch.equal(image, before.flip(2))


def test_half_of_the_images_are_flipped():
    images = torch.arange(2, dtype=torch.uint8).expand(1000, 3, 4, 2)
    result = flipped(images, torch.Generator().manual_seed(0))
    assert result.dtype == torch.uint8
    assert 450 <= result[:, 0, 0, 0].sum() <= 550
