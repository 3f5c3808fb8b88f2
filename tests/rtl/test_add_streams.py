import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

# Channels, PE, the types of a, b and y, and the shifts.
CASES = {
    "integers": (6, 2, ("INT8", "INT5", "INT10"), (0, 2)),
    "signs": (4, 4, ("BIPOLAR", "BIPOLAR", "INT3"), (0, 0)),
    "a sign and a count": (3, 1, ("BIPOLAR", "UINT3", "INT9"), (4, 1)),
    "counts": (4, 2, ("UINT2", "UINT8", "UINT9"), (6, 0)),
    "a bit and an integer": (2, 1, ("UINT1", "INT20", "INT32"), (0, 11)),
}
SHAPE = (1, 2, 3)


@functools.cache
def adder(name):
    channels, pe, (a, b, y), (shift_a, shift_b) = CASES[name]
    return KernelUnderTest(
        "AddStreams",
        {
            "NumChannels": channels,
            "numInputVectors": list(SHAPE),
            "PE": pe,
            "inputDataType": a,
            "secondDataType": b,
            "outputDataType": y,
            "shiftA": shift_a,
            "shiftB": shift_b,
        },
    )


def frames(name, count, seed):
    channels, _, (a, b, _), _ = CASES[name]
    rng = np.random.default_rng(seed)
    return [random_tensor(rng, (count, *SHAPE[1:], channels), kind) for kind in (a, b)]


@settings(max_examples=6)
@given(name=st.sampled_from(list(CASES)), **IRREGULAR)
def test_any_values_gaps_and_stalls(name, p_gap, p_stall, seed):
    adder(name).stream(frames(name, 4, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("ends", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_sums_at_the_ends_of_the_types(name, ends):
    kinds = [adder(name).kernel.get_input_datatype(ind) for ind in (0, 1)]
    values = [int(kind.max() if end else kind.min()) for kind, end in zip(kinds, ends, strict=True)]
    x = [np.full_like(one, value) for one, value in zip(frames(name, 1, 0), values, strict=True)]
    adder(name).stream(x)


@pytest.mark.parametrize("name", CASES)
def test_reaches_its_rate(name):
    adder(name).check_rate(frames(name, 6, 1))


@pytest.mark.parametrize("pace", [(1.0, 1.0), (1.0, 5.0), (7.0, 1.0)])
def test_beats_move_when_stated(pace):
    kernel = adder("integers")
    taken = kernel.stream(frames("integers", 3, 4), pace=pace)
    kernel.check_moves(taken)
    assert taken["cycle_in"][0] == taken["cycle_in"][1]
