"""The frames of images are the beats of their pixels' codes, in bytes."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from qonnx.core.datatype import DataType

from irnet_hw.kernels.base import beats
from irnet_hw.runtime import frames
from tests.report.example import stream


def manifest(image, lanes, bits, tables):
    """What Frames reads of a manifest; a table is the codes of the pixels 0 to 255."""
    entry = stream([int(np.prod(image))], f"UINT{bits}", lanes * bits, lanes, None, 0)
    codes = tuple("".join(f"{code:x}" for code in table) for table in tables)
    return SimpleNamespace(image=image, input=entry, pixel_codes=codes)


@given(
    channels=st.integers(1, 3),
    places=st.integers(1, 8),
    folds=st.integers(1, 4),
    bits=st.integers(1, 4),
    shared=st.booleans(),
    steps=st.sampled_from([0, 1, 2, 7, 255]),
    images=st.integers(0, 5),
    seed=st.integers(0, 2**32 - 1),
)
@example(channels=1, places=8, folds=1, bits=1, shared=True, steps=1, images=5, seed=0)
def test_frames_are_the_beats_of_the_codes(
    channels, places, folds, bits, shared, steps, images, seed
):
    """Tables have steps at random pixels, with any codes between them, or the same as before."""
    random = np.random.default_rng(seed)
    tables = []
    for _ in range(1 if shared else channels):
        codes = random.integers(0, 1 << bits, steps + 1)
        starts = np.sort(random.choice(np.arange(1, 256), steps, replace=False))
        tables.append(codes[np.searchsorted(starts, np.arange(256), side="right")])
    lanes = places * channels
    made = frames.Frames(manifest((folds, places, channels), lanes, bits, tables))
    pixels = random.integers(0, 256, (images, folds, places, channels), np.uint8)
    right = np.array(tables)[np.arange(channels) % len(tables), pixels]
    assert np.array_equal(made.codes(pixels), right.reshape(images, folds * lanes))
    words = beats(right, lanes, DataType[f"UINT{bits}"])
    content = b"".join(word.to_bytes(-(-lanes * bits // 8), "little") for word in words)
    assert made.bytes == folds * -(-lanes * bits // 8)
    found = made.of(pixels)
    assert found.shape == (images, made.bytes)
    assert found.tobytes() == content


def test_pixels_without_codes_are_the_frames():
    made = frames.Frames(manifest((2, 3, 1), 2, 8, ()))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 2, 3, 2), np.uint8)[..., :1]
    assert made.bytes == 6
    assert made.of(pixels).tobytes() == pixels.tobytes()
    assert np.array_equal(made.codes(pixels), pixels.reshape(4, 6))


@pytest.mark.parametrize("pixels", [1, 11, 12, 40])
def test_many_images_are_packed_in_parts(monkeypatch, pixels):
    made = frames.Frames(manifest((12,), 12, 1, [[0] * 100 + [1] * 156]))
    images = np.random.default_rng(0).integers(0, 256, (10, 12), np.uint8)
    right = made.of(images)
    monkeypatch.setattr(frames, "_PIXELS", pixels)
    assert np.array_equal(made.of(images), right)
