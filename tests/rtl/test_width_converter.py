import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

# (shape before, after, lanes before, after)
CASES = [
    ([1, 2, 3, 12], [1, 2, 3, 12], 3, 12),
    ([1, 2, 3, 12], [1, 2, 3, 12], 12, 2),
    ([1, 2, 3, 12], [1, 2, 3, 12], 6, 12),
    ([1, 2, 3, 12], [1, 2, 3, 12], 12, 6),
    ([1, 2, 3, 12], [1, 72], 12, 12),
    ([1, 2, 3, 12], [1, 72], 4, 6),
    ([1, 2, 3, 12], [1, 72], 12, 9),
    ([1, 2, 2, 10], [1, 40], 5, 8),
    ([1, 40], [1, 4, 10], 8, 1),
]


def converter(before, after, lanes_in, lanes_out):
    return KernelUnderTest(
        "WidthConverter",
        {
            "inShape": before,
            "outShape": after,
            "inLanes": lanes_in,
            "outLanes": lanes_out,
            "inputDataType": "INT3",
            "outputDataType": "INT3",
        },
    )


def frames(case, count, seed):
    return random_tensor(np.random.default_rng(seed), (count, *case[0][1:]), "INT3")


@settings(max_examples=6)
@given(
    case=st.sampled_from(CASES),
    **IRREGULAR,
)
def test_any_ratio_gaps_and_stalls(case, p_gap, p_stall, seed):
    converter(*case).stream(frames(case, 3, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("case", CASES)
def test_reaches_its_rate(case):
    converter(*case).check_rate(frames(case, 5, 1))


@pytest.mark.parametrize("case", CASES)
def test_never_stalls_a_producer_of_its_rate(case):
    converter(*case).check_rate(frames(case, 7, 2), balanced=True)
