import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qonnx.core.datatype import DataType

from irnet_hw.errors import UserError
from tests.kernels.nodes import node

SMALL = {
    "NumChannels": 6,
    "numInputVectors": [1, 2, 3],
    "PE": 2,
    "numTables": 6,
    "inputDataType": "INT3",
    "outputDataType": "INT8",
}


def lookup(**changes):
    return node("LookupTable", ("x", "table"), **(SMALL | changes))


@given(
    datatype=st.sampled_from(["BIPOLAR", "UINT1", "UINT3", "INT2", "INT8"]),
    tables=st.sampled_from([1, 6]),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_loops(datatype, tables, seed):
    rng = np.random.default_rng(seed)
    kind = DataType[datatype]
    values = [value for value in range(-128, 128) if kind.allowed(value)]
    kernel = lookup(inputDataType=datatype, numTables=tables)
    kernel.check()
    assert kernel.get_normal_input_shape(1) == (tables, len(values))
    table = rng.integers(-128, 128, (tables, len(values)))
    x = rng.choice(values, (2, 2, 3, 6))
    y = kernel.compute(x, table)
    for place, value in np.ndenumerate(x):
        row = table[place[-1] if tables > 1 else 0]
        assert y[place] == row[values.index(value)]


def test_folding():
    kernel = lookup()
    assert kernel.get_exp_cycles() == 2 * 3 * 3
    assert kernel.get_normal_input_shape(0) == kernel.get_normal_output_shape() == (1, 2, 3, 6)
    assert kernel.get_folded_output_shape() == (1, 2, 3, 3, 2)
    assert (kernel.get_instream_width(0), kernel.get_instream_width(1)) == (6, 0)
    assert kernel.get_outstream_width() == 16
    assert [fold["PE"] for fold in kernel.folds()] == [1, 2, 3, 6]


def test_what_it_is():
    kernel = lookup(numTables=1)
    assert kernel.describe() == "1 table for 6 channels, INT3 to INT8"
    assert kernel.facts() == {"channels": 6, "tables": 1, "input": "INT3", "output": "INT8"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PE": 4}, "PE = 4 must divide NumChannels = 6"),
        (
            {"numInputVectors": [2, 2]},
            "numInputVectors = [2, 2] must be [1, rows, columns] or [1]",
        ),
        ({"numTables": 2}, "numTables = 2 must be 1 or NumChannels = 6"),
        ({"inputDataType": "UINT9"}, "inputDataType = UINT9 must have at most 8 bits"),
        (
            {"inputDataType": "TERNARY"},
            "inputDataType = TERNARY must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
        ({"outputDataType": "INT21"}, "outputDataType = INT21 must have at most 20 bits"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        lookup(**changes).check()
    assert str(error.value) == f"LookupTable_0: {message}"
