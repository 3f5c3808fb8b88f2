import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

CASES = {
    "values and signs": ([0, 1], 4, "INT5"),
    "values": ([0, 0], 3, "BIPOLAR"),
    "signs between": ([1, 0, 1, 0], 2, "INT8"),
    "signs": ([1, 1], 12, "INT3"),
    "one sign": ([1], 6, "INT4"),
}
SHAPE = (1, 2, 3, 12)


@functools.cache
def fork(name):
    signs, lanes, datatype = CASES[name]
    attributes = {
        "shape": SHAPE,
        "lanes": lanes,
        "signs": signs,
        "inputDataType": datatype,
        "outputDataType": datatype,
    }
    return KernelUnderTest("StreamFork", attributes)


def frames(name, count, seed):
    return random_tensor(np.random.default_rng(seed), (count, *SHAPE[1:]), CASES[name][2])


@settings(max_examples=6)
@given(
    name=st.sampled_from(list(CASES)),
    **IRREGULAR,
)
def test_any_gaps_and_stalls(name, p_gap, p_stall, seed):
    fork(name).stream(frames(name, 3, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("name", CASES)
def test_reaches_its_rate(name):
    fork(name).check_rate(frames(name, 5, 1))


def test_holds_one_beat_for_all_outputs():
    result = fork("values and signs").stream(frames("values and signs", 2, 2), wait=50)
    assert sum(cycle < 50 for cycle in result["cycle_in"][0]) == 1
    assert [cycles[0] for cycles in result["cycle_out"]] == [50, 50]
