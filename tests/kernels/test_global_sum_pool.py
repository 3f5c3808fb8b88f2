import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from tests.kernels.nodes import node

SMALL = {
    "IFMDim": [8, 8],
    "NumChannels": 6,
    "PE": 3,
    "inputDataType": "INT8",
    "outputDataType": "INT14",
}


def pool(**changes):
    return node("GlobalSumPool", **(SMALL | changes))


@given(
    image=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_loops_and_fits(image, seed):
    kernel = pool(IFMDim=list(image))
    kernel.set_nodeattr("outputDataType", f"INT{kernel.output_bits()}")
    kernel.check()
    x = np.random.default_rng(seed).integers(-128, 128, (2, *image, 6))
    expected = np.zeros((2, 6), np.int64)
    for row in range(image[0]):
        for column in range(image[1]):
            expected += x[:, row, column]
    np.testing.assert_array_equal(kernel.compute(x), expected)
    lowest = kernel.compute(np.full_like(x, -128))
    assert (lowest >= kernel.get_output_datatype().min()).all()


def test_folding():
    kernel = pool()
    assert kernel.get_exp_cycles() == 8 * 8 * 2
    assert kernel.get_folded_input_shape() == (1, 8, 8, 2, 3)
    assert kernel.get_folded_output_shape() == (1, 2, 3)
    assert [fold["PE"] for fold in kernel.folds()] == [1, 2, 3, 6]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"IFMDim": [0, 4]}, "IFMDim = [0, 4] must be 2 integers, each at least 1"),
        ({"PE": 4}, "PE = 4 must divide NumChannels = 6"),
        ({"inputDataType": "BIPOLAR"}, "inputDataType = BIPOLAR must be a signed integer"),
        ({"outputDataType": "INT13"}, "outputDataType = INT13 must be INT14"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        pool(**changes).check()
    assert str(error.value) == f"GlobalSumPool_0: {message}"
