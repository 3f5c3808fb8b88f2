"""Staircases: functions of an integer whose results are integers that only rise, or only fall."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from irnet_hw.compiler.graph import Ints

#: Beyond all bounds that may be found.
FAR = 2**62
#: The longest fraction of a scaling, and the limit of its multipliers and offsets.
MOST_SHIFT = 46
MOST_FACTOR = 2**47


@dataclass(frozen=True)
class Staircase:
    """y = base + step * c, where c counts the thresholds that x has reached.

    In a falling channel, c counts those that it has not reached.

    Attributes:
        thresholds: ascending in each channel, [channels, steps].
        falls: 1 for channels in which y falls, else 0, [channels].
        base: the least y.
        step: between one y and the next.
    """

    thresholds: Ints
    falls: Ints
    base: int
    step: int

    @property
    def most(self) -> int:
        """The greatest y."""
        return self.base + self.step * int(self.thresholds.shape[1])

    def __call__(self, x: Ints) -> Ints:
        """Return y for several x in each channel, [values, channels]."""
        reached = (x[..., np.newaxis] >= self.thresholds).sum(axis=-1)
        count = np.where(self.falls == 1, self.thresholds.shape[1] - reached, reached)
        found: Ints = self.base + self.step * count
        return found


def of_table(x: Ints, y: Ints) -> Staircase | None:
    """Return the staircase through all points, or None if y rises and falls in some channel.

    Args:
        x: integers of each channel, ascending by at most 1, [values, channels].
        y: the results.
    """
    change = np.diff(y, axis=0)
    falls = np.any(change < 0, axis=0)
    if np.any(falls & np.any(change > 0, axis=0)):
        return None
    base, step = int(y.min()), int(np.gcd.reduce((y - y.min()).reshape(-1)))
    if step == 0:
        return constant(x[0], x[-1], base)
    levels = np.arange(base + step, int(y.max()) + 1, step)
    columns = []
    for level in levels:
        reached = y >= level
        # The first x at which the level is reached, or in a falling channel no longer reached.
        begun = np.where(falls, ~reached, reached)
        first = np.where(begun.any(axis=0), x[begun.argmax(axis=0), np.arange(x.shape[1])], 0)
        columns.append(np.where(begun.any(axis=0), first, x[-1] + 1))
    return Staircase(np.sort(np.stack(columns, axis=1), axis=1), falls.astype(np.int64), base, step)


def constant(low: Ints, high: Ints, y: int) -> Staircase:
    """Return the staircase of a function that is the same everywhere."""
    signs = abs(y) == 1
    thresholds = low if y == 1 else high + 1
    return Staircase(
        thresholds[:, np.newaxis], np.zeros_like(low), -1 if signs else y, 2 if signs else 1
    )


def by_bisection(
    function: Callable[[Ints], Ints], low: Ints, high: Ints, base: int, step: int, most: int
) -> Staircase:
    """Return the staircase of a function that is known to be monotone in each channel.

    Args:
        function: y for several x in each channel, [values, channels].
        low: the least x, [channels].
        high: the greatest.
        base: the least y that can occur.
        step: between one y and the next.
        most: the greatest y.
    """
    ends = function(np.stack([low, high]))
    if base == most:
        return constant(low, high, base)
    falls = ends[0] > ends[1]
    levels = np.arange(base + step, most + 1, step)[:, np.newaxis]
    first = np.broadcast_to(low, (len(levels), len(low))).copy()
    beyond = np.broadcast_to(high + 1, first.shape).copy()
    while np.any(first < beyond):
        middle = (first + beyond) // 2
        reached = function(np.minimum(middle, high)) >= levels
        begun = np.where(falls, ~reached, reached)
        searching = first < beyond
        beyond = np.where(searching & begun, middle, beyond)
        first = np.where(searching & ~begun, middle + 1, first)
    return Staircase(np.sort(first.T, axis=1), falls.astype(np.int64), base, step)


@dataclass(frozen=True)
class Scaling:
    """y = (m x + b) >> shift in each channel.

    Attributes:
        multipliers: m, [channels].
        offsets: b.
        shift: at least 0.
    """

    multipliers: Ints
    offsets: Ints
    shift: int


def scaling_of_stairs(
    stairs: Staircase, low: Ints, high: Ints, least: int, most: int
) -> Scaling | None:
    """Return the scaling with the shortest shift that gives a staircase's y.

    Args:
        stairs: with a step of 1.
        low: the least x, [channels].
        high: the greatest.
        least: below this one the result saturates, so that all y up to it are equivalent.
        most: above this one it does.

    Returns:
        None if the steps are too uneven for a straight line.
    """
    falls = stairs.falls == 1
    levels = np.arange(stairs.base + 1, stairs.most + 1)
    # Negate x in falling channels, so that all rise.
    first = np.where(falls[:, np.newaxis], 1 - stairs.thresholds[:, ::-1], stairs.thresholds)
    start, end = np.where(falls, -high, low), np.where(falls, -low, high)
    lines = []
    for channel in range(len(low)):
        x, u = int(start[channel]), int(end[channel])
        reached, missed = first[channel] <= u, first[channel] > x
        on = [*zip(np.maximum(first[channel], x)[reached], levels[reached], strict=True)]
        below = [*zip(np.minimum(first[channel] - 1, u)[missed], levels[missed], strict=True)]
        if stairs.base > least:
            on.append((x, stairs.base))
        if stairs.most < most:
            below.append((u, stairs.most + 1))
        lines.append(_Line(np.array(on, np.int64), np.array(below, np.int64)))
    return _shortest(lines, falls)


def scaling_between(x: Ints, lower: Ints, upper: Ints) -> Scaling | None:
    """Return the scaling with the shortest shift whose y lie between bounds.

    Args:
        x: integers of each channel, ascending, [values, channels].
        lower: the least y for each; -FAR where y is unbounded.
        upper: the greatest y; FAR where it is unbounded.

    Returns:
        None if no straight line lies between the bounds.
    """
    # Where no bound is below an earlier one, a line that does not fall fits, if any line does.
    falls = np.any(np.maximum.accumulate(lower, axis=0) > upper, axis=0)
    lines = []
    for channel in range(x.shape[1]):
        order = slice(None, None, -1) if falls[channel] else slice(None)
        at = (-x if falls[channel] else x)[order, channel]
        least, most = lower[order, channel], upper[order, channel]
        # As the line rises, only bounds that are tighter than all before or behind them count.
        best = np.maximum.accumulate(np.concatenate([[-FAR], least]))[:-1]
        on = least > best
        worst = np.minimum.accumulate(np.concatenate([[FAR], most[::-1]]))[:-1][::-1]
        below = most < worst
        lines.append(
            _Line(
                np.stack([at[on], least[on]], axis=1),
                np.stack([at[below], most[below] + 1], axis=1),
            )
        )
    return _shortest(lines, falls)


def _shortest(lines: Sequence["_Line"], falls: npt.NDArray[np.bool_]) -> Scaling | None:
    for shift in range(MOST_SHIFT + 1):
        found = []
        for line in lines:
            pair = line.integers(shift)
            if pair is None:
                break
            found.append(pair)
        else:
            m, b = (np.array(numbers, np.int64) for numbers in zip(*found, strict=True))
            return Scaling(np.where(falls, -m, m), b, shift)
    return None


class _Line:
    """The rising straight lines that are at least at some points, and below others.

    Args:
        on: where the line is at least y, rows of (x, y).
        below: where it is less than y.
    """

    def __init__(self, on: Ints, below: Ints) -> None:
        self._on, self._below = on.reshape(-1, 2), below.reshape(-1, 2)
        run = self._on[:, :1] - self._below[:, 0]
        rise = self._on[:, 1:] - self._below[:, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = rise / run
        self._least = float(np.max(slope, initial=0.0, where=run > 0))
        self._most = float(np.min(slope, initial=np.inf, where=run < 0))

    def integers(self, shift: int) -> tuple[int, int] | None:
        """Return m and b for a shift, if there are any."""
        first = int(self._least * 2.0**shift)
        most = self._most * 2.0**shift
        last = first + 1 if most == np.inf else int(most) + 1
        if last < first or last >= MOST_FACTOR:
            return None
        middle = (first + last) // 2
        for m in dict.fromkeys((first, middle, middle + 1, first + 1, last)):
            least = np.max((self._on[:, 1] << shift) - m * self._on[:, 0], initial=-FAR)
            most = np.min((self._below[:, 1] << shift) - 1 - m * self._below[:, 0], initial=FAR)
            offset = int(min(max(0, least), most))
            if least <= most and abs(offset) < MOST_FACTOR:
                return m, offset
        return None
