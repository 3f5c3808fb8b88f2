import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

# Channels, PE, width of x, of m, of b, shift, style and type of y: a DSP block per lane, one with
# constants in block RAM, adders with one, few and many beats of constants, no shift, a shift of
# nearly all bits, the widest m and b, and types that hold more than the shifted sums.
CASES = {
    "dsp": (8, 2, 11, 9, 16, 7, "dsp", "INT8"),
    "wide dsp": (6, 3, 18, 24, 40, 30, "dsp", "UINT8"),
    "deep dsp": (320, 1, 12, 14, 18, 11, "dsp", "INT8"),
    "constants": (5, 5, 9, 8, 12, 6, "lut", "UINT4"),
    "few constants": (12, 2, 9, 7, 20, 0, "lut", "INT8"),
    "many constants": (24, 1, 4, 9, 5, 11, "lut", "UINT8"),
    "wide constants": (3, 3, 25, 48, 48, 46, "lut", "UINT2"),
    "wide words": (6, 3, 20, 48, 47, 40, "lut", "INT8"),
    "no more bits": (4, 2, 8, 6, 9, 7, "dsp", "UINT8"),
    "one bit": (4, 2, 8, 6, 9, 7, "dsp", "BINARY"),
}
SHAPE = (1, 2, 2)


def edges(rng, bits, count):
    """Return integers of ``bits`` bits, including the ends of the range and powers of 2."""
    top = 1 << bits - 1
    special = [-top, top - 1, 0, -1, 1, top >> 1, -(top >> 1)]
    chosen = rng.choice(special, count)
    return np.where(rng.random(count) < 0.5, chosen, rng.integers(-top, top, count))


@functools.cache
def requantiser(name):
    channels, pe, x_bits, m_bits, b_bits, shift, style, output = CASES[name]
    rng = np.random.default_rng(7)
    return KernelUnderTest(
        "Requantise",
        {
            "NumChannels": channels,
            "numInputVectors": list(SHAPE),
            "PE": pe,
            "shift": shift,
            "mBits": m_bits,
            "bBits": b_bits,
            "mulStyle": style,
            "inputDataType": f"INT{x_bits}",
            "outputDataType": output,
        },
        {
            "m": (edges(rng, m_bits, channels), f"INT{m_bits}"),
            "b": (edges(rng, b_bits, channels), f"INT{b_bits}"),
        },
    )


def frames(name, count, seed):
    channels, _, bits, *_ = CASES[name]
    shape = (count, *SHAPE[1:], channels)
    return edges(np.random.default_rng(seed), bits, int(np.prod(shape))).reshape(shape)


@settings(max_examples=6)
@given(
    name=st.sampled_from(list(CASES)),
    **IRREGULAR,
)
def test_any_values_gaps_and_stalls(name, p_gap, p_stall, seed):
    requantiser(name).stream(frames(name, 4, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("name", CASES)
def test_reaches_its_rate(name):
    requantiser(name).check_rate(frames(name, 20, 1))


@pytest.mark.parametrize(
    ("m", "b", "message"),
    [
        (128, 0, "mBits = 8 must be at least 9 for the values of m"),
        (-128, 32768, "bBits = 16 must be at least 17 for the values of b"),
    ],
)
def test_constants_too_large_for_their_width_are_refused(m, b, message):
    with pytest.raises(UserError) as error:
        KernelUnderTest(
            "Requantise",
            {
                "NumChannels": 2,
                "PE": 1,
                "shift": 4,
                "mBits": 8,
                "bBits": 16,
                "inputDataType": "INT9",
                "outputDataType": "INT8",
            },
            {"m": (np.array([3, m]), "INT32"), "b": (np.array([b, -5]), "INT32")},
        )
    assert str(error.value) == f"Requantise_rtl_0: {message}"


def test_dense_vectors_are_requantised():
    rng = np.random.default_rng(3)
    kernel = KernelUnderTest(
        "Requantise",
        {
            "NumChannels": 4,
            "PE": 2,
            "shift": 5,
            "mBits": 6,
            "bBits": 9,
            "inputDataType": "INT8",
            "outputDataType": "INT9",
        },
        {"m": (edges(rng, 6, 4), "INT6"), "b": (edges(rng, 9, 4), "INT9")},
    )
    kernel.stream(random_tensor(rng, (5, 4), "INT8"), 0.3, 0.3)
