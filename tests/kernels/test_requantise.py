import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from tests.kernels.nodes import node
from tests.rtl.harness import random_tensor

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
    widths=st.tuples(st.integers(2, 32), st.integers(2, 48), st.integers(2, 48)),
    shift=st.integers(0, 46),
    bits=st.integers(2, 9),
    signed=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_integers(widths, shift, bits, signed, seed):
    """Python's integers round down in division and have unlimited width."""
    assume(shift <= max(widths[0] + widths[1], widths[2]))
    rng = np.random.default_rng(seed)
    x, m, b = (
        random_tensor(rng, shape, f"INT{width}")
        for shape, width in zip(((2, 2, 3, 6), (6,), (6,)), widths, strict=True)
    )
    kernel = requantise(
        inputDataType=f"INT{widths[0]}",
        mBits=widths[1],
        bBits=widths[2],
        shift=shift,
        outputDataType=f"INT{bits}" if signed else f"UINT{bits}",
    )
    kernel.check()
    y = kernel.compute(x, m, b)
    assert y.dtype == np.int64
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    for place, value in np.ndenumerate(x):
        exact = (int(value) * int(m[place[-1]]) + int(b[place[-1]])) // 2**shift
        assert y[place] == max(least, min(most, exact))


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
        ({"outputDataType": "BIPOLAR"}, "outputDataType = BIPOLAR must hold 0 to 1"),
        (
            {"outputDataType": "TERNARY"},
            "outputDataType = TERNARY must be BIPOLAR, INT2 to INT32 or UINT1 to UINT32",
        ),
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
