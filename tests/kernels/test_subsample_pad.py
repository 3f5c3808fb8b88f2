import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from tests.kernels.nodes import node

SMALL = {
    "IFMDim": [8, 8],
    "IFMChannels": 16,
    "Stride": [2, 2],
    "PadChannels": [8, 8],
    "PE": 4,
    "inputDataType": "INT8",
    "outputDataType": "INT8",
}


def shortcut(**changes):
    return node("SubsamplePad", **(SMALL | changes))


@given(
    image=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_equals_slices_and_zeros(image, stride, pads):
    kernel = shortcut(
        IFMDim=list(image), Stride=list(stride), PadChannels=list(pads), IFMChannels=4, PE=1
    )
    kernel.check()
    x = np.arange(1, 2 * image[0] * image[1] * 4 + 1).reshape(2, *image, 4)
    y = kernel.compute(x)
    assert y.shape[1:] == kernel.get_normal_output_shape()[1:]
    before = pads[0]
    np.testing.assert_array_equal(y[..., before : before + 4], x[:, :: stride[0], :: stride[1]])
    assert not y[..., :before].any()
    assert not y[..., before + 4 :].any()


def test_cycles():
    # All input, and the first pixel's zeros; other zeros leave while pixels are dropped.
    assert shortcut().get_exp_cycles() == 8 * 8 * 4 + 2
    # If a row drops nothing, each pixel takes all its beats.
    assert shortcut(Stride=[1, 1]).get_exp_cycles() == 8 * 8 * 8


def test_folds_divide_all_groups_of_channels():
    kernel = shortcut(PadChannels=[4, 12])
    assert [fold["PE"] for fold in kernel.folds()] == [1, 2, 4]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"IFMDim": [8]}, "IFMDim = [8] must be 2 integers, each at least 1"),
        ({"Stride": [0, 2]}, "Stride = [0, 2] must be 2 integers, each at least 1"),
        ({"PadChannels": [-1, 1]}, "PadChannels = [-1, 1] must be 2 integers, each at least 0"),
        ({"PE": 16}, "PE = 16 must divide the common divisor of IFMChannels and PadChannels = 8"),
        (
            {"inputDataType": "INT33", "outputDataType": "INT33"},
            "inputDataType = INT33 must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
        (
            {"inputDataType": "BIPOLAR", "outputDataType": "BIPOLAR", "PadChannels": [0, 8]},
            "PadChannels = [0, 8] must be [0, 0] for inputDataType = BIPOLAR, which has no 0",
        ),
        ({"outputDataType": "INT9"}, "outputDataType = INT9 must be inputDataType = INT8"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        shortcut(**changes).check()
    assert str(error.value) == f"SubsamplePad_0: {message}"
