"""The fewest bits that scale a layer's accumulators as exact fractions do.

One shift serves all channels of a layer. A channel whose factor is a tiny fraction asks for a long
shift, and so for wide multipliers in all others, though over the accumulators that there are, and
within a stream's range, a shorter fraction rounds the same. That is decided where the rounded
value changes, one accumulator to the next: it must change at the same ones.
"""

from dataclasses import dataclass

import numpy as np

from irnet_hw.compiler.graph import Ints

#: Beyond all bounds that are looked for.
FAR = 2**62


@dataclass(frozen=True)
class Scaling:
    """q = (m x + b) >> shift in each channel.

    Attributes:
        multipliers: m, [channels].
        offsets: b.
        shift: at least 0.
    """

    multipliers: Ints
    offsets: Ints
    shift: int


def narrow(exact: Scaling, low: Ints, high: Ints, least: int, most: int) -> Scaling:
    """Return the scaling of the shortest shift that gives the same q, limited to a range.

    Args:
        exact: the scaling to be matched; |m x| + |b| below 2^62.
        low: the least x, [channels].
        high: the greatest x.
        least: all q up to this one may be taken for one another.
        most: all q from this one on, too.
    """
    # Where a channel falls, x is taken negative, and it rises.
    falls = exact.multipliers < 0
    low, high = np.where(falls, -high, low), np.where(falls, -low, high)
    rising = Scaling(np.abs(exact.multipliers), exact.offsets, exact.shift)
    levels = np.arange(least + 1, most + 1)
    first = _first(rising, low, high, levels)
    for shift in range(exact.shift):
        found = _scaling(rising, shift, levels, first, low, high)
        if found is not None:
            break
    else:
        found = rising
    return Scaling(
        np.where(falls, -found.multipliers, found.multipliers), found.offsets, found.shift
    )


def _first(exact: Scaling, low: Ints, high: Ints, levels: Ints) -> Ints:
    """Return the least x whose q reaches each level, [channels, levels].

    Where all do it is ``low`` or less, where none does more than ``high``.
    """
    m, b = exact.multipliers[:, np.newaxis], exact.offsets[:, np.newaxis]
    constant = np.where(b >> exact.shift >= levels, low[:, np.newaxis], high[:, np.newaxis] + 1)
    rising = -((b - (levels << exact.shift)) // np.maximum(m, 1))
    return np.where(m > 0, rising, constant)


def _scaling(
    exact: Scaling, shift: int, levels: Ints, first: Ints, low: Ints, high: Ints
) -> Scaling | None:
    """Return a scaling of that shift under which levels are first reached where they are to be."""
    reached, missed = first <= high[:, np.newaxis], first > low[:, np.newaxis]
    x_reached = np.maximum(first, low[:, np.newaxis])
    x_missed = np.minimum(first - 1, high[:, np.newaxis])
    ends = levels << shift
    multipliers, offsets = np.zeros_like(exact.multipliers), np.zeros_like(exact.offsets)
    done = np.zeros(len(multipliers), bool)
    down = (exact.multipliers << shift) >> exact.shift
    up = -((-exact.multipliers << shift) >> exact.shift)
    for m in (down, up):
        products = m[:, np.newaxis]
        least = np.where(reached, ends - products * x_reached, -FAR).max(axis=1)
        most = np.where(missed, ends - 1 - products * x_missed, FAR).min(axis=1)
        new = ~done & (least <= most)
        multipliers = np.where(new, m, multipliers)
        offsets = np.where(new, np.clip(0, least, most), offsets)
        done |= new
    return Scaling(multipliers, offsets, shift) if done.all() else None
