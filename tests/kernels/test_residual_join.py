import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qonnx.core.datatype import DataType

from irnet_hw.errors import UserError
from irnet_hw.kernels.residual_join import ResidualJoin_hls
from tests.kernels.nodes import node
from tests.rtl.harness import random_tensor

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
    widths=st.sampled_from([(9, 8, 12), (30, 31, 40), (32, 48, 48)]),
    shift=st.integers(0, 17),
    skip_type=st.sampled_from(["INT7", "BIPOLAR", "UINT4", "INT32", "UINT32"]),
    skip_shift=st.integers(0, 30),
    output=st.sampled_from([("INT8", -128, 127), ("UINT3", 0, 7)]),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_integers(widths, shift, skip_type, skip_shift, output, seed):
    rng = np.random.default_rng(seed)
    shape, (x_bits, m_bits, b_bits), (y_type, least, most) = (2, 2, 3, 6), widths, output
    x, skip = (random_tensor(rng, shape, kind) for kind in (f"INT{x_bits}", skip_type))
    m, b = (random_tensor(rng, (6,), f"INT{bits}") for bits in (m_bits, b_bits))
    kernel = join(
        inputDataType=f"INT{x_bits}",
        mBits=m_bits,
        bBits=b_bits,
        shift=shift,
        skipDataType=skip_type,
        skipShift=skip_shift,
        outputDataType=y_type,
    )
    kernel.check()
    y = kernel.compute(x, skip, m, b)
    for place, value in np.ndenumerate(x):
        scaled = (int(value) * int(m[place[-1]]) + int(b[place[-1]])) // 2**shift
        exact = int(skip[place]) * 2**skip_shift + scaled
        assert y[place] == max(least, min(most, exact))


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
        (
            {"skipDataType": "INT33"},
            "skipDataType = INT33 must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
        ({"skipShift": -1}, "skipShift = -1 must be 0 to 30"),
        ({"skipShift": 31}, "skipShift = 31 must be 0 to 30"),
        ({"shift": 18}, "shift = 18 must be 0 to 17"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        join(**changes).check()
    assert str(error.value) == f"ResidualJoin_0: {message}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"skipDataType": "UINT4"}, "skipDataType = UINT4 must be a signed integer"),
        ({"outputDataType": "UINT8"}, "outputDataType = UINT8 must be a signed integer"),
    ],
)
def test_the_hls_backend_refuses_other_types(changes, message):
    kernel = ResidualJoin_hls(join(**changes).onnx_node)
    with pytest.raises(UserError) as error:
        kernel.check()
    assert str(error.value) == f"ResidualJoin_0: {message}"
