import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from qonnx.core.datatype import DataType

from irnet_hw.kernels.base import beats
from irnet_hw.simulate.beats import beat_bytes, decode
from tests.report import example
from tests.rtl.harness import random_tensor

TYPES = ["BIPOLAR", "BINARY", "UINT8", "INT8", "INT2", "INT13", "UINT3", "INT32"]


@given(
    datatype=st.sampled_from(TYPES),
    lanes=st.integers(1, 40),
    folds=st.integers(1, 3),
    images=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_kernels_beats_decode_to_the_tensor(datatype, lanes, folds, images, seed):
    shape = [2, folds * lanes]
    bits = lanes * int(DataType[datatype].bitwidth())
    stream = example.stream(shape, datatype, bits, lanes, None, 0)
    values = random_tensor(np.random.default_rng(seed), (images, *shape), datatype)
    words = beats(values, lanes, DataType[datatype])
    content = b"".join(word.to_bytes(beat_bytes(stream), "little") for word in words)
    encoded = np.frombuffer(content, np.uint8).reshape(images * stream.beats, -1)
    assert np.array_equal(decode(encoded, stream), values)


def test_no_images_are_no_beats():
    stream = example.stream([3], "INT8", 8, 1, None, 0)
    assert decode(np.zeros((0, 1), np.uint8), stream).shape == (0, 3)
