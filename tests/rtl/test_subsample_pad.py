import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

# The image, the stride, the channels, the zero channels before and after, PE and the type.
CASES = {
    "doubled": ([4, 6], [2, 2], 8, [4, 4], 2, "INT5"),
    "odd image": ([5, 7], [2, 2], 4, [2, 2], 2, "UINT3"),
    "more zeros than drops": ([3, 4], [1, 2], 2, [4, 6], 2, "INT5"),
    "zeros after only": ([6, 5], [3, 2], 3, [0, 3], 3, "INT5"),
    "zeros before only": ([2, 2], [1, 1], 2, [3, 0], 1, "UINT32"),
    "subsampled only": ([6, 4], [2, 3], 4, [0, 0], 1, "BIPOLAR"),
    "a pixel": ([1, 1], [2, 2], 2, [2, 2], 2, "INT5"),
}


@functools.cache
def shortcut(name):
    image, stride, channels, pads, pe, datatype = CASES[name]
    return KernelUnderTest(
        "SubsamplePad",
        {
            "IFMDim": image,
            "IFMChannels": channels,
            "Stride": stride,
            "PadChannels": pads,
            "PE": pe,
            "inputDataType": datatype,
            "outputDataType": datatype,
        },
    )


def frames(name, count, seed):
    image, _, channels, *_, datatype = CASES[name]
    return random_tensor(np.random.default_rng(seed), (count, *image, channels), datatype)


@settings(max_examples=6)
@given(
    name=st.sampled_from(list(CASES)),
    **IRREGULAR,
)
def test_any_shape_gaps_and_stalls(name, p_gap, p_stall, seed):
    shortcut(name).stream(frames(name, 3, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("name", CASES)
def test_reaches_its_rate(name):
    shortcut(name).check_rate(frames(name, 5, 1))
