import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irnet_hw.kernels.timing import in_steps
from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

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
    "all windows beside the image": ([2, 1], [1, 3], [0, 1, 1, 2], [19, 1], 2, 1, "BIPOLAR", -1),
}


# The ones that are also streamed with all taps in parallel, and two more.
IN_PARALLEL = {
    "same, a pixel a beat": ([3, 3], [1, 1], [1, 1, 1, 1], [5, 6], 4, 4, "BIPOLAR", -1),
    "stride 2, a pixel a beat": ([3, 3], [2, 2], [1, 1, 1, 1], [8, 8], 2, 2, "BIPOLAR", -1),
    **{
        name: CASES[name]
        for name in (
            "same",
            "no padding",
            "even kernel",
            "left-over rows",
            "windows of padding alone",
        )
    },
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


def has_parallel(case):
    """Return whether taps can be parallel: there are several, and a window ends at or right of
    0."""
    kernel, stride, padding, image, *_ = case
    last = (image[1] + padding[1] + padding[3] - kernel[1]) // stride[1] * stride[1]
    return kernel != [1, 1] and last + kernel[1] > padding[1]


def beside_the_image(case):
    """Return whether some windows lie in the padding alone."""
    kernel, _, padding, *_ = case
    return any(pad >= size for pad, size in zip(padding, kernel * 2, strict=True))


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
    parallel=st.integers(0, 1),
    **IRREGULAR,
)
def test_any_shape_gaps_and_stalls(case, parallel, p_gap, p_stall, seed):
    parallel = parallel if has_parallel(case) else 0
    if beside_the_image(case):
        p_stall = max(p_stall, 0.3)  # the cycles of a consumer that is always ready are not stated
    window(*case, parallel_window=parallel).stream(frames(case, 3, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("p_stall", [0, 0.8])
def test_all_rows_of_a_frame_may_be_awaited_at_once(p_stall):
    case = CASES["all windows beside the image"]
    window(*case).stream(frames(case, 4, 11), p_gap=0.8, p_stall=p_stall, seed=3)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_reaches_its_rate(case):
    window(*case).check_rate(frames(case, 5, 1))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_never_stalls_a_producer_of_its_rate(case):
    window(*case).check_rate(frames(case, 7, 2), balanced=True)


def test_block_ram_behaves_alike():
    case = CASES["same"]
    window(*case, ram_style="block").check_rate(frames(case, 5, 3))


@pytest.mark.parametrize("case", IN_PARALLEL.values(), ids=IN_PARALLEL)
def test_in_parallel_reaches_its_rate_and_never_stalls_a_producer_of_it(case):
    kernel = window(*case, parallel_window=1)
    kernel.check_rate(frames(case, 5, 4))
    kernel.check_rate(frames(case, 7, 5), balanced=True)


def test_in_parallel_from_block_ram_behaves_alike():
    case = CASES["same"]
    window(*case, parallel_window=1, ram_style="block").check_rate(frames(case, 5, 6))


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("name", ["same, a pixel a beat", "stride 2, a pixel a beat"])
def test_in_parallel_keeps_the_rate_of_a_slow_consumer(name, balanced):
    case = IN_PARALLEL[name]
    kernel = window(*case, parallel_window=1)
    rest = 2 * kernel.kernel.get_exp_cycles() // kernel.kernel.get_folded_output_shape()[1] ** 2
    kernel.check_rate(frames(case, 8, 7), balanced=balanced, rest=rest)


@pytest.mark.parametrize("parallel", [0, 1])
@pytest.mark.parametrize("name", ["same", "stride 2", "no padding"])
def test_beats_move_when_stated(name, parallel):
    case = CASES[name]
    test = window(*case, parallel_window=parallel)
    kernel = test.kernel
    test.stream(frames(case, 2, 8), pace=[20.0])
    # The consumer needs some cycles per beat, so the window waits for it or for room.
    for rest in (2, 11):
        slow = test.stream(frames(case, 3, 9), rest=rest)
        test.check_moves(
            slow, reader=lambda there, rest=rest: in_steps(there, rest * np.arange(len(there)))
        )
    # While no beat leaves, the buffer fills; beats in the registers behind it have been read.
    wait = 20 * int(np.prod(kernel.get_folded_input_shape()[:-1]))
    full = test.stream(frames(case, 2, 9), wait=wait)
    came = sum(cycle < wait for cycle in full["cycle_in"][0])
    read = np.flatnonzero(kernel.emits())[kernel.latency() - 2] + 1
    assert came == kernel.capacity() + kernel.freed()[read]


def test_windows_in_parallel_below_the_image_leave_the_next_frame_in_place():
    case = ([1, 2], [1, 1], [0, 0, 1, 0], [2, 3], 1, 1, "INT8", 7)
    window(*case, parallel_window=1).stream(frames(case, 6, 10), rest=12)


@pytest.mark.parametrize("parallel", [0, 1])
@pytest.mark.parametrize(
    ("datatype", "pad"),
    [("UINT1", 1), ("UINT3", 7), ("INT16", -(2**15)), ("UINT32", 2**32 - 1), ("INT32", -(2**31))],
)
def test_padding_at_the_end_of_a_type(datatype, pad, parallel):
    """As a maximum or a minimum of windows needs it."""
    case = ([3, 2], [1, 2], [1, 1, 1, 1], [3, 4], 2, 1, datatype, pad)
    window(*case, parallel_window=parallel).stream(frames(case, 2, 1))
