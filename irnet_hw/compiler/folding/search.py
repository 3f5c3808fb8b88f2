"""The least area within a board's resources, and how far it may be from the best there is.

Area is the sum of the parts that an accelerator takes of what is usable of a board's resources.
Without regard to what a resource holds, the planner's plan is the best one. Where that overruns a
resource, a charge is put on it (a Lagrange multiplier). Whatever the charges, the cheapest plan
with them, less the charges for all that is usable, costs no more than any plan that fits: this is
the bound. The charges are moved to raise it (subgradient steps of Polyak's length), and the best
plan that fits is kept. Charges move all equal layers at once, which may be from one overrun to
another: what a plan overruns, single layers make up for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from irnet_hw.boards import Board
from irnet_hw.compiler.folding.planner import Plan, Task
from irnet_hw.kernels.resources import RESOURCES

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
        cost: its area, as the sum of its parts of what is usable.
        bound: no plan that fits costs less; infinite if there is certainly none, minus infinity
            if none was found.
    """

    plan: Plan
    fits: bool
    cost: float
    bound: float


class Scale:
    """Areas as parts of what is usable of a board's resources.

    What is kept in reserve counts as not there: so LUTs, of which the board keeps some, are not
    spent on what would fit in block RAM that nobody else needs.

    Args:
        board: whose they are.
    """

    def __init__(self, board: Board) -> None:
        self._usable = _numbers(board.usable)

    def cost(self, area: Mapping[str, int]) -> float:
        """Return the sum of the parts."""
        return float(np.sum(_numbers(area) / self._usable))

    def prices(self, charges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return what a unit of each resource costs, with charges."""
        return (1 + charges) / self._usable

    def charged(self, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return what a unit of each resource costs, with charges alone."""
        return weights / self._usable

    def settled(self, task: Task, plan: Plan) -> Plan:
        """Return a plan that single kernels bring within what is usable."""
        return task.settled(plan, 1 / self._usable, self._usable)

    def excess(self, area: Mapping[str, int]) -> npt.NDArray[np.float64]:
        """Return how far each resource is overrun, as a part of what is usable of it."""
        return _numbers(area) / self._usable - 1


def _numbers(area: Mapping[str, int]) -> npt.NDArray[np.float64]:
    """Return an area's numbers; an absent resource counts heavily, but not without end."""
    return np.array([max(area[key], 1e-9) for key in RESOURCES], float)


def search(task: Task, board: Board) -> Found:
    """Return the plan of least area that fits a board."""
    scale = Scale(board)
    plan = task.cheapest(scale.prices(np.zeros(len(RESOURCES))))
    if scale.excess(plan.area).max() <= 0:
        return Found(plan, True, scale.cost(plan.area), scale.cost(plan.area))
    plan, possible = _fit(task, scale)
    if scale.excess(plan.area).max() > 0:
        return Found(plan, False, scale.cost(plan.area), -inf if possible else inf)
    return _improve(task, scale, plan)


def _fit(task: Task, scale: Scale) -> tuple[Plan, bool]:
    """Return a plan that fits, or else the one that overruns least, and whether one may fit.

    Where each resource has a weight, and the weights' sum is 1, a plan that fits takes at most 1
    of the weighed resources. If the least that any plan takes is more, none fits. The weights of
    the resources that plans overrun grow (multiplicative weights).
    """
    weights = np.full(len(RESOURCES), 1 / len(RESOURCES))
    nearest, closest = None, inf
    for count in range(1, STEPS + 1):
        plan = task.cheapest(scale.charged(weights))
        excess = scale.excess(plan.area)
        settled = scale.settled(task, plan)
        if nearest is None or scale.excess(settled.area).max() < closest:
            nearest, closest = settled, scale.excess(settled.area).max()
        if closest <= 0:
            return nearest, True
        if weights @ excess > 0:
            return nearest, False
        weights = weights * np.exp(excess / np.abs(excess).max() * 2 / np.sqrt(count))
        weights /= weights.sum()
    assert nearest is not None, "no step was made"
    return nearest, True


def _improve(task: Task, scale: Scale, plan: Plan) -> Found:
    """Return the best plan that the charges lead to, starting from one that fits."""
    charges = np.zeros(len(RESOURCES))
    best, least, bound = plan, scale.cost(plan.area), -inf
    step, stalled = 1.0, 0
    for _ in range(STEPS):
        plan = task.cheapest(scale.prices(charges))
        excess, cost = scale.excess(plan.area), scale.cost(plan.area)
        settled = scale.settled(task, plan)
        if scale.excess(settled.area).max() <= 0 and scale.cost(settled.area) < least:
            best, least = settled, scale.cost(settled.area)
        value = cost + float(charges @ excess)
        stalled = 0 if value > bound else stalled + 1
        bound = max(bound, value)
        slope = np.where((charges > 0) | (excess > 0), excess, 0)
        if least <= bound * (1 + CLOSE) or not slope.any():
            break
        if stalled == 3:
            step, stalled = step / 2, 0
        charges = np.maximum(charges + step * (least - value) / (slope @ slope) * slope, 0)
    return Found(best, True, least, min(bound, least))
