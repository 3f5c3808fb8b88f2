"""What a module of a trained network becomes in the exported one: the terms, and the registry.

Every replacement computes exactly in float32 or with roundings that all evaluators do alike,
and comes with a bound on how far it may lie from the trained module, derived from the
magnitudes that enter it and from the number of float32 roundings on the way (the standard
model of floating-point arithmetic: fl(a op b) = (a op b)(1 + d), |d| <= 2^-24).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Literal

import torch
from torch import Tensor, nn

from irnet_hw.errors import UserError

#: The unit roundoff of float32, and the first integer beyond which it has gaps.
UNIT = 2.0**-24
EXACT_INTEGERS = 2**24

#: More than what a few roundings lose where a value falls below float32's normal numbers.
UNDERFLOW = 2.0**-120


@dataclass(frozen=True)
class Grid:
    """The values a tensor can take: integers times a step.

    Attributes:
        step: float64, a power of two for the tensor ([]) or for each channel ([C]).
        peak: float64, the largest magnitude of the integers, likewise.
        times: the values are so many times the trained network's.
    """

    step: Tensor
    peak: Tensor
    times: int = 1

    @classmethod
    def of(cls, step: float, peak: float) -> "Grid":
        """Return the grid of a tensor."""
        return cls(torch.tensor(step).double(), torch.tensor(peak).double())

    def common(self) -> "Grid":
        """Return the grid with one step and peak for all channels."""
        step = self.step.min()
        return Grid(step, (self.peak * (self.step / step)).max(), self.times)

    def plus(self, other: "Grid") -> "Grid":
        """Return the grid of the sums with values of another grid."""
        step = torch.minimum(self.step, other.step)
        return Grid(step, self.peak * (self.step / step) + other.peak * (other.step / step))

    def checked(self, name: str) -> "Grid":
        """Return the grid itself, if float32 holds all of its values.

        Raises:
            UserError: it doesn't.
        """
        peak = float(self.peak.max())
        if peak >= EXACT_INTEGERS:
            raise UserError(
                f"{name}: its sums reach {peak:,.0f} times their smallest step, must stay below "
                f"{EXACT_INTEGERS:,}, where float32 is exact; use fewer inputs, fewer bits for "
                "weights or activations, smaller biases or coarser steps"
            )
        return self


#: Given a module's float64 input and a bound on that input's error, the bound on its output's.
#: Of a sum: given the sum, and the sum of the bounds.
Bound = Callable[[Tensor, Tensor], Tensor]

#: What a layer hands to the next one.
Boundary = Literal["sign", "stream"]


@dataclass(frozen=True)
class Layer:
    """A module of the exported network, or a sum.

    Attributes:
        module: the replacement; a sum has none.
        grid: what its output can be, or None for any float32.
        bound: how far its output may lie from the trained module's; None where only the sign
            of the output is the same.
        boundary: what it gives, if that goes on to the next layer.
    """

    module: nn.Module | None
    grid: Grid | None
    bound: Bound | None
    boundary: Boundary | None = None


@dataclass(frozen=True)
class Place:
    """Where a module stands in a network.

    Attributes:
        name: the module's, for messages.
        grid: what its input can be; None for any float32.
        shape: of its input for one image.
        room: what is added to its output until a stream rounds it; None where no stream does.
        normed: whether all that see its output are batch norms or signs, which take any factor.
    """

    name: str
    grid: Grid | None
    shape: tuple[int, ...] = ()
    room: Grid | None = None
    normed: bool = False


def gamma(roundings: int) -> float:
    """Return the bound on the relative error of that many float32 roundings."""
    return roundings * UNIT / (1 - roundings * UNIT)


@singledispatch
def exact(module: nn.Module, place: Place) -> Layer:
    """Return the exact replacement of a trained module in eval mode.

    Args:
        module: from the trained network; stays as it is.
        place: where it stands.

    Raises:
        UserError: modules of this type, or set up in this way, can't be exported.
    """
    known = sorted(kind.__name__ for kind in exact.registry if kind is not object)
    raise UserError(
        f"{place.name}: {type(module).__name__} modules can't be exported; "
        f"those that can: {', '.join(known)}"
    )


def listed(values: Tensor) -> str:
    """Return a tensor's distinct values, the first few of them."""
    distinct = sorted(set(values.detach().flatten().tolist()))
    shown = ", ".join(f"{value:g}" for value in distinct[:4])
    return shown + (", ..." if len(distinct) > 4 else "")
