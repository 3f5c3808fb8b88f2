"""The least area within a board's resources, and how far it may be from the best there is.

Area is the sum of the parts that an accelerator takes of a board's resources. Without regard to
what a resource holds, the planner's plan is the best one. Where that overruns a resource, a
charge is put on it (a Lagrange multiplier). Whatever the charges, the cheapest plan with them,
less the charges for all that the board has, costs no more than any plan that fits: this is the
bound. The charges are moved to raise it (subgradient steps of Polyak's length), and the best plan
that fits is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from irnet_hw.boards import Board
from irnet_hw.compiler.area import RESOURCES
from irnet_hw.compiler.planner import Plan, Task

#: Steps of the charges, at the most.
STEPS = 60
#: A plan is good enough at this distance from the bound.
CLOSE = 1e-3


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes:
        plan: the one of least area that fits; where none was found, that which overruns least.
        fits: whether it fits.
        cost: its area, as the sum of its parts of the board's resources.
        bound: no plan that fits costs less; infinite if there is certainly none.
    """

    plan: Plan
    fits: bool
    cost: float
    bound: float


class Scale:
    """Areas as parts of a board's resources.

    Args:
        board: whose they are.
    """

    def __init__(self, board: Board) -> None:
        self._have = _numbers(board.resources)
        self._usable = _numbers(board.usable)

    def cost(self, area: Mapping[str, int]) -> float:
        """Return the sum of the parts of what the board has."""
        return float(np.sum(_numbers(area) / self._have))

    def prices(self, charges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return what a unit of each resource costs, with charges on what is usable."""
        return 1 / self._have + charges / self._usable

    def excess(self, area: Mapping[str, int]) -> npt.NDArray[np.float64]:
        """Return how far each resource is overrun, as a part of what is usable of it."""
        return _numbers(area) / self._usable - 1


def _numbers(area: Mapping[str, int]) -> npt.NDArray[np.float64]:
    """Return an area's numbers; an absent resource counts heavily, but not without end."""
    return np.array([max(area[key], 1e-9) for key in RESOURCES], float)


def search(task: Task, board: Board) -> Found:
    """Return the plan of least area that fits a board."""
    scale = Scale(board)
    charges = np.zeros(len(RESOURCES))
    best, least, nearest, closest = None, inf, None, inf
    bound, step, stalled = -inf, 1.0, 0
    for _ in range(STEPS):
        plan = task.cheapest(scale.prices(charges))
        excess, cost = scale.excess(plan.area), scale.cost(plan.area)
        if excess.max() <= 0 and cost < least:
            best, least = plan, cost
        if excess.max() < closest:
            nearest, closest = plan, excess.max()
        value = cost + float(charges @ excess)
        stalled = 0 if value > bound else stalled + 1
        bound = max(bound, value)
        # A plan that fits costs at most 1 for each resource.
        most = min(least, float(len(RESOURCES)))
        if bound > most * (1 + 1e-9) or least <= bound * (1 + CLOSE):
            break
        if stalled == 3:
            step, stalled = step / 2, 0
        slope = np.where((charges > 0) | (excess > 0), excess, 0)
        if not slope.any():
            break
        charges = np.maximum(charges + step * (most - value) / (slope @ slope) * slope, 0)
    if best is not None:
        return Found(best, True, least, min(bound, least))
    assert nearest is not None, "no step was made"
    impossible = bound > len(RESOURCES) * (1 + 1e-9)
    return Found(nearest, False, scale.cost(nearest.area), inf if impossible else bound)
