import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from tests.kernels.nodes import node
from tests.rtl.harness import random_tensor

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
    datatype=st.sampled_from(["INT8", "BIPOLAR", "UINT2", "UINT32", "INT32"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_loops(image, datatype, seed):
    kernel = pool(IFMDim=list(image), inputDataType=datatype, outputDataType="INT40")
    kernel.check()
    x = random_tensor(np.random.default_rng(seed), (2, *image, 6), datatype)
    expected = np.zeros((2, 6), np.int64)
    for row in range(image[0]):
        for column in range(image[1]):
            expected += x[:, row, column]
    np.testing.assert_array_equal(kernel.compute(x), expected)


@pytest.mark.parametrize(
    ("datatype", "bits", "ends"),
    [
        ("INT8", 14, "-8192 to 8128"),
        ("BIPOLAR", 8, "-64 to 64"),
        ("UINT2", 9, "0 to 192"),
        ("UINT32", 39, "0 to 274877906880"),
    ],
)
def test_the_output_must_hold_every_sum(datatype, bits, ends):
    for enough in (bits, bits + 3):
        pool(inputDataType=datatype, outputDataType=f"INT{enough}").check()
    with pytest.raises(UserError) as error:
        pool(inputDataType=datatype, outputDataType=f"INT{bits - 1}").check()
    assert str(error.value) == f"GlobalSumPool_0: outputDataType = INT{bits - 1} must hold {ends}"


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
        (
            {"inputDataType": "INT33"},
            "inputDataType = INT33 must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
        ({"outputDataType": "UINT16"}, "outputDataType = UINT16 must be a signed integer"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        pool(**changes).check()
    assert str(error.value) == f"GlobalSumPool_0: {message}"
