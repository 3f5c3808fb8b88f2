import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

# Channels, PE, style, type of skip, its shift and that of x, and the type of y.
CASES = {
    "dsp": (8, 2, "dsp", "INT8", 0, 6, "INT8"),
    "lut": (8, 4, "lut", "INT5", 3, 9, "INT8"),
    "constants": (3, 3, "auto", "INT8", 1, 4, "INT8"),
    "wide skip": (4, 1, "dsp", "INT12", 6, 15, "INT8"),
}
# The HLS template takes only signed integers.
CASES_OF_RTL = CASES | {
    "signs": (6, 2, "lut", "BIPOLAR", 2, 14, "INT4"),
    "signs of narrow sums": (4, 4, "lut", "BIPOLAR", 0, 18, "UINT2"),
    "unsigned": (8, 2, "dsp", "UINT4", 4, 11, "UINT8"),
    "wide unsigned": (2, 1, "lut", "UINT32", 30, 0, "UINT8"),
}
SHAPE = (1, 2, 3)


@functools.cache
def join(name):
    channels, pe, style, skip, skip_shift, shift, output = CASES_OF_RTL[name]
    rng = np.random.default_rng(5)
    return KernelUnderTest(
        "ResidualJoin",
        {
            "NumChannels": channels,
            "numInputVectors": list(SHAPE),
            "PE": pe,
            "shift": shift,
            "mBits": 8,
            "bBits": 14,
            "mulStyle": style,
            "skipDataType": skip,
            "skipShift": skip_shift,
            "inputDataType": "INT10",
            "outputDataType": output,
        },
        {
            "m": (random_tensor(rng, (channels,), "INT8"), "INT8"),
            "b": (random_tensor(rng, (channels,), "INT14"), "INT14"),
        },
    )


def frames(name, count, seed):
    channels, _, _, skip, *_ = CASES_OF_RTL[name]
    rng = np.random.default_rng(seed)
    shape = (count, *SHAPE[1:], channels)
    return [random_tensor(rng, shape, kind) for kind in ("INT10", skip)]


@settings(max_examples=6)
@given(
    name=st.sampled_from(list(CASES_OF_RTL)),
    **IRREGULAR,
)
def test_any_values_gaps_and_stalls(name, p_gap, p_stall, seed):
    join(name).stream(frames(name, 4, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("name", CASES_OF_RTL)
def test_reaches_its_rate(name):
    join(name).check_rate(frames(name, 10, 1))


@pytest.mark.parametrize("name", CASES_OF_RTL)
@pytest.mark.parametrize("pace", [(1.0, 1.0), (1.0, 5.0), (7.0, 1.0)])
def test_beats_move_when_stated(name, pace):
    kernel = join(name)
    kernel.check_moves(kernel.stream(frames(name, 3, 4), pace=pace))


@pytest.mark.parametrize("pace", [(1.0, 5.0), (5.0, 1.0)])
@pytest.mark.parametrize("p_stall", [0.0, 0.5])
def test_either_input_may_be_late(pace, p_stall):
    join("dsp").stream(frames("dsp", 3, 2), p_stall=p_stall, pace=pace)


def test_x_runs_ahead_of_the_skip_by_the_stages_of_the_multiplication():
    result = join("dsp").stream(frames("dsp", 3, 3), pace=(1.0, 40.0))
    x, skip = result["cycle_in"]
    # The beats of skip come in cycles 0 (where it waits for the first sum), 40 and so on.
    assert sum(cycle < skip[1] for cycle in x) == 1 + 3
