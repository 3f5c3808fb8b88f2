import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.compiler.numbers.narrow import Scaling, narrow


def q(scaling: Scaling, x: np.ndarray) -> np.ndarray:
    """The rounded values of each channel's x, [channels, x]."""
    products = x * scaling.multipliers[:, np.newaxis] + scaling.offsets[:, np.newaxis]
    return products >> scaling.shift


CHANNEL = st.tuples(st.integers(-3000, 3000), st.integers(-(2**20), 2**20))


@given(
    st.lists(CHANNEL, min_size=1, max_size=5),
    st.integers(0, 16),
    st.integers(-40, 40),
    st.integers(0, 300),
    st.integers(1, 7),
)
def test_rounds_the_same_in_fewer_bits(
    channels: list[tuple[int, int]], shift: int, low: int, width: int, bits: int
) -> None:
    exact = Scaling(*(np.array(values) for values in zip(*channels, strict=True)), shift)
    least, most = -(2**bits), 2**bits - 1
    ends = [np.full(len(channels), end) for end in (low, low + width)]
    found = narrow(exact, *ends, least, most)
    assert found.shift <= shift
    x = np.arange(low, low + width + 1)
    wanted = np.clip(q(exact, x), least, most)
    assert np.array_equal(np.clip(q(found, x), least, most), wanted)


def test_a_tiny_factor_does_not_widen_the_others() -> None:
    """1/2^20 never moves x / 2 + 3 across a step while x is far below 2^20."""
    exact = Scaling(np.array([1, 2**19]), np.array([2**18, 3 * 2**20]), 20)
    found = narrow(exact, np.array([-100, -100]), np.array([100, 100]), -128, 127)
    assert found.shift == 1
    assert found.multipliers.tolist() == [0, 1]
    assert found.offsets.tolist() == [0, 6]
