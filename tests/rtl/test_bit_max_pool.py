import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

# Each is the image, the pool, the channels and PE.
CASES = [
    ([4, 6], [2, 2], 6, 3),
    ([7, 5], [2, 2], 4, 4),
    ([6, 8], [3, 3], 4, 1),
    ([5, 5], [1, 3], 3, 3),
    ([4, 2], [2, 2], 2, 2),
]


def pool(image, window, channels, pe, mask):
    return KernelUnderTest(
        "BitMaxPool",
        {
            "IFMDim": image,
            "PoolDim": window,
            "IFMChannels": channels,
            "PE": pe,
            "inputDataType": "BIPOLAR",
            "outputDataType": "BIPOLAR",
        },
        {"mask": (mask, "BINARY")},
    )


def random_pool(case, count, seed):
    image, _, channels, _ = case
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, 2, channels)
    return pool(*case, mask), random_tensor(rng, (count, *image, channels), "BIPOLAR")


@settings(max_examples=6)
@given(
    case=st.sampled_from(CASES),
    **IRREGULAR,
)
def test_any_mask_gaps_and_stalls(case, p_gap, p_stall, seed):
    kernel, x = random_pool(case, 3, seed)
    kernel.stream(x, p_gap, p_stall, seed)


@pytest.mark.parametrize("case", CASES)
def test_reaches_its_rate(case):
    kernel, x = random_pool(case, 5, 1)
    kernel.check_rate(x)
