"""How exported modules replace trained ones: definitions, and the registry of replacements.

Every replacement computes exactly in float32, or with roundings that all evaluators perform
identically. It comes with a bound on its deviation from the trained module, derived from the
magnitudes of its inputs and the number of float32 roundings on the way (the standard model of
floating-point arithmetic: fl(a op b) = (a op b)(1 + d), |d| <= 2^-24).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

from torch import Tensor, nn

from irnet_hw.errors import UserError
from irnet_hw.quant.grid import Grid

#: The unit roundoff of float32.
UNIT = 2.0**-24

#: More than a few roundings can lose where a value falls below float32's normal numbers.
UNDERFLOW = 2.0**-120


#: Maps a module's float64 input and a bound on that input's error to a bound on the output's
#: error. For a sum, it takes the sum and the sum of the bounds.
Bound = Callable[[Tensor, Tensor], Tensor]

#: The kind of values that a layer passes to the next one.
Boundary = Literal["sign", "stream"]


@dataclass(frozen=True)
class Layer:
    """A module of the exported network, or a sum.

    Attributes:
        module: the replacement; None for a sum.
        grid: the possible values of its output, or None for any float32.
        bound: bound on the deviation of its output from the trained module's; None if only the
            sign of the output is the same.
        boundary: the kind of its output, if that is passed between layers.
    """

    module: nn.Module | None
    grid: Grid | None
    bound: Bound | None
    boundary: Boundary | None = None


@dataclass(frozen=True)
class Place:
    """The context of a module in a network.

    Attributes:
        name: the module's name, for messages.
        grid: the possible values of its input; None for any float32.
        shape: shape of its input for one image.
        room: the values added to its output before a stream rounds it; None if no stream does.
        normed: whether all consumers of its output are batch norms or signs, which work with any
            factor.
    """

    name: str
    grid: Grid | None
    shape: tuple[int, ...] = ()
    room: Grid | None = None
    normed: bool = False


def gamma(roundings: int) -> float:
    """Return the bound on the relative error of this many float32 roundings."""
    return roundings * UNIT / (1 - roundings * UNIT)


@singledispatch
def exact(module: nn.Module, place: Place) -> Layer:
    """Return the exact replacement of a trained module in eval mode.

    Args:
        module: a module of the trained network; it isn't changed.
        place: its context.

    Raises:
        UserError: modules of this type or with this configuration can't be exported.
    """
    known = sorted(kind.__name__ for kind in exact.registry if kind is not object)
    raise UserError(
        f"{place.name}: {type(module).__name__} modules can't be exported; "
        f"those that can: {', '.join(known)}"
    )


def listed(values: Tensor) -> str:
    """Return the first few distinct values of a tensor as text."""
    distinct = sorted(set(values.detach().flatten().tolist()))
    shown = ", ".join(f"{value:g}" for value in distinct[:4])
    return shown + (", ..." if len(distinct) > 4 else "")
