import numpy as np
import pytest

from irnet_hw.errors import UserError
from tests.kernels.nodes import node


def converter(**changes):
    attributes = {
        "inShape": [1, 2, 2, 12],
        "outShape": [1, 48],
        "inLanes": 4,
        "outLanes": 6,
        "inputDataType": "INT4",
        "outputDataType": "INT4",
    }
    return node("WidthConverter", **{**attributes, **changes})


def test_keeps_the_order_under_another_shape():
    x = np.arange(96).reshape(2, 2, 2, 12)
    assert (converter().compute(x) == x.reshape(2, 48)).all()


@pytest.mark.parametrize(
    ("lanes_in", "lanes_out", "cycles"), [(4, 6, 12), (2, 12, 24), (12, 2, 24), (4, 4, 12)]
)
def test_cycles_are_those_of_the_side_with_more_beats(lanes_in, lanes_out, cycles):
    assert converter(inLanes=lanes_in, outLanes=lanes_out).get_exp_cycles() == cycles


def test_equal_lanes_are_wires():
    wires = converter(inLanes=4, outLanes=4)
    assert (wires.lut_estimation(""), wires.ff_estimation("")) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"outShape": [1, 24]},
            "outShape = [1, 24] has 24 elements, must have those of inShape = [1, 2, 2, 12], 48",
        ),
        ({"inLanes": 5}, "inLanes = 5 must divide the last axis of inShape = 12"),
        ({"outLanes": 5}, "outLanes = 5 must divide the last axis of outShape = 48"),
        ({"outputDataType": "INT5"}, "outputDataType = INT5 must be inputDataType = INT4"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        converter(**changes).check()
    assert str(error.value) == f"WidthConverter_0: {message}"
