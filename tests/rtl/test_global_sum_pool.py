import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

# The image, the channels, PE, and the output's type.
CASES = {
    "folded": ([4, 4], 6, 2, "INT9"),
    "whole pixels": ([3, 3], 3, 3, "INT9"),
    "a pixel": ([1, 1], 4, 2, "INT5"),
    "many channels": ([1, 2], 300, 1, "INT6"),
}


@functools.cache
def pool(name):
    image, channels, pe, output = CASES[name]
    return KernelUnderTest(
        "GlobalSumPool",
        {
            "IFMDim": image,
            "NumChannels": channels,
            "PE": pe,
            "inputDataType": "INT5",
            "outputDataType": output,
        },
    )


def frames(name, count, seed):
    image, channels, *_ = CASES[name]
    return random_tensor(np.random.default_rng(seed), (count, *image, channels), "INT5")


@settings(max_examples=8)
@given(
    name=st.sampled_from(list(CASES)),
    **IRREGULAR,
)
def test_any_gaps_and_stalls(name, p_gap, p_stall, seed):
    pool(name).stream(frames(name, 4, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("name", CASES)
def test_reaches_its_rate(name):
    pool(name).check_rate(frames(name, 6, 1))


@pytest.mark.parametrize("name", CASES)
def test_the_lowest_sums_fit(name):
    x = frames(name, 2, 2)
    pool(name).stream(np.full_like(x, -16))
