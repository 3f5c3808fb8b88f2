import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from onnx import helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from irnet_hw.errors import UserError
from tests.kernels.nodes import node
from tests.rtl.harness import random_tensor

SAME = {
    "ConvKernelDim": [3, 3],
    "Stride": [1, 1],
    "Padding": [1, 1, 1, 1],
    "PadValue": -1,
    "IFMDim": [8, 8],
    "OFMDim": [8, 8],
    "IFMChannels": 32,
    "SIMD": 8,
    "inputDataType": "BIPOLAR",
    "outputDataType": "BIPOLAR",
}


def window(**changes):
    return node("SlidingWindow", **{**SAME, **changes})


@st.composite
def shapes(draw):
    kernel = [draw(st.integers(1, 4)) for _ in range(2)]
    padding = [draw(st.integers(0, 3)) for _ in range(4)]
    image = [
        draw(st.integers(max(1, kernel[axis] - padding[axis] - padding[axis + 2]), 9))
        for axis in (0, 1)
    ]
    stride = [draw(st.integers(1, 3)) for _ in range(2)]
    return kernel, stride, padding, image, draw(st.integers(1, 3))


def made(kernel, stride, padding, image, channels, **others):
    return window(
        ConvKernelDim=kernel,
        Stride=stride,
        Padding=padding,
        PadValue=-3,
        IFMDim=image,
        OFMDim=[
            (image[axis] + padding[axis] + padding[axis + 2] - kernel[axis]) // stride[axis] + 1
            for axis in (0, 1)
        ],
        IFMChannels=channels,
        inputDataType="INT4",
        outputDataType="INT4",
        **{"SIMD": 1, **others},
    )


@given(shape=shapes(), seed=st.integers(0, 2**32 - 1))
def test_windows_are_what_a_loop_finds(shape, seed):
    (kh, kw), (sh, sw), (top, left, _, _), (h, w), channels = shape
    kernel = made(*shape)
    kernel.check()
    x = random_tensor(np.random.default_rng(seed), (2, h, w, channels), "INT4")
    y = kernel.compute(x)
    _, oh, ow, size = kernel.get_normal_output_shape()
    assert y.shape == (2, oh, ow, size)
    expected = np.full((2, oh, ow, kh, kw, channels), -3)
    for r in range(oh):
        for c in range(ow):
            for i in range(kh):
                for j in range(kw):
                    row, column = r * sh + i - top, c * sw + j - left
                    if 0 <= row < h and 0 <= column < w:
                        expected[:, r, c, i, j] = x[:, row, column]
    assert (y == expected.reshape(y.shape)).all()


@given(shape=shapes(), words=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))
def test_windows_in_parallel_have_the_channels_of_a_beat_together(shape, words, seed):
    *sizes, lanes = shape
    serial = made(*sizes, words * lanes)
    parallel = made(*sizes, words * lanes, SIMD=lanes, parallel_window=1)
    x = random_tensor(np.random.default_rng(seed), (2, *sizes[3], words * lanes), "INT4")
    y = serial.compute(x)
    taps = y.shape[-1] // (words * lanes)
    beats = y.reshape(*y.shape[:3], taps, words, lanes).swapaxes(3, 4)
    assert (parallel.compute(x) == beats.reshape(y.shape)).all()


@given(shape=shapes(), seed=st.integers(0, 2**32 - 1))
def test_windows_are_those_of_qonnx_im2col(shape, seed):
    kernel, stride, padding, image, channels = shape
    assume(min(image) > 1)  # Im2Col refuses most windows on images of one row or column
    x = random_tensor(np.random.default_rng(seed), (1, *image, channels), "INT4")
    im2col = helper.make_node(
        "Im2Col",
        ["x"],
        ["y"],
        domain="qonnx.custom_op.general",
        kernel_size=kernel,
        stride=stride,
        pad_amount=padding,
        pad_value=-3,
        input_shape=str((1, *image, channels)),
    )
    model = ModelWrapper(helper.make_model(helper.make_graph([im2col], "im2col", [], [])))
    model.set_tensor_datatype("x", DataType["INT4"])
    context = {"x": x.astype(np.float32)}
    getCustomOp(im2col).execute_node(context, model.graph)
    assert (made(*shape).compute(x) == context["y"]).all()


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({}, 4),
        ({"Padding": [0, 0, 0, 0], "OFMDim": [6, 6]}, 6),
        ({"Stride": [2, 2], "OFMDim": [4, 4]}, 5),
        ({"ConvKernelDim": [1, 1], "Padding": [0, 0, 0, 0]}, 2),
        ({"IFMDim": [2, 8], "OFMDim": [2, 8]}, 4),
    ],
)
def test_rows_of_the_buffer(changes, rows):
    assert window(**changes).buffer_rows() == rows


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({}, 3),
        ({"Padding": [0, 0, 0, 0], "OFMDim": [6, 6]}, 4),
        ({"Stride": [2, 2], "OFMDim": [4, 4]}, 3),
        ({"Stride": [3, 3], "OFMDim": [3, 3]}, 5),
        ({"ConvKernelDim": [1, 2], "Padding": [0, 0, 0, 0], "OFMDim": [8, 7]}, 2),
    ],
)
def test_rows_of_the_buffer_for_windows_in_parallel(changes, rows):
    assert window(parallel_window=1, **changes).buffer_rows() == rows


def test_what_a_window_needs_and_frees():
    changes = {"IFMDim": [3, 4], "OFMDim": [3, 4], "IFMChannels": 2, "SIMD": 1}
    parallel = window(parallel_window=1, **changes)
    assert parallel.emits().tolist() == 3 * [False, False, *[True] * 8]
    assert parallel.needed().tolist() == [
        *(9, 10, 11, 12, 13, 14, 15, 16, 16, 16),
        *(17, 18, 19, 20, 21, 22, 23, 24, 24, 24),
        *(24, 24, 24, 24, 24, 24, 24, 24, 24, 24),
    ]
    assert parallel.freed().tolist() == [
        *(-8, -7, -6, -5, -4, -3, -2, -1, 0, 0),
        *(0, 1, 2, 3, 4, 5, 6, 7, 8, 8),
        *(8, 9, 10, 11, 12, 13, 14, 15, 16, 16),
    ]
    assert parallel.capacity() == 3 * 8
    serial = window(**{**changes, "OFMDim": [2, 4], "Padding": [1, 1, 0, 1]})
    needed, freed = serial.needed(), serial.freed()
    assert len(needed) == len(freed) == 2 * 4 * 9 * 2
    assert needed[:18].tolist() == [1] * 6 + [1, 1, 1, 2, 3, 4] + [4, 4, 9, 10, 11, 12]
    assert freed.tolist() == [0] * 144
    assert serial.emits().all()


def test_cycles_are_those_of_the_busier_side():
    assert window().get_exp_cycles() == 8 * 8 * 9 * 4
    strided = window(ConvKernelDim=[1, 1], Stride=[2, 2], Padding=[0, 0, 0, 0], OFMDim=[4, 4])
    assert strided.get_exp_cycles() == 8 * 8 * 4


@pytest.mark.parametrize(
    ("changes", "cycles"),
    [
        ({}, 8 * (8 + 1) * 4),
        ({"Stride": [2, 2], "OFMDim": [4, 4]}, 8 * 8 * 4),
        ({"Padding": [0, 0, 0, 0], "OFMDim": [6, 6]}, 8 * 8 * 4),
        ({"Padding": [2, 4, 2, 2], "OFMDim": [10, 12]}, 10 * (2 + 8 + 2) * 4),
    ],
)
def test_cycles_of_windows_in_parallel(changes, cycles):
    kernel = window(parallel_window=1, **changes)
    kernel.check()
    assert kernel.get_exp_cycles() == cycles


def test_folds_are_the_divisors_of_the_channels_in_both_orders():
    folds = list(window(IFMChannels=12).folds())
    for parallel in (0, 1):
        found = [fold["SIMD"] for fold in folds if fold["parallel_window"] == parallel]
        assert found == [1, 2, 3, 4, 6, 12]
    single = window(ConvKernelDim=[1, 1], Padding=[0, 0, 0, 0], IFMChannels=2)
    assert list(single.folds()) == [
        {"SIMD": 1, "parallel_window": 0},
        {"SIMD": 2, "parallel_window": 0},
    ]


def test_lanes_that_leave_in_parallel_are_those_of_all_taps():
    kernel = window(parallel_window=1)
    assert (kernel.lanes_in(), kernel.lanes_out()) == (8, 72)
    assert kernel.get_folded_output_shape() == (1, 8, 8, 4, 72)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Stride": [1]}, "Stride = [1] must be 2 integers, each at least 1"),
        ({"Stride": [0, 1]}, "Stride = [0, 1] must be 2 integers, each at least 1"),
        ({"Padding": [1, 1]}, "Padding = [1, 1] must be 4 integers, each at least 0"),
        (
            {"ConvKernelDim": [11, 3]},
            "ConvKernelDim = [11, 3] must fit into the padded image, [10, 10]",
        ),
        ({"OFMDim": [8, 7]}, "OFMDim = [8, 7], must be [8, 8]"),
        ({"SIMD": 5}, "SIMD = 5 must divide IFMChannels = 32"),
        ({"PadValue": 0}, "PadValue = 0, must be a value of inputDataType = BIPOLAR"),
        (
            {"inputDataType": "TERNARY"},
            "inputDataType = TERNARY must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
        (
            {"outputDataType": "INT4"},
            "outputDataType = INT4 must be inputDataType = BIPOLAR",
        ),
        (
            {
                "ConvKernelDim": [1, 1],
                "Padding": [0, 0, 0, 0],
                "parallel_window": 1,
            },
            "parallel_window = 1 must be 0 for ConvKernelDim = [1, 1]",
        ),
        (
            {
                "ConvKernelDim": [3, 1],
                "Stride": [1, 3],
                "Padding": [1, 2, 1, 0],
                "IFMDim": [8, 1],
                "OFMDim": [8, 1],
                "parallel_window": 1,
            },
            "parallel_window = 1 must be 0 where all windows end left of the image: "
            "ConvKernelDim = [3, 1], Padding = [1, 2, 1, 0], OFMDim = [8, 1]",
        ),
        ({"ram_style": "ultra"}, "ram_style = ultra, must be auto, distributed or block"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        window(**changes).check()
    assert str(error.value) == f"SlidingWindow_0: {message}"
