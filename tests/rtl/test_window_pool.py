import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

# The window, the number of windows, the channels, SIMD, and the types of x and y.
MAXIMA = {
    "signs": ([3, 3], [2, 3], 6, 3, "BIPOLAR", "BIPOLAR"),
    "counts": ([2, 2], [2, 2], 4, 1, "UINT3", "UINT3"),
    "integers": ([3, 2], [3, 1], 4, 4, "INT5", "INT5"),
    "wide integers": ([1, 2], [2, 2], 3, 1, "INT32", "INT32"),
    "wide counts": ([2, 1], [2, 2], 2, 2, "UINT32", "UINT32"),
    "maxima of single pixels": ([1, 1], [2, 3], 4, 2, "INT3", "INT3"),
}
SUMS = {
    "sum of signs": ([3, 3], [2, 3], 6, 3, "BIPOLAR", "INT5"),
    "sum of counts": ([2, 2], [2, 2], 4, 1, "UINT3", "UINT5"),
    "signed sum of counts": ([2, 3], [2, 2], 4, 4, "UINT8", "INT20"),
    "sum of integers": ([3, 2], [3, 1], 4, 4, "INT5", "INT8"),
    "many channels": ([1, 2], [1, 1], 300, 1, "INT2", "INT3"),
    "sums of single pixels": ([1, 1], [2, 3], 4, 2, "UINT3", "UINT3"),
}
CASES = {**MAXIMA, **SUMS}


@functools.cache
def pool(name):
    window, windows, channels, simd, source, target = CASES[name]
    mask = np.random.default_rng(3).permutation(np.arange(channels) % 2)
    return KernelUnderTest(
        "WindowPool",
        {
            "PoolDim": window,
            "OFMDim": windows,
            "NumChannels": channels,
            "SIMD": simd,
            "inputDataType": source,
            "outputDataType": target,
            "mode": "max" if name in MAXIMA else "sum",
        },
        {"mask": (mask, "BINARY")} if name in MAXIMA else {},
    )


def frames(name, count, seed):
    window, windows, channels, _, datatype, _ = CASES[name]
    shape = (count, *windows, int(np.prod(window)) * channels)
    return random_tensor(np.random.default_rng(seed), shape, datatype)


@settings(max_examples=6)
@given(name=st.sampled_from(list(CASES)), **IRREGULAR)
def test_any_values_gaps_and_stalls(name, p_gap, p_stall, seed):
    pool(name).stream(frames(name, 3, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("name", CASES)
def test_reaches_its_rate(name):
    pool(name).check_rate(frames(name, 5, 1))


@pytest.mark.parametrize("name", CASES)
def test_the_ends_of_the_type(name):
    """The greatest sums and the least ones fit, and both ends compare rightly."""
    datatype = pool(name).kernel.get_input_datatype()
    least, most = int(datatype.min()), int(datatype.max())
    x = frames(name, 3, 2)
    x[0], x[1] = least, most
    x[2] = np.where(x[2] > x[2].mean(), most, least)
    pool(name).stream(x)
