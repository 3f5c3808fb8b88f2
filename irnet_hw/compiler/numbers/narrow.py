"""The fewest bits that scale a layer's accumulators exactly like the exact fractions.

All channels of a layer share one shift. A channel with a tiny factor needs a long shift, and thus
wide multipliers in all other channels, although over the possible accumulators and within the
stream's range a shorter fraction rounds the same. Two scalings are equal if the rounded value
changes at the same accumulators.
"""

from dataclasses import dataclass

import numpy as np

from irnet_hw.compiler.graph import Ints

#: Beyond all bounds that may be found.
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
    """Return the scaling with the shortest shift that gives the same q within a range.

    Args:
        exact: the scaling to match; |m x| + |b| below 2^62.
        low: the least x, [channels].
        high: the greatest x.
        least: all q up to this one are equivalent.
        most: all q from this one on are equivalent.
    """
    # Negate x in falling channels, so that all channels rise.
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

    If all do, it is ``low`` or less; if none does, more than ``high``.
    """
    m, b = exact.multipliers[:, np.newaxis], exact.offsets[:, np.newaxis]
    constant = np.where(b >> exact.shift >= levels, low[:, np.newaxis], high[:, np.newaxis] + 1)
    rising = -((b - (levels << exact.shift)) // np.maximum(m, 1))
    return np.where(m > 0, rising, constant)


def _scaling(
    exact: Scaling, shift: int, levels: Ints, first: Ints, low: Ints, high: Ints
) -> Scaling | None:
    """Return a scaling with that shift that first reaches each level at the same x, if any."""
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
