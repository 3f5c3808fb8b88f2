import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from tests.kernels.nodes import node

EVEN = {
    "IFMDim": [8, 8],
    "IFMChannels": 6,
    "PoolDim": [2, 2],
    "PE": 3,
    "inputDataType": "BIPOLAR",
    "outputDataType": "BIPOLAR",
}


def pool(**changes):
    return node("BitMaxPool", ("x", "mask"), **{**EVEN, **changes})


@given(
    image=st.tuples(st.integers(3, 9), st.integers(3, 9)),
    window=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    seed=st.integers(0, 2**32 - 1),
)
def test_sign_of_the_maximum_is_pooled_sign(image, window, seed):
    """Whatever the sign of gamma, pooling signs equals the sign of pooled values."""
    rng = np.random.default_rng(seed)
    (h, w), (kh, kw) = image, window
    values = rng.integers(-9, 10, (2, h, w, 6))
    gamma, beta = rng.choice([-3, -1, 1, 3], 6), rng.integers(-9, 10, 6)
    kernel = pool(IFMDim=list(image), PoolDim=list(window))
    kernel.check()
    signs = np.where(values * gamma + beta >= 0, 1, -1)
    y = kernel.compute(signs, (gamma < 0).astype(np.int64))
    assert y.shape[1:] == kernel.get_normal_output_shape()[1:]
    for r in range(h // kh):
        for c in range(w // kw):
            largest = values[:, r * kh : (r + 1) * kh, c * kw : (c + 1) * kw].max((1, 2))
            assert (y[:, r, c] == np.where(largest * gamma + beta >= 0, 1, -1)).all()


def test_cycles_are_the_beats_in():
    assert pool().get_exp_cycles() == 8 * 8 * 2


def test_folds_are_the_divisors_of_the_channels():
    assert [fold["PE"] for fold in pool().folds()] == [1, 2, 3, 6]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PoolDim": [2]}, "PoolDim = [2] must be 2 integers, each at least 1"),
        ({"IFMDim": [0, 8]}, "IFMDim = [0, 8] must be 2 integers, each at least 1"),
        ({"PoolDim": [2, 9]}, "PoolDim = [2, 9] must fit into the image, IFMDim = [8, 8]"),
        ({"PE": 4}, "PE = 4 must divide IFMChannels = 6"),
        ({"inputDataType": "INT2"}, "inputDataType = INT2, must be BIPOLAR"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        pool(**changes).check()
    assert str(error.value) == f"BitMaxPool_0: {message}"
