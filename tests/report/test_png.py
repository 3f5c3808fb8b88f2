import base64
import io

import matplotlib.image
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.report.png import data_uri, png


def read(content):
    """Read a PNG with another program; return its samples 0..255."""
    return np.round(matplotlib.image.imread(io.BytesIO(content), format="png") * 255).astype(int)


@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_others_read_the_same_samples(size, channels, seed):
    image = np.random.default_rng(seed).integers(0, 256, (*size, channels), dtype=np.uint8)
    assert np.array_equal(read(png(image)).reshape(image.shape), image)


def test_other_numbers_of_channels_are_shown_as_their_mean():
    image = np.array([[[10, 20], [30, 50]]], np.uint8)
    assert read(png(image)).tolist() == [[15, 40]]


def test_data_uri():
    image = np.zeros((2, 2, 1), np.uint8)
    head, content = data_uri(image).split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(content) == png(image)
