import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from tests.kernels.nodes import node

SMALL = {
    "ChannelsPerStream": [4, 8, 6],
    "numInputVectors": [1, 2, 3],
    "PE": 2,
    "inputDataType": "UINT3",
    "outputDataType": "UINT3",
}


def concat(**changes):
    return node("ConcatStreams", ("a", "b", "c"), **(SMALL | changes))


@given(channels=st.lists(st.integers(1, 4), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_equals_loops(channels, seed):
    rng = np.random.default_rng(seed)
    streams = [rng.integers(0, 8, (2, 2, 3, width)) for width in channels]
    kernel = concat(ChannelsPerStream=channels, PE=1)
    kernel.check()
    y = kernel.compute(*streams)
    assert y.shape[1:] == kernel.get_normal_output_shape()[1:]
    for place in np.ndindex(2, 2, 3):
        assert y[place].tolist() == [value for x in streams for value in x[place].tolist()]


def test_streams():
    kernel = concat()
    assert (kernel.streams_in(), kernel.streams_out()) == (3, 1)
    assert [kernel.get_folded_input_shape(ind) for ind in range(3)] == [
        (1, 2, 3, 2, 2),
        (1, 2, 3, 4, 2),
        (1, 2, 3, 3, 2),
    ]
    assert kernel.get_folded_output_shape() == (1, 2, 3, 9, 2)
    assert [kernel.get_instream_width(ind) for ind in range(4)] == [6, 6, 6, 0]
    assert kernel.get_exp_cycles() == 2 * 3 * 9
    assert [fold["PE"] for fold in kernel.folds()] == [1, 2]
    assert kernel.describe() == "concatenation, 4, 8 and 6 channels"
    assert kernel.facts() == {"channels": [4, 8, 6], "type": "UINT3"}
    assert not kernel.keeps_values() and not kernel.is_conduit()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"ChannelsPerStream": [4]},
            "ChannelsPerStream = [4] must be at least 2 integers, each at least 1",
        ),
        (
            {"ChannelsPerStream": [4, 0]},
            "ChannelsPerStream = [4, 0] must be at least 2 integers, each at least 1",
        ),
        ({"PE": 4}, "PE = 4 must divide the common divisor of ChannelsPerStream = 2"),
        ({"numInputVectors": [2]}, "numInputVectors = [2] must be [1, rows, columns] or [1]"),
        (
            {"inputDataType": "INT1"},
            "inputDataType = INT1 must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
        ({"outputDataType": "UINT4"}, "outputDataType = UINT4 must be inputDataType = UINT3"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        concat(**changes).check()
    assert str(error.value) == f"ConcatStreams_0: {message}"
