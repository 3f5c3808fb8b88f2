import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from irnet_hw.kernels.logic import accumulators
from tests.kernels.nodes import node
from tests.kernels.windows import convolution, side_by_side, sliding_windows


def binary_mvau(**attributes):
    defaults = {
        "MW": 36,
        "MH": 8,
        "SIMD": 4,
        "PE": 2,
        "numInputVectors": [1, 5, 6],
        "ConvKernelDim": [3, 3],
        "Stride": [1, 1],
        "Padding": [1, 1, 1, 1],
        "IFMDim": [5, 6],
        "inputDataType": "BIPOLAR",
        "outputDataType": "BIPOLAR",
    }
    return node("BinaryMVAU", **(defaults | attributes))


@given(
    kernel_dim=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(*[st.integers(0, 4)] * 4),
    image_dim=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    channels=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_a_zero_padded_convolution(kernel_dim, stride, padding, image_dim, channels, seed):
    top, left, bottom, right = padding
    assume(image_dim[0] + top + bottom >= kernel_dim[0])
    assume(image_dim[1] + left + right >= kernel_dim[1])
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 2, (2, *image_dim, channels)) * 2 - 1
    x = sliding_windows(image, kernel_dim, stride, padding)
    W = rng.integers(0, 2, (x.shape[-1], 6)) * 2 - 1
    T = rng.integers(-x.shape[-1], x.shape[-1] + 1, 6)
    attributes = {
        "MW": x.shape[-1],
        "MH": 6,
        "SIMD": 1,
        "PE": 1,
        "numInputVectors": [1, *x.shape[1:3]],
        "ConvKernelDim": kernel_dim,
        "Stride": stride,
        "Padding": padding,
        "IFMDim": image_dim,
    }
    expected = convolution(image, W, kernel_dim, stride, padding)

    plain = binary_mvau(**attributes, noActivation=1, outputDataType="INT16")
    plain.check()
    np.testing.assert_array_equal(plain.compute(x, W), expected)
    np.testing.assert_array_equal(plain.compute(x, W, T), expected + T)

    thresholded = binary_mvau(**attributes)
    thresholded.check()
    np.testing.assert_array_equal(thresholded.compute(x, W, T), np.where(expected >= T, 1, -1))


def test_dense_layer():
    rng = np.random.default_rng(0)
    x, W = rng.integers(0, 2, (3, 20)) * 2 - 1, rng.integers(0, 2, (20, 4)) * 2 - 1
    dense = node(
        "BinaryMVAU",
        MW=20,
        MH=4,
        SIMD=5,
        PE=2,
        noActivation=1,
        inputDataType="BIPOLAR",
        outputDataType="INT6",
    )
    dense.check()
    np.testing.assert_array_equal(dense.compute(x, W), x @ W)
    assert dense.get_exp_cycles() == 4 * 2
    assert dense.get_folded_input_shape() == (1, 4, 5)
    assert dense.get_folded_output_shape() == (1, 2, 2)
    assert dense.get_instream_width() == 5
    assert dense.get_outstream_width() == 12


def test_folding():
    node = binary_mvau()
    node.check()
    assert node.get_exp_cycles() == 30 * 9 * 4
    folds = list(node.folds())
    assert len(folds) == (9 + 3) * 4
    assert {"PE": 8, "SIMD": 36, "parallel_window": 0} in folds
    assert {"PE": 8, "SIMD": 18, "parallel_window": 1} in folds
    for fold in folds:
        binary_mvau(**fold).check()


def test_a_kernel_of_one_tap_has_no_parallel_windows():
    one = binary_mvau(MW=4, ConvKernelDim=[1, 1], Padding=[0, 0, 0, 0])
    folds = list(one.folds())
    assert len(folds) == 3 * 4
    assert not any(fold["parallel_window"] for fold in folds)


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_parallel_windows_have_the_channels_of_a_beat_side_by_side(lanes):
    rng = np.random.default_rng(lanes)
    image = rng.integers(0, 2, (2, 5, 6, 4)) * 2 - 1
    W = rng.integers(0, 2, (36, 8)) * 2 - 1
    geometry = (3, 3), (1, 1), (1, 1, 1, 1)
    x = side_by_side(sliding_windows(image, *geometry), 9, lanes)
    plain = {"noActivation": 1, "outputDataType": "INT7"}
    parallel = binary_mvau(SIMD=9 * lanes, parallel_window=1, **plain)
    parallel.check()
    np.testing.assert_array_equal(parallel.compute(x, W), convolution(image, W, *geometry))


def test_border_classes():
    assert binary_mvau().classes() == 9
    assert binary_mvau(Padding=[0, 0, 0, 0], numInputVectors=[1, 3, 4]).classes() == 1
    halved = binary_mvau(Stride=[2, 2], numInputVectors=[1, 3, 3])
    assert halved.classes() == 3 * 2  # the last column's windows end with the image
    assert halved.class_taps()[:2].astype(int).tolist() == [
        [0, 0, 0, 0, 1, 1, 0, 1, 1],
        [0, 0, 0, 1, 1, 1, 1, 1, 1],
    ]


def test_auto_puts_deep_weights_into_block_ram():
    shallow = binary_mvau(MW=144, SIMD=16, MH=8, PE=8)
    deep = binary_mvau(MW=9 * 512, SIMD=16, MH=512, PE=8)
    assert (shallow.bram_estimation(""), deep.bram_estimation("") > 0) == (0, True)
    forced = binary_mvau(MW=144, SIMD=16, MH=8, PE=8, ram_style="block")
    assert forced.bram_estimation("") == 4


@pytest.mark.parametrize(
    ("channels", "outputs", "stride", "PE", "words", "luts", "ffs"),
    [
        (16, 16, 1, 16, 9, 201, 204),
        (16, 32, 2, 8, 16, 115, 111),
        (16, 16, 1, 8, 18, 115, 114),
        (32, 32, 1, 16, 18, 248, 248),
        (32, 32, 1, 8, 36, 128, 129),
        (64, 64, 1, 16, 36, 280, 281),
        (64, 64, 1, 8, 72, 194, 146),
    ],
)
def test_accumulators_are_within_an_eighth_of_yosys(
    channels, outputs, stride, PE, words, luts, ffs
):
    """Results of Yosys 0.70 for mvau_accumulate with the constants of ResNet-20 on xc7."""
    convolution = binary_mvau(
        MW=9 * channels,
        MH=outputs,
        SIMD=channels,
        PE=PE,
        numInputVectors=[1, 8 // stride, 8 // stride],
        ConvKernelDim=[3, 3],
        Stride=[stride, stride],
        Padding=[1, 1, 1, 1],
        IFMDim=[8, 8],
        noActivation=1,
        outputDataType=f"INT{(9 * channels).bit_length() + 1}",
    )
    convolution.check()
    assert convolution.init_words() == words
    found = accumulators(PE, convolution.accumulator_bits(), convolution.init_area())
    assert found.lut == pytest.approx(luts, rel=1 / 8)
    assert found.ff == pytest.approx(ffs, rel=1 / 8)


def test_tables_take_as_few_block_rams_as_possible():
    # Half a block RAM has 18 bits: for nine rows' counts of three lanes, or six rows' of seven.
    few = {"Padding": [0, 0, 0, 0], "ConvKernelDim": [1, 1], "ram_style": "tables"}
    deep = binary_mvau(**few, MW=64 * 6, MH=9, SIMD=6, PE=9)
    shallow = binary_mvau(**few, MW=28, MH=12, SIMD=14, PE=6)
    assert [(one.tables().group, one.tables().blocks) for one in (deep, shallow)] == [
        (3, 1),
        (7, 1),
    ]
    assert deep.bram_estimation("") == shallow.bram_estimation("") == 1


def test_tables_have_room_for_256_words_of_weights():
    most = binary_mvau(MW=36, MH=64, SIMD=9, PE=1, ram_style="tables")
    most.check()
    assert (most.depth(), most.tables().group) == (256, 1)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"MH": 0}, "MH = 0 must be at least 1"),
        ({"SIMD": 5}, "SIMD = 5 must divide MW = 36"),
        ({"PE": 3}, "PE = 3 must divide MH = 8"),
        ({"numInputVectors": [5, 6]}, "numInputVectors = [5, 6] must be [1, rows, columns] or [1]"),
        ({"inputDataType": "INT2"}, "inputDataType = INT2 must be BIPOLAR"),
        (
            {"outputDataType": "INT8"},
            "outputDataType = INT8 must be BIPOLAR with noActivation = 0",
        ),
        (
            {"noActivation": 1},
            "outputDataType = BIPOLAR must be a signed integer with noActivation = 1",
        ),
        (
            {"noActivation": 1, "outputDataType": "INT6"},
            "outputDataType = INT6 can't hold an accumulator of -36 to 36; it needs INT7",
        ),
        ({"Padding": [1, 1]}, "Padding = [1, 1] must be 4 integers, each at least 0"),
        ({"Stride": [0, 1]}, "Stride = [0, 1] must be 2 integers, each at least 1"),
        ({"ConvKernelDim": [3]}, "ConvKernelDim = [3] must be 2 integers, each at least 1"),
        (
            {"parallel_window": 1},
            "SIMD = 4 must be 9 taps times a divisor of 4 channels for parallel_window = 1",
        ),
        (
            {"MW": 4, "ConvKernelDim": [1, 1], "parallel_window": 1},
            "parallel_window = 1 must be 0 for ConvKernelDim = [1, 1]",
        ),
        (
            {"ram_style": "tables", "MH": 65, "PE": 1, "SIMD": 9},
            "ram_style = tables must be distributed or block for 260 words of weights; "
            "tables have room for 256",
        ),
        ({"MW": 32}, "MW = 32 must be a multiple of the kernel's 9 taps"),
        (
            {"IFMDim": [6, 6]},
            "numInputVectors = [1, 5, 6] must be [1, 6, 6] for IFMDim = [6, 6], "
            "ConvKernelDim = [3, 3], Stride = [1, 1] and Padding = [1, 1, 1, 1]",
        ),
    ],
)
def test_illegal_attributes_are_refused(attributes, message):
    with pytest.raises(UserError) as error:
        binary_mvau(**attributes).check()
    assert str(error.value) == f"BinaryMVAU_0: {message}"
