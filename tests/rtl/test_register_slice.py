import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

CASES = [((1, 3, 4, 6), 3, "BIPOLAR"), ((1, 2, 2, 8), 4, "INT9")]


def slice_of(shape, lanes, datatype):
    return KernelUnderTest(
        "RegisterSlice",
        {"shape": shape, "lanes": lanes, "inputDataType": datatype, "outputDataType": datatype},
    )


@settings(max_examples=6)
@given(
    case=st.sampled_from(CASES),
    **IRREGULAR,
)
def test_any_gaps_and_stalls(case, p_gap, p_stall, seed):
    shape, _, datatype = case
    x = random_tensor(np.random.default_rng(seed), (3, *shape[1:]), datatype)
    slice_of(*case).stream(x, p_gap, p_stall, seed)


@pytest.mark.parametrize("case", CASES)
def test_reaches_its_rate(case):
    shape, _, datatype = case
    slice_of(*case).check_rate(random_tensor(np.random.default_rng(1), (5, *shape[1:]), datatype))


def test_illegal_lanes_are_refused():
    with pytest.raises(UserError) as error:
        slice_of((1, 2, 2, 8), 3, "INT9")
    assert str(error.value) == "RegisterSlice_rtl_0: lanes = 3 must divide the last axis = 8"
