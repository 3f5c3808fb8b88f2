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
    "shift": 4,
    "mBits": 8,
    "bBits": 12,
    "skipDataType": "INT7",
    "skipShift": 1,
    "inputDataType": "INT9",
    "outputDataType": "INT8",
}


def join(**changes):
    return node("ResidualJoin", ("x", "skip", "m", "b"), **(SMALL | changes))


@given(
    shift=st.integers(0, 17),
    skip_shift=st.integers(0, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_integers(shift, skip_shift, seed):
    rng = np.random.default_rng(seed)
    x, skip = rng.integers(-256, 256, (2, 2, 3, 6)), rng.integers(-64, 64, (2, 2, 3, 6))
    m, b = rng.integers(-128, 128, 6), rng.integers(-2048, 2048, 6)
    kernel = join(shift=shift, skipShift=skip_shift)
    kernel.check()
    y = kernel.compute(x, skip, m, b)
    for place, value in np.ndenumerate(x):
        scaled = (int(value) * int(m[place[-1]]) + int(b[place[-1]])) // 2**shift
        exact = int(skip[place]) * 2**skip_shift + scaled
        assert y[place] == max(-128, min(127, exact))


def test_streams():
    kernel = join()
    assert (kernel.streams_in(), kernel.streams_out()) == (2, 1)
    assert kernel.get_input_datatype(0) == DataType["INT9"]
    assert kernel.get_input_datatype(1) == DataType["INT7"]
    assert [kernel.get_instream_width(ind) for ind in range(4)] == [18, 14, 0, 0]
    assert [kernel.get_normal_input_shape(ind) for ind in (1, 2)] == [(1, 2, 3, 6), (6,)]
    assert kernel.get_folded_input_shape(1) == (1, 2, 3, 3, 2)
    assert kernel.get_exp_cycles() == 2 * 3 * 3
    names = kernel.get_verilog_top_module_intf_names()
    assert names["s_axis"] == [("in0_V", 24), ("in1_V", 16)]
    assert names["m_axis"] == [("out0_V", 16)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"skipDataType": "UINT4"}, "skipDataType = UINT4 must be a signed integer"),
        ({"skipShift": -1}, "skipShift = -1 must be 0 to 32"),
        ({"shift": 18}, "shift = 18 must be 0 to 17"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        join(**changes).check()
    assert str(error.value) == f"ResidualJoin_0: {message}"
