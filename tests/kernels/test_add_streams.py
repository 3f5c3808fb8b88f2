import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qonnx.core.datatype import DataType

from irnet_hw.errors import UserError
from tests.kernels.nodes import node
from tests.rtl.harness import random_tensor

SMALL = {
    "NumChannels": 6,
    "numInputVectors": [1, 2, 3],
    "PE": 2,
    "inputDataType": "INT7",
    "secondDataType": "UINT4",
    "shiftB": 2,
    "outputDataType": "INT8",
}
TYPES = st.sampled_from(["BIPOLAR", "UINT1", "UINT3", "UINT8", "INT2", "INT5", "INT12"])


def adder(**changes):
    return node("AddStreams", ("a", "b"), **(SMALL | changes))


@given(
    types=st.tuples(TYPES, TYPES),
    shifts=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_integers(types, shifts, seed):
    rng = np.random.default_rng(seed)
    a, b = (random_tensor(rng, (2, 2, 3, 6), kind) for kind in types)
    kernel = adder(
        inputDataType=types[0],
        secondDataType=types[1],
        shiftA=shifts[0],
        shiftB=shifts[1],
        outputDataType="INT23",
    )
    kernel.check()
    y = kernel.compute(a, b)
    for place, value in np.ndenumerate(a):
        assert y[place] == int(value) * 2 ** shifts[0] + int(b[place]) * 2 ** shifts[1]


def test_streams():
    kernel = adder()
    assert (kernel.streams_in(), kernel.streams_out()) == (2, 1)
    assert [kernel.get_input_datatype(ind).name for ind in (0, 1)] == ["INT7", "UINT4"]
    assert [kernel.get_instream_width(ind) for ind in (0, 1, 2)] == [14, 8, 0]
    assert kernel.get_outstream_width() == 16
    assert kernel.get_folded_input_shape(1) == (1, 2, 3, 3, 2)
    assert kernel.get_exp_cycles() == 2 * 3 * 3
    assert [fold["PE"] for fold in kernel.folds()] == [1, 2, 3, 6]
    assert kernel.describe() == "sum, 6 channels, INT7 and UINT4 to INT8"
    assert kernel.facts() == {
        "channels": 6,
        "inputs": ["INT7", "UINT4"],
        "shifts": [0, 2],
        "output": "INT8",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PE": 4}, "PE = 4 must divide NumChannels = 6"),
        ({"numInputVectors": [2, 3]}, "numInputVectors = [2, 3] must be [1, rows, columns] or [1]"),
        (
            {"inputDataType": "FLOAT32"},
            "inputDataType = FLOAT32 must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
        (
            {"secondDataType": "TERNARY"},
            "secondDataType = TERNARY must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
        (
            {"outputDataType": "INT33"},
            "outputDataType = INT33 must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
        ({"shiftA": -1}, "shiftA = -1 must be 0 to 31"),
        ({"shiftB": 32}, "shiftB = 32 must be 0 to 31"),
        ({"shiftB": 3}, "outputDataType = INT8 must hold -64 to 183"),
        ({"outputDataType": "UINT8"}, "outputDataType = UINT8 must hold -64 to 123"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        adder(**changes).check()
    assert str(error.value) == f"AddStreams_0: {message}"


def test_the_sum_of_two_signs_needs_an_integer():
    kernel = adder(inputDataType="BIPOLAR", secondDataType="BIPOLAR", shiftB=0)
    kernel.check()
    assert kernel.get_output_datatype() == DataType["INT8"]
    kernel.set_nodeattr("outputDataType", "BIPOLAR")
    with pytest.raises(UserError, match="outputDataType = BIPOLAR must hold -2 to 2"):
        kernel.check()
