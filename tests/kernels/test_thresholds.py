import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from tests.kernels.nodes import node

SMALL = {
    "NumChannels": 6,
    "numInputVectors": [1, 2, 3],
    "PE": 2,
    "numSteps": 3,
    "inputDataType": "INT9",
    "outputDataType": "UINT2",
}
SIGNS = {"numSteps": 1, "outBias": -1, "outScale": 2, "outputDataType": "BIPOLAR"}


def thresholds(**changes):
    return node("Thresholds", ("x", "T", "mask"), **(SMALL | changes))


@given(
    steps=st.integers(1, 9),
    bias=st.integers(-20, 20),
    scale=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_loops(steps, bias, scale, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-256, 256, (2, 2, 3, 6))
    T, mask = np.sort(rng.integers(-300, 300, (6, steps))), rng.integers(0, 2, 6)
    kernel = thresholds(numSteps=steps, outBias=bias, outScale=scale, outputDataType="INT8")
    kernel.check()
    y = kernel.compute(x, T, mask)
    for place, value in np.ndenumerate(x):
        channel = place[-1]
        counted = [(value < t) if mask[channel] else (value >= t) for t in T[channel]]
        assert y[place] == bias + scale * sum(counted)


def test_signs():
    kernel = thresholds(**SIGNS)
    kernel.check()
    x = np.array([[-5, -4, -3, -5, -4, -3]])
    y = kernel.compute(x, np.full((6, 1), -4), np.array([0, 0, 0, 1, 1, 1]))
    assert y.tolist() == [[-1, 1, 1, 1, -1, -1]]


def test_folding():
    kernel = thresholds()
    assert kernel.get_exp_cycles() == 2 * 3 * 3
    assert kernel.get_normal_input_shape(0) == kernel.get_normal_output_shape() == (1, 2, 3, 6)
    assert kernel.get_normal_input_shape(1) == (6, 3)
    assert kernel.get_normal_input_shape(2) == (6,)
    assert kernel.get_folded_output_shape() == (1, 2, 3, 3, 2)
    assert (kernel.get_instream_width(0), kernel.get_instream_width(1)) == (18, 0)
    assert kernel.get_outstream_width() == 4
    assert [fold["PE"] for fold in kernel.folds()] == [1, 2, 3, 6]


def test_what_it_is():
    kernel = thresholds(**SIGNS)
    assert kernel.describe() == "1 threshold, 6 channels, INT9 to BIPOLAR"
    assert kernel.facts() == {
        "channels": 6,
        "thresholds": 1,
        "input": "INT9",
        "output": "BIPOLAR",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PE": 4}, "PE = 4 must divide NumChannels = 6"),
        (
            {"numInputVectors": [2, 2]},
            "numInputVectors = [2, 2] must be [1, rows, columns] or [1]",
        ),
        ({"numSteps": 0}, "numSteps = 0 must be 1 to 255"),
        ({"numSteps": 256}, "numSteps = 256 must be 1 to 255"),
        (
            {"inputDataType": "INT33"},
            "inputDataType = INT33 must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
        ({"outScale": 0}, "outScale = 0 must be at least 1"),
        (
            {"outputDataType": "FLOAT32"},
            "outputDataType = FLOAT32 must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
        (
            {"outBias": 1},
            "outputDataType = UINT2 must hold outBias + outScale * 0 to 3: 1 to 4 in steps of 1",
        ),
        (
            {"outBias": -1},
            "outputDataType = UINT2 must hold outBias + outScale * 0 to 3: -1 to 2 in steps of 1",
        ),
        (
            {**SIGNS, "outScale": 1},
            "outputDataType = BIPOLAR must hold outBias + outScale * 0 to 1: -1 to 0 in steps of 1",
        ),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        thresholds(**changes).check()
    assert str(error.value) == f"Thresholds_0: {message}"
