"""Affine maps in which every product and sum is exact in float32.

A channel's map y = scale (x - centre) + offset becomes y' = a x + b with a = m 2^-k and
b = r g 2^-k, where g is the step of x and m, k and r are integers. Products and sums are then
integers times g 2^-k. Values added to y' later have a step and a magnitude too; k is the largest
exponent for which all sums stay below 2^24 times the smaller of the two steps.

b is chosen after a, so that the rounding of a has no effect where x is the centre:

    |y' - y| <= 2^-k / 2 |x - centre| + g 2^-k / 2
"""

from dataclasses import dataclass
from typing import NoReturn

import torch
from torch import Tensor

from irnet_hw.errors import UserError
from irnet_hw.quant.grid import EXACT_INTEGERS, Grid

#: The largest factor: 11 bits plus the sign.
LARGEST_FACTOR = 2**11 - 1


@dataclass(frozen=True)
class Dyadic:
    """An exact affine map per channel; float64 [C] or [].

    Attributes:
        factor: m, integers.
        exponent: k, integers.
        scale: a.
        shift: b.
        grid: the possible values of y'.
    """

    factor: Tensor
    exponent: Tensor
    scale: Tensor
    shift: Tensor
    grid: Grid


def dyadic(
    scale: Tensor, centre: Tensor, offset: Tensor, grid: Grid, room: Grid, name: str
) -> Dyadic:
    """Return the exact map closest to scale (x - centre) + offset in each channel.

    Args:
        scale: float64 [C] or [].
        centre: float64 [C] or [].
        offset: float64 [C] or [].
        grid: the possible values of x.
        room: the values added to y' later.
        name: the layer's name, for messages.

    Raises:
        UserError: a channel's values are too large for float32 to hold their sums exactly.

    Example:
        >>> one = torch.ones(1, dtype=torch.float64)
        >>> found = dyadic(one / 3, one * 0, one, Grid.of(2, 90), Grid.of(2**-8, 1), "norm")
        >>> found.factor.tolist(), found.exponent.tolist()
        ([1365.0], [12.0])
    """
    room_size = room.step * room.peak
    # Upper bounds on the exponent: beyond them the factor or the added values are too large.
    by_factor = torch.log2(2 * LARGEST_FACTOR / scale.abs().clamp_min(torch.finfo().tiny))
    by_room = torch.log2(grid.step * EXACT_INTEGERS / room_size) + 1
    exponent = torch.minimum(by_factor, by_room).floor()
    while True:
        found = _rounded(scale, centre, offset, grid, exponent)
        unfit = (found.factor.abs() > LARGEST_FACTOR) | (
            found.grid.plus(room).peak >= EXACT_INTEGERS
        )
        if not unfit.any():
            return found
        hopeless = unfit & (found.factor.abs() <= 1) & (found.grid.step >= room.step)
        if hopeless.any():
            size = scale.abs() * (grid.step * grid.peak + centre.abs()) + offset.abs()
            _refuse(size, hopeless, room, name)
        exponent = exponent - unfit.double()


def _rounded(scale: Tensor, centre: Tensor, offset: Tensor, grid: Grid, exponent: Tensor) -> Dyadic:
    unit = torch.exp2(-exponent)
    factor = torch.round(scale / unit)
    step = grid.step * unit
    shift = torch.round((offset - centre * factor * unit) / step)
    peak = factor.abs() * grid.peak + shift.abs()
    return Dyadic(factor, exponent, factor * unit, shift * step, Grid(step, peak))


def _refuse(size: Tensor, hopeless: Tensor, room: Grid, name: str) -> NoReturn:
    channel = int(hopeless.flatten().nonzero()[0])
    raise UserError(
        f"{name}: channel {channel} reaches {size.flatten()[channel]:.3g}, must stay below "
        f"{EXACT_INTEGERS * float(room.step.min()):g}, where float32 still has steps of "
        f"{float(room.step.min()):g}; its variance may be near 0"
    )
