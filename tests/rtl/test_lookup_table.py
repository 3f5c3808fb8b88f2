import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.core.datatype import DataType

from irnet_hw.errors import UserError
from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

# Channels, PE, tables, input and output: every type, one beat of tables and several, and a number
# of beats other than a power of 2.
CASES = {
    "signs to numbers": (6, 2, 6, "BIPOLAR", "INT5"),
    "numbers to signs": (4, 4, 4, "UINT3", "BIPOLAR"),
    "bits": (2, 1, 2, "UINT1", "UINT1"),
    "wide entries": (10, 5, 10, "INT4", "INT16"),
    "bytes": (3, 1, 3, "INT8", "UINT16"),
    "unsigned bytes": (6, 3, 6, "UINT8", "INT2"),
    "shared": (6, 3, 1, "INT5", "INT7"),
    "shared by one beat": (4, 4, 1, "UINT2", "UINT9"),
    # Each lane has a file, whose name ends in the lane's number.
    "over a thousand lanes": (2004, 1002, 2004, "BIPOLAR", "UINT2"),
}
SHAPE = (1, 2, 2)


def case(name, **changes):
    channels, pe, tables, before, after = CASES[name]
    entries = 1 << DataType[before].bitwidth()
    table = random_tensor(np.random.default_rng(7), (tables, entries), after)
    attributes = {
        "NumChannels": channels,
        "numInputVectors": list(SHAPE),
        "PE": pe,
        "numTables": tables,
        "inputDataType": before,
        "outputDataType": after,
    }
    return KernelUnderTest("LookupTable", attributes, {"table": (table, after), **changes})


@functools.cache
def lookup(name):
    return case(name)


def frames(name, count, seed):
    channels, _, _, before, _ = CASES[name]
    return random_tensor(np.random.default_rng(seed), (count, *SHAPE[1:], channels), before)


@settings(max_examples=6)
@given(
    name=st.sampled_from(list(CASES)),
    **IRREGULAR,
)
def test_any_values_gaps_and_stalls(name, p_gap, p_stall, seed):
    lookup(name).stream(frames(name, 4, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("name", CASES)
def test_reaches_its_rate(name):
    lookup(name).check_rate(frames(name, 20, 1))


def test_an_entry_that_does_not_fit_is_refused():
    with pytest.raises(UserError) as error:
        case("shared", table=(np.full((1, 32), 64), "INT8"))
    assert str(error.value) == (
        "LookupTable_rtl_0: table: 64 must be a value of outputDataType = INT7"
    )
