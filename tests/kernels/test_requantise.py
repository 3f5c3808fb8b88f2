import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from tests.kernels.nodes import node

SMALL = {
    "NumChannels": 6,
    "numInputVectors": [1, 2, 3],
    "PE": 2,
    "shift": 4,
    "mBits": 8,
    "bBits": 12,
    "inputDataType": "INT9",
    "outputDataType": "INT8",
}


def requantise(**changes):
    return node("Requantise", ("x", "m", "b"), **(SMALL | changes))


@given(
    shift=st.integers(0, 17),
    bits=st.integers(2, 9),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_integers(shift, bits, seed):
    """Python's integers round down in division and have unlimited width."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-256, 256, (2, 2, 3, 6))
    m, b = rng.integers(-128, 128, 6), rng.integers(-2048, 2048, 6)
    kernel = requantise(shift=shift, outputDataType=f"INT{bits}")
    kernel.check()
    y = kernel.compute(x, m, b)
    most = 2 ** (bits - 1)
    for place, value in np.ndenumerate(x):
        exact = (int(value) * int(m[place[-1]]) + int(b[place[-1]])) // 2**shift
        assert y[place] == max(-most, min(most - 1, exact))


def test_folding():
    kernel = requantise()
    assert kernel.get_exp_cycles() == 2 * 3 * 3
    assert kernel.get_normal_input_shape(0) == (1, 2, 3, 6)
    assert kernel.get_normal_input_shape(1) == kernel.get_normal_input_shape(2) == (6,)
    assert kernel.get_folded_output_shape() == (1, 2, 3, 3, 2)
    assert (kernel.get_instream_width(0), kernel.get_instream_width(1)) == (18, 0)
    assert kernel.get_outstream_width() == 16
    assert [fold["PE"] for fold in kernel.folds()] == [1, 2, 3, 6]


@pytest.mark.parametrize(
    ("changes", "blocks"),
    [
        ({}, 2),
        ({"mulStyle": "dsp"}, 2),
        ({"mulStyle": "lut"}, 0),
        ({"PE": 6}, 0),  # each lane multiplies by one constant
        ({"inputDataType": "INT18", "mBits": 25}, 2),
        ({"inputDataType": "INT25", "mBits": 18}, 2),
        ({"inputDataType": "INT19", "mBits": 19}, 0),
        ({"inputDataType": "INT26"}, 0),
        ({"inputDataType": "INT2", "mBits": 6, "bBits": 6}, 0),  # too small for a block
        ({"inputDataType": "INT2", "mBits": 7, "bBits": 6}, 0),  # not worth one
        ({"bBits": 48}, 0),
    ],
)
def test_a_lane_is_a_dsp_block_where_it_fits_and_pays(changes, blocks):
    kernel = requantise(**changes)
    kernel.check()
    assert kernel.dsp_estimation("") == blocks


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PE": 4}, "PE = 4 must divide NumChannels = 6"),
        (
            {"numInputVectors": [2, 2]},
            "numInputVectors = [2, 2] must be [1, rows, columns] or [1]",
        ),
        ({"inputDataType": "UINT8"}, "inputDataType = UINT8 must be a signed integer"),
        ({"outputDataType": "BIPOLAR"}, "outputDataType = BIPOLAR must be a signed integer"),
        ({"mBits": 1}, "mBits = 1 must be 2 to 48"),
        ({"bBits": 49}, "bBits = 49 must be 2 to 48"),
        ({"shift": -1}, "shift = -1 must be 0 to 17"),
        ({"shift": 18}, "shift = 18 must be 0 to 17"),
        (
            {"PE": 6, "mulStyle": "dsp"},
            "mulStyle = dsp must be lut: with PE = NumChannels = 6 each lane's m is a constant",
        ),
        (
            {"mBits": 26, "mulStyle": "dsp"},
            "mulStyle = dsp must be lut: a DSP block can't multiply 9 bits by 26: it "
            "takes 18 by 25 with a product of at least 9 and a sum of at most 48",
        ),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        requantise(**changes).check()
    assert str(error.value) == f"Requantise_0: {message}"
