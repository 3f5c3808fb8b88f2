import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irnet_hw.kernels.base import STYLES
from tests.rtl.harness import IRREGULAR, KernelUnderTest, random_tensor

DEPTHS = [2, 3, 16, 600]
SHAPE = (1, 3, 4, 6)


def fifo(depth, ram_style="auto", datatype="INT3", lanes=3):
    return KernelUnderTest(
        "StreamFIFO",
        {
            "shape": SHAPE,
            "lanes": lanes,
            "depth": depth,
            "ram_style": ram_style,
            "inputDataType": datatype,
            "outputDataType": datatype,
        },
    )


def frames(count, seed):
    return random_tensor(np.random.default_rng(seed), (count, *SHAPE[1:]), "INT3")


@settings(max_examples=6)
@given(
    depth=st.sampled_from(DEPTHS),
    ram_style=st.sampled_from(STYLES["ram_style"]),
    lanes=st.sampled_from([1, 3, 6]),
    **IRREGULAR,
)
def test_any_gaps_and_stalls(depth, ram_style, lanes, p_gap, p_stall, seed):
    fifo(depth, ram_style, lanes=lanes).stream(frames(4, seed), p_gap, p_stall, seed)


@pytest.mark.parametrize("ram_style", STYLES["ram_style"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_reaches_its_rate(depth, ram_style):
    fifo(depth, ram_style).check_rate(frames(5, 1))


@pytest.mark.parametrize("ram_style", STYLES["ram_style"])
@pytest.mark.parametrize("depth", [2, 16])
def test_holds_its_depth_beside_the_output_register(depth, ram_style):
    beats = 24 * 3
    result = fifo(depth, ram_style).stream(frames(3, 2), wait=100)
    taken = sum(cycle < 100 for cycle in result["cycle_in"][0])
    assert taken == min(depth + 1, beats)
