import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from tests.kernels.nodes import node
from tests.rtl.harness import random_tensor

SMALL = {
    "PoolDim": [3, 2],
    "OFMDim": [3, 4],
    "NumChannels": 6,
    "SIMD": 3,
    "inputDataType": "INT4",
    "outputDataType": "INT4",
    "mode": "max",
}
SUM = {"mode": "sum", "outputDataType": "INT7"}


def pool(**changes):
    return node("WindowPool", ("x", "mask"), **(SMALL | changes))


def windows_of(image, padding, pad, datatype):
    """Return overlapping 3x2 windows, made by a SlidingWindow, and the padded image."""
    height, width, channels = image.shape[1:]
    kernel = node(
        "SlidingWindow",
        ConvKernelDim=[3, 2],
        Stride=[2, 1],
        Padding=[padding] * 4,
        PadValue=pad,
        IFMDim=[height, width],
        OFMDim=[(height + 2 * padding - 3) // 2 + 1, width + 2 * padding - 1],
        IFMChannels=channels,
        SIMD=2,
        inputDataType=datatype,
        outputDataType=datatype,
    )
    kernel.check()
    widths = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    return kernel.compute(image), np.pad(image, widths, constant_values=pad)


@pytest.mark.parametrize("mode", ["max", "sum"])
@given(
    datatype=st.sampled_from(["BIPOLAR", "UINT1", "UINT5", "INT4"]),
    padding=st.integers(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_pools_the_windows_of_a_sliding_window(mode, datatype, padding, seed):
    rng = np.random.default_rng(seed)
    image = random_tensor(rng, (2, 5, 4, 6), datatype)
    pad = int(image.min())  # of the type, whichever it is
    windows, padded = windows_of(image, padding, pad, datatype)
    mask = rng.integers(0, 2, 6)
    kernel = pool(
        OFMDim=list(windows.shape[1:3]),
        inputDataType=datatype,
        outputDataType=datatype if mode == "max" else "INT9",
        mode=mode,
    )
    kernel.check()
    y = kernel.compute(windows, *([mask] if mode == "max" else []))
    assert y.shape[1:] == kernel.get_normal_output_shape()[1:]
    for row, column in np.ndindex(*y.shape[1:3]):
        window = padded[:, 2 * row : 2 * row + 3, column : column + 2]
        if mode == "sum":
            right = window.sum((1, 2))
        else:
            right = np.where(mask == 1, window.min((1, 2)), window.max((1, 2)))
        assert (y[:, row, column] == right).all()


def test_folding():
    kernel = pool()
    assert kernel.get_normal_input_shape(0) == (1, 3, 4, 36)
    assert kernel.get_normal_input_shape(1) == (6,)
    assert kernel.get_folded_input_shape() == (1, 3, 4, 12, 3)
    assert kernel.get_folded_output_shape() == (1, 3, 4, 2, 3)
    assert kernel.get_exp_cycles() == 3 * 4 * 6 * 2
    assert [fold["SIMD"] for fold in kernel.folds()] == [1, 2, 3, 6]


def test_description():
    assert pool().describe() == "3x2 max-pooling, 6 channels of INT4"
    assert pool(**SUM).describe() == "3x2 sum, 6 channels of INT4"
    assert pool(**SUM).facts() == {
        "kernel": [3, 2],
        "windows": [3, 4],
        "channels": 6,
        "mode": "sum",
        "input": "INT4",
        "output": "INT7",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PoolDim": [3]}, "PoolDim = [3] must be 2 integers, each at least 1"),
        ({"OFMDim": [0, 4]}, "OFMDim = [0, 4] must be 2 integers, each at least 1"),
        ({"SIMD": 4}, "SIMD = 4 must divide NumChannels = 6"),
        (
            {"inputDataType": "TERNARY"},
            "inputDataType = TERNARY must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
        ({"outputDataType": "INT5"}, "outputDataType = INT5 must be inputDataType = INT4"),
        ({**SUM, "outputDataType": "INT6"}, "outputDataType = INT6 must hold -48 to 42"),
        (
            {**SUM, "inputDataType": "UINT4", "outputDataType": "UINT6"},
            "outputDataType = UINT6 must hold 0 to 90",
        ),
        (
            {**SUM, "PoolDim": [1, 1], "inputDataType": "BIPOLAR", "outputDataType": "BIPOLAR"},
            "outputDataType = BIPOLAR must hold -1 to 1",
        ),
        (
            {**SUM, "outputDataType": "INT33"},
            "outputDataType = INT33 must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        pool(**changes).check()
    assert str(error.value) == f"WindowPool_0: {message}"
