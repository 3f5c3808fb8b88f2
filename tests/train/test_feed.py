import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from irnet_hw.data import Dataset
from irnet_hw.train.feed import ResidentFeed
from irnet_hw.train.recipe import load_recipe

CPU = torch.device("cpu")


def dataset(count, height, width, channels, tests=9):
    """Return images whose pixels are all nonzero, labelled by their index."""
    generator = np.random.default_rng(count)
    shape = (height, width, channels)
    return Dataset(
        generator.integers(1, 256, (count, *shape), np.uint8),
        np.arange(count),
        generator.integers(1, 256, (tests, *shape), np.uint8),
        np.arange(tests),
        [str(label) for label in range(count)],
    )


def recipe(images, batch_size, shift=0, flip=False):
    """Return a recipe for a dataset; its network doesn't matter here."""
    digits = load_recipe("digits-vgg", [f"batch_size={batch_size}"])
    model = dataclasses.replace(digits.model, image=[32, 32, images.image_shape[2]])
    return dataclasses.replace(digits, model=model, shift=shift, flip=flip)


def batches(images, settings_, epoch=0, first_step=0, rank=0, world=1):
    feed = ResidentFeed(images, settings_, CPU, rank, world)
    return list(feed.train(epoch, first_step))


def windows(image, shift, flip):
    """Return every possible augmentation of an image [height, width, channels]."""
    height, width, _ = image.shape
    padded = np.pad(image, [(shift, shift), (shift, shift), (0, 0)])
    for top in range(2 * shift + 1):
        for left in range(2 * shift + 1):
            window = padded[top : top + height, left : left + width]
            yield window
            if flip:
                yield window[:, ::-1]


@given(
    st.integers(2, 9),
    st.integers(2, 6),
    st.integers(2, 6),
    st.integers(1, 3),
    st.integers(0, 2),
    st.booleans(),
)
def test_each_image_is_shifted_and_mirrored_as_a_whole(count, height, width, channels, most, flip):
    images = dataset(count, height, width, channels)
    seen = []
    for pixels, labels in batches(images, recipe(images, 2, most, flip)):
        assert pixels.shape == (2, channels, height, width)
        assert pixels.dtype == torch.uint8
        for image, label in zip(pixels.permute(0, 2, 3, 1).numpy(), labels.tolist(), strict=True):
            before = images.train_images[label]
            assert any(np.array_equal(image, window) for window in windows(before, most, flip))
            seen.append(label)
    assert len(set(seen)) == len(seen) == count // 2 * 2


def test_every_shift_and_both_sides_occur():
    images = dataset(400, 3, 3, 1)
    images.train_images[:] = 0
    images.train_images[:, 1, 1] = 1
    images.train_images[:, 1, 2] = 2
    ((pixels, _),) = batches(images, recipe(images, 400, 1, flip=True))
    middles = {tuple(place) for place in (pixels[:, 0] == 1).argwhere()[:, 1:].tolist()}
    assert len(middles) == 9
    inner = pixels[:, 0][(pixels[:, 0, :, 1] == 1).any(1)]
    mirrored = int((inner[:, :, 0] == 2).any(1).sum())
    assert 0.35 < mirrored / len(inner) < 0.65


@settings(max_examples=20)
@given(st.sampled_from([1, 2, 3, 6]), st.integers(0, 3), st.integers(0, 2))
def test_processes_share_the_batches_of_one(world, epoch, first_step):
    images = dataset(20, 4, 4, 2)
    settings_ = recipe(images, 6, 1, flip=True)
    whole = batches(images, settings_, epoch)[first_step:]
    shares = [batches(images, settings_, epoch, first_step, rank, world) for rank in range(world)]
    assert len(whole) == 3 - first_step
    for step, (pixels, labels) in enumerate(whole):
        assert torch.equal(torch.cat([share[step][0] for share in shares]), pixels)
        assert torch.equal(torch.cat([share[step][1] for share in shares]), labels)


def test_every_epoch_has_an_order_of_its_own():
    images = dataset(50, 2, 2, 1)
    (first,), (second,) = (batches(images, recipe(images, 50), epoch) for epoch in (0, 1))
    assert not torch.equal(first[1], second[1])


@pytest.mark.parametrize("world", [1, 2])
def test_the_test_images_come_in_batches_of_one_size(world):
    images = dataset(4, 2, 2, 1, tests=1201)
    found = []
    for rank in range(world):
        parts = list(ResidentFeed(images, recipe(images, 2), CPU, rank, world).test())
        assert {pixels.shape for pixels, _ in parts} == {(500, 1, 2, 2)}
        for pixels, labels in parts:
            counted = labels >= 0
            found += labels[counted].tolist()
            right = images.test_images[labels[counted]]
            assert np.array_equal(pixels[counted].permute(0, 2, 3, 1).numpy(), right)
    assert sorted(found) == list(range(1201))
