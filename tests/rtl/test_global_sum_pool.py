import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

# The image, the channels, PE, and the types of inputs and outputs.
CASES = {
    "folded": ([4, 4], 6, 2, "INT5", "INT9"),
    "whole pixels": ([3, 3], 3, 3, "INT5", "INT9"),
    "a pixel": ([1, 1], 4, 2, "INT5", "INT5"),
    "many channels": ([1, 2], 300, 1, "INT5", "INT6"),
    "signs": ([4, 4], 6, 3, "BIPOLAR", "INT6"),
    "a sign": ([1, 1], 4, 2, "BIPOLAR", "INT2"),
    "unsigned": ([1, 5], 4, 2, "UINT2", "INT5"),
    "wide sums": ([3, 3], 2, 2, "UINT4", "INT20"),
    "wide unsigned": ([2, 2], 3, 1, "UINT32", "INT35"),
}


@functools.cache
def pool(name):
    image, channels, pe, before, after = CASES[name]
    return KernelUnderTest(
        "GlobalSumPool",
        {
            "IFMDim": image,
            "NumChannels": channels,
            "PE": pe,
            "inputDataType": before,
            "outputDataType": after,
        },
    )


def frames(name, count, seed):
    image, channels, _, before, _ = CASES[name]
    return random_tensor(np.random.default_rng(seed), (count, *image, channels), before)


@settings(max_examples=6)
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
def test_the_least_and_greatest_sums_fit(name):
    x = frames(name, 2, 2)
    datatype = pool(name).kernel.get_input_datatype()
    x[0], x[1] = int(datatype.min()), int(datatype.max())
    pool(name).stream(x)
