import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

# Channels of each stream, PE and the type.
CASES = {
    "two": ([4, 6], 2, "INT4"),
    "three": ([2, 5, 1], 1, "BIPOLAR"),
    "whole pixels": ([3, 3], 3, "UINT3"),
    "five": ([2, 4, 6, 2, 8], 2, "INT9"),
}
SHAPE = (1, 2, 3)


@functools.cache
def concat(name):
    channels, pe, datatype = CASES[name]
    return KernelUnderTest(
        "ConcatStreams",
        {
            "ChannelsPerStream": channels,
            "numInputVectors": list(SHAPE),
            "PE": pe,
            "inputDataType": datatype,
            "outputDataType": datatype,
        },
    )


def frames(name, count, seed):
    channels, _, datatype = CASES[name]
    rng = np.random.default_rng(seed)
    return [random_tensor(rng, (count, *SHAPE[1:], width), datatype) for width in channels]


@settings(max_examples=6)
@given(name=st.sampled_from(list(CASES)), **IRREGULAR)
def test_any_values_gaps_and_stalls(name, p_gap, p_stall, seed):
    concat(name).stream(frames(name, 4, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("name", CASES)
def test_reaches_its_rate(name):
    concat(name).check_rate(frames(name, 6, 1))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("late", [None, 0, 1, -1])
def test_beats_move_when_stated(name, late):
    """Whichever stream is slow: the others wait for their turn."""
    kernel, x = concat(name), frames(name, 3, 4)
    pace = [1.0] * len(x)
    if late is not None:
        pace[late] = 6.0
    result = kernel.stream(x, pace=pace)
    kernel.check_moves(result)
    stated, _ = kernel.kernel.moves([np.array(times) for times in result["there"]])
    assert [times.tolist() for times in stated] == result["cycle_in"]
