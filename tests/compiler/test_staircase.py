"""Staircases and scalings against all values that their channels can have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.compiler.numbers.staircase import (
    FAR,
    MOST_FACTOR,
    Scaling,
    by_bisection,
    constant,
    of_table,
    scaling_between,
    scaling_of_stairs,
)


def everywhere(low: int, high: int, channels: int = 1) -> np.ndarray:
    return np.repeat(np.arange(low, high + 1)[:, np.newaxis], channels, axis=1)


@st.composite
def tables(draw: st.DrawFn, step: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """All x of a few channels, and y that rise in some and fall in others."""
    low, size, channels = (
        draw(st.integers(-20, 20)),
        draw(st.integers(1, 12)),
        draw(st.integers(1, 4)),
    )
    step = step or draw(st.integers(1, 3))
    columns = []
    for _ in range(channels):
        rises = draw(st.lists(st.sampled_from([0, 0, 0, 1, 2, 7]), min_size=size, max_size=size))
        y = draw(st.integers(-9, 9)) + step * np.cumsum(rises)
        columns.append(y if draw(st.booleans()) else y[::-1])
    return everywhere(low, low + size - 1, channels), np.stack(columns, axis=1)


@given(tables())
def test_a_table_becomes_a_staircase(table: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = table
    stairs = of_table(x, y)
    assert stairs is not None
    assert np.array_equal(stairs(x), y)
    assert np.all(np.diff(stairs.thresholds, axis=1) >= 0)
    # Beyond the table, it stays between the least and the greatest result.
    far = np.stack([x[0] - 1000, x[-1] + 1000])
    assert stairs.base <= stairs(far).min()
    assert stairs(far).max() <= stairs.most


def test_channels_with_a_narrower_range_repeat_their_ends() -> None:
    x = np.clip(everywhere(-4, 5, 3), [-4, -1, 2], [5, 3, 2])
    y = np.stack([np.maximum(x[:, 0], 0), -(x[:, 1] // 2), np.full(10, 3)], axis=1)
    stairs = of_table(x, y)
    assert stairs is not None
    assert np.array_equal(stairs(x), y)


@pytest.mark.parametrize("y", [[0, 1, 0], [2, 0, 1], [0, 0, 5, 5, 4]])
def test_what_rises_and_falls_is_not_a_staircase(y: list[int]) -> None:
    assert of_table(everywhere(0, len(y) - 1), np.array(y)[:, np.newaxis]) is None


@pytest.mark.parametrize("y", [-1, 1, 0, 5, -7])
def test_a_constant_is_a_staircase(y: int) -> None:
    x = np.clip(everywhere(-3, 4, 2), [-3, 0], [4, 0])
    low, high = x.min(axis=0), x.max(axis=0)
    for stairs in (constant(low, high, y), of_table(x, np.full_like(x, y))):
        assert stairs is not None
        assert np.all(stairs(x) == y)
    # Constants of 1 and -1 may be signs, whose base is -1 and whose step is 2.
    if abs(y) == 1:
        assert (stairs.base, stairs.step) == (-1, 2)


@given(tables(step=2))
def test_bisection_finds_the_same(table: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = table
    low, columns = int(x[0, 0]), np.arange(x.shape[1])

    def function(at: np.ndarray) -> np.ndarray:
        assert at.min() >= low, "asks for nothing outside of the range"
        assert at.max() <= x[-1, 0]
        return y[at - low, columns]

    stairs = by_bisection(function, x[0], x[-1], int(y.min()), 1, int(y.max()))
    assert np.array_equal(stairs(x), y)


def test_bisection_over_a_range_that_no_table_could_hold() -> None:
    bounds = np.array([2**31 - 7, -5, -(2**31) + 3])
    low, high = np.full(3, -(2**31)), np.full(3, 2**31 - 1)
    stairs = by_bisection(lambda x: np.where(x >= bounds, 1, -1), low, high, -1, 2, 1)
    assert stairs.thresholds[:, 0].tolist() == bounds.tolist()


# ------------------------------------------------------------------ scalings


def apply(scaling: Scaling, x: np.ndarray) -> np.ndarray:
    return (scaling.multipliers * x + scaling.offsets) >> scaling.shift


def shortest(x: np.ndarray, lower: np.ndarray, upper: np.ndarray, most: int) -> int | None:
    """The shortest shift at which some m and b keep all y of a channel between bounds."""
    for shift in range(most + 1):
        for m in range(-(8 << shift), (8 << shift) + 1):
            b = max(int((low << shift) - m * at) for at, low in zip(x, lower, strict=True))
            if all((m * at + b) >> shift <= high for at, high in zip(x, upper, strict=True)):
                return shift
    return None


@st.composite
def lines(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """All x of a few channels, and y on straight lines of rational slopes."""
    low, size, channels = (
        draw(st.integers(-30, 10)),
        draw(st.integers(1, 40)),
        draw(st.integers(1, 3)),
    )
    x = everywhere(low, low + size - 1, channels)
    slopes = draw(
        st.lists(st.fractions(-3, 3, max_denominator=40), min_size=channels, max_size=channels)
    )
    offsets = draw(st.lists(st.fractions(-9, 9), min_size=channels, max_size=channels))
    y = [
        [
            int((slope * int(at) + offset) // 1)
            for slope, offset in zip(slopes, offsets, strict=True)
        ]
        for at in x[:, 0]
    ]
    return x, np.array(y, np.int64)


@given(lines(), st.booleans())
def test_a_straight_staircase_becomes_a_scaling(
    line: tuple[np.ndarray, np.ndarray], saturates: bool
) -> None:
    x, y = line
    least, most = (int(y.min()), int(y.max())) if saturates else (-(10**6), 10**6)
    if saturates:  # the ends take the place of all that is beyond
        y = np.clip(y, least + 1, max(most - 1, least + 1))
        least, most = least + 1, max(most - 1, least + 1)
    stairs = of_table(x, y)
    assert stairs is not None
    if stairs.step != 1 or stairs.thresholds.shape[1] != int(y.max() - y.min()):
        return  # a constant of 1 or -1 is told as a sign
    found = scaling_of_stairs(stairs, x[0], x[-1], least, most)
    assert found is not None
    assert np.array_equal(np.clip(apply(found, x), least, most), y)


@given(lines(), st.integers(0, 2), st.integers(0, 2))
def test_scaling_between_bounds(
    line: tuple[np.ndarray, np.ndarray], below: int, above: int
) -> None:
    x, y = line
    found = scaling_between(x, y - below, y + above)
    assert found is not None
    result = apply(found, x)
    assert np.all(y - below <= result)
    assert np.all(result <= y + above)
    if x.shape[1] == 1 and found.shift > 0:
        best = shortest(x[:, 0], y[:, 0] - below, y[:, 0] + above, min(found.shift - 1, 4))
        assert best is None, f"{found.shift} bits are shifted away, {best} are enough"


@given(lines(), st.integers(0, 40), st.integers(0, 40))
def test_where_there_is_no_bound(
    line: tuple[np.ndarray, np.ndarray], first: int, last: int
) -> None:
    x, y = line
    lower, upper = y.copy(), y.copy()
    lower[:first] = -FAR
    upper[len(y) - last :] = FAR
    found = scaling_between(x, lower, upper)
    assert found is not None
    assert np.all(apply(found, x) >= lower)
    assert np.all(apply(found, x) <= upper)


@pytest.mark.parametrize("y", [[0, 1, 5], [0, 5, 6], [0, 0, 3, 3, 6, 6, 9], [0, 3, 1]])
def test_no_straight_line(y: list[int]) -> None:
    x, bounds = everywhere(0, len(y) - 1), np.array(y)[:, np.newaxis]
    found = scaling_between(x, bounds, bounds)
    assert (found is None) == (shortest(x[:, 0], np.array(y), np.array(y), 6) is None)


def test_factors_are_limited() -> None:
    x = everywhere(-(2**20), 2**20)[:: 2**20]
    found = scaling_between(x, x * 2**30, x * 2**30)
    assert found is None or np.abs(found.multipliers).max() < MOST_FACTOR
