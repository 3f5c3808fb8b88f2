import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hls.harness import KernelUnderTest, random_tensor

# (kernel, stride, padding [top, left, bottom, right], image, channels, SIMD, type, padding value)
CASES = {
    "same": ([3, 3], [1, 1], [1, 1, 1, 1], [5, 6], 4, 2, "BIPOLAR", -1),
    "no padding": ([3, 3], [1, 1], [0, 0, 0, 0], [6, 5], 2, 2, "UINT8", 128),
    "stride 2": ([3, 3], [2, 2], [1, 1, 1, 1], [8, 7], 3, 1, "INT4", 0),
    "1x1": ([1, 1], [1, 1], [0, 0, 0, 0], [4, 3], 4, 4, "BIPOLAR", -1),
    "1x1 stride 2": ([1, 1], [2, 2], [0, 0, 0, 0], [7, 6], 2, 1, "BIPOLAR", -1),
    "even kernel": ([2, 4], [1, 1], [0, 1, 1, 2], [5, 6], 2, 1, "INT3", -4),
    "as many beats out as in": ([2, 2], [2, 2], [0, 0, 0, 0], [6, 8], 2, 1, "BIPOLAR", 1),
    "left-over rows": ([2, 1], [3, 1], [0, 0, 0, 0], [7, 3], 2, 2, "BIPOLAR", -1),
    "kernel larger than image": ([3, 3], [1, 1], [1, 1, 1, 1], [2, 1], 1, 1, "BIPOLAR", -1),
    "windows of padding alone": ([1, 3], [3, 1], [1, 1, 0, 2], [2, 6], 1, 1, "INT8", 7),
}


def window(kernel, stride, padding, image, channels, simd, datatype, pad, **others):
    return KernelUnderTest(
        "SlidingWindow",
        {
            "ConvKernelDim": kernel,
            "Stride": stride,
            "Padding": padding,
            "PadValue": pad,
            "IFMDim": image,
            "OFMDim": [
                (image[axis] + padding[axis] + padding[axis + 2] - kernel[axis]) // stride[axis] + 1
                for axis in (0, 1)
            ],
            "IFMChannels": channels,
            "SIMD": simd,
            "inputDataType": datatype,
            "outputDataType": datatype,
            **others,
        },
    )


def frames(case, count, seed):
    _, _, _, image, channels, _, datatype, _ = case
    return random_tensor(np.random.default_rng(seed), (count, *image, channels), datatype)


@st.composite
def drawn_cases(draw):
    kernel = [draw(st.integers(1, 4)) for _ in range(2)]
    stride = [draw(st.integers(1, 3)) for _ in range(2)]
    padding = [draw(st.integers(0, 2)) for _ in range(4)]
    image = [
        draw(st.integers(max(1, kernel[axis] - padding[axis] - padding[axis + 2]), 7))
        for axis in (0, 1)
    ]
    simd = draw(st.integers(1, 3))
    channels = simd * draw(st.integers(1, 3))
    return kernel, stride, padding, image, channels, simd, "BIPOLAR", draw(st.sampled_from([-1, 1]))


@settings(max_examples=8)
@given(
    case=drawn_cases(),
    p_gap=st.sampled_from([0.0, 0.3, 0.8]),
    p_stall=st.sampled_from([0.0, 0.3, 0.8]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_shape_gaps_and_stalls(case, p_gap, p_stall, seed):
    window(*case).stream(frames(case, 3, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_reaches_its_rate(case):
    window(*case).check_rate(frames(case, 5, 1))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_never_stalls_a_producer_of_its_rate(case):
    window(*case).check_rate(frames(case, 7, 2), balanced=True)


def test_block_ram_behaves_alike():
    case = CASES["same"]
    window(*case, ram_style="block").check_rate(frames(case, 5, 3))
