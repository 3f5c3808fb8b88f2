"""The values of a tensor as integers times a step, whose sums float32 must hold exactly."""

from dataclasses import dataclass

import torch
from torch import Tensor

from irnet_hw.errors import UserError

#: The integer beyond which float32 has gaps.
EXACT_INTEGERS = 2**24


@dataclass(frozen=True)
class Grid:
    """The values a tensor can take: integers times a step.

    Attributes:
        step: float64, a power of two for the tensor ([]) or for each channel ([C]).
        peak: float64, the largest magnitude of the integers, likewise.
        times: the values are this many times the trained network's.
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
        """Return the grid of sums with values of another grid."""
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


def sums(weight: Tensor, scale: Tensor, grid: Grid) -> Grid:
    """Return the possible sums of a layer's weights times inputs, for each output channel.

    Args:
        weight: the quantized weights, with the output channels first.
        scale: their steps, one for each output channel or one for all, in any shape.
        grid: the possible inputs, with one step for all channels.
    """
    steps = scale.double().reshape(-1).expand(len(weight))
    magnitudes = weight.double().abs().flatten(1).sum(1) / steps
    return Grid(steps * grid.step, magnitudes * grid.peak)
