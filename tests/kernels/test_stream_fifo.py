import numpy as np
import pytest

from irnet_hw.errors import UserError
from tests.kernels.nodes import node


def fifo(**changes):
    attributes = {
        "shape": [1, 4, 4, 32],
        "lanes": 8,
        "depth": 16,
        "inputDataType": "INT4",
        "outputDataType": "INT4",
    }
    return node("StreamFIFO", **{**attributes, **changes})


def test_changes_nothing():
    x = np.arange(512).reshape(1, 4, 4, 32)
    assert fifo().compute(x) is x


def test_cycles_are_its_beats():
    assert fifo().get_exp_cycles() == 4 * 4 * 4


@pytest.mark.parametrize(
    ("depth", "style"), [(2, "distributed"), (64, "distributed"), (512, "block")]
)
def test_deep_ones_are_block_ram(depth, style):
    assert fifo(depth=depth).buffer_style("") == style
    assert (fifo(depth=depth).bram_estimation("") > 0) == (style == "block")


@pytest.mark.parametrize(("depth", "style"), [(2, "block"), (512, "distributed")])
def test_its_memory_can_be_chosen(depth, style):
    chosen = fifo(depth=depth, ram_style=style)
    assert chosen.buffer_style("") == style
    assert (chosen.bram_estimation("") > 0) == (style == "block")


@pytest.mark.parametrize(
    ("depth", "luts"),
    [
        *((4, 14), (16, 17), (64, 19), (512, 24), (1024, 23), (2048, 25)),
        *((3, 11), (6, 16), (12, 19), (24, 21), (48, 23), (100, 28), (300, 36), (700, 39)),
        *((1500, 87), (2000, 42), (3000, 88)),
    ],
)
def test_luts_of_block_ram_are_within_a_tenth_of_yosys(depth, luts):
    """Results of Yosys 0.70 for beats of 36 bits on xc7."""
    found = fifo(depth=depth, shape=[1, 4, 4, 9], lanes=9, ram_style="block").lut_estimation("")
    assert found == pytest.approx(luts, rel=0.1, abs=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 1}, "depth = 1, must be at least 2"),
        ({"lanes": 5}, "lanes = 5 must divide the last axis = 32"),
        ({"outputDataType": "INT5"}, "outputDataType = INT5 must be inputDataType = INT4"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        fifo(**changes).check()
    assert str(error.value) == f"StreamFIFO_0: {message}"
