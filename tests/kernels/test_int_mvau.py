import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from tests.kernels.nodes import node
from tests.kernels.windows import side_by_side
from tests.rtl.harness import random_tensor


def int_mvau(**attributes):
    defaults = {
        "MW": 9,
        "MH": 4,
        "SIMD": 3,
        "PE": 2,
        "numInputVectors": [1, 2, 3],
        "inputDataType": "UINT8",
        "weightDataType": "INT8",
        "InputZeroPoint": 128,
        "outputDataType": "BIPOLAR",
    }
    return node("IntMVAU", **(defaults | attributes))


@given(
    datatype=st.sampled_from(["UINT8", "UINT2", "INT2", "INT8", "INT10", "BIPOLAR"]),
    weights=st.sampled_from(["BIPOLAR", "INT2", "INT4", "INT8"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_loops(datatype, weights, seed):
    rng = np.random.default_rng(seed)
    x = random_tensor(rng, (2, 2, 3, 9), datatype)
    W = random_tensor(rng, (9, 4), weights)
    last = rng.integers(-500, 500, 4)
    zero = {"UINT8": 128, "INT8": -3}.get(datatype, 0)
    expected = np.zeros((2, 2, 3, 4), np.int64)
    for row in range(9):
        for output in range(4):
            expected[..., output] += (x[..., row] - zero) * W[row, output]
    types = {"inputDataType": datatype, "weightDataType": weights, "InputZeroPoint": zero}

    thresholded = int_mvau(**types)
    thresholded.check()
    np.testing.assert_array_equal(
        thresholded.compute(x, W, last), np.where(expected >= last, 1, -1)
    )
    plain = int_mvau(**types, noActivation=1, outputDataType="INT24")
    plain.check()
    np.testing.assert_array_equal(plain.compute(x, W, last), expected + last)
    np.testing.assert_array_equal(plain.compute(x, W), expected)


def test_parallel_windows_have_the_channels_of_a_beat_side_by_side():
    rng = np.random.default_rng(0)
    windows = rng.integers(0, 256, (2, 2, 3, 24))
    W = random_tensor(rng, (24, 4), "INT8")
    plain = {
        "MW": 24,
        "ConvKernelDim": [2, 2],
        "noActivation": 1,
        "outputDataType": "INT24",
    }
    expected = int_mvau(**plain).compute(windows, W)
    x = side_by_side(windows, 4, 3)
    parallel = int_mvau(**plain, SIMD=12, parallel_window=1)
    parallel.check()
    np.testing.assert_array_equal(parallel.compute(x, W), expected)


def test_folding():
    node = int_mvau()
    assert node.get_exp_cycles() == 6 * 3 * 2
    assert node.get_folded_input_shape() == (1, 2, 3, 3, 3)
    assert node.get_folded_output_shape() == (1, 2, 3, 2, 2)
    assert node.get_instream_width() == 24
    assert len(list(node.folds())) == 3 * 3


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"SIMD": 2}, "SIMD = 2 must divide MW = 9"),
        (
            {"inputDataType": "INT18"},
            "inputDataType = INT18 must be one of BIPOLAR, UINT2, UINT3, UINT4, UINT5, UINT6, "
            "UINT7, UINT8, INT2, INT3, INT4, INT5, INT6, INT7, INT8, INT9, INT10, "
            "INT11, INT12, INT13, INT14, INT15, INT16, INT17",
        ),
        (
            {"weightDataType": "BINARY"},
            "weightDataType = BINARY must be one of BIPOLAR, INT2, INT3, INT4, INT5, INT6, INT7, "
            "INT8",
        ),
        (
            {"InputZeroPoint": 256},
            "InputZeroPoint = 256 must be 0 to 255 for inputDataType = UINT8",
        ),
        (
            {"inputDataType": "BIPOLAR"},
            "InputZeroPoint = 128 must be 0 to 0 for inputDataType = BIPOLAR",
        ),
        (
            {"noActivation": 1, "outputDataType": "UINT8"},
            "outputDataType = UINT8 must be a signed integer with noActivation = 1",
        ),
        (
            {"dspStyle": "double"},
            "dspStyle = double must be single: a weight may be -128, as narrowWeights is 0",
        ),
        (
            {"dspStyle": "double", "weightDataType": "INT3", "inputDataType": "UINT5"}
            | {"InputZeroPoint": 0},
            "dspStyle = double must be single: no DSP block multiplies",
        ),
        (
            {"dspStyle": "double", "narrowWeights": 1, "PE": 1},
            "dspStyle = double must be single: PE = 1 is odd",
        ),
        (
            {"dspStyle": "double", "narrowWeights": 1, "SIMD": 1},
            "dspStyle = double must be single: SIMD = 1 must be at least 3, and 18 words of "
            "weights at least 2",
        ),
        (
            {"dspStyle": "double", "narrowWeights": 1, "inputDataType": "INT9"},
            "dspStyle = double must be single: an input of 9 bits and a weight of 8 have more than "
            "16",
        ),
    ],
)
def test_illegal_attributes_are_refused(attributes, message):
    with pytest.raises(UserError) as error:
        int_mvau(**attributes).check()
    assert str(error.value) == f"IntMVAU_0: {message}"
