"""The least area within a board's resources, and its distance from a lower bound.

Area is the sum of the shares that an accelerator takes of the board's usable resources. Ignoring
the limits, the planner's plan is optimal. If it overruns a resource, the resource gets a charge (a
Lagrange multiplier). For any charges, the cost of the cheapest plan with them, minus the charges
for all usable resources, is at most that of any plan that fits: this is the bound. Subgradient
steps of Polyak's length change the charges to raise the bound, and the best plan that fits is kept.
A charge moves all equal layers at once, perhaps from one overrun to another, so single layers are
then changed to remove the overrun.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from irnet_hw.artifact.resources import RESOURCES, Area
from irnet_hw.boards import Board
from irnet_hw.compiler.folding.planner import Plan, Task

#: The most steps of the charges.
STEPS = 60
#: A plan is good enough at this distance from the bound.
CLOSE = 1e-3


@dataclass(frozen=True)
class Found:
    """Result of a search.

    Attributes:
        plan: the one of least area that fits; if none was found, the one with the least overrun.
        fits: whether it fits.
        cost: its area, as the sum of its shares of the usable resources.
        bound: no plan that fits costs less; infinite if there certainly is none, minus infinity if
            none was found.
    """

    plan: Plan
    fits: bool
    cost: float
    bound: float


class Scale:
    """Areas as shares of a board's usable resources.

    The reserve counts as absent: that way LUTs, some of which are in reserve, are not spent on
    something that would fit in otherwise unused block RAM.

    Args:
        board: that has the resources.
    """

    def __init__(self, board: Board) -> None:
        self._usable = _numbers(Area.of(board.usable))

    def cost(self, area: Area) -> float:
        """Return the sum of the shares."""
        return float(np.sum(_numbers(area) / self._usable))

    def prices(self, charges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the price of a unit of each resource, with charges."""
        return (1 + charges) / self._usable

    def charged(self, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the price of a unit of each resource, from charges alone."""
        return weights / self._usable

    def settled(self, task: Task, plan: Plan) -> Plan:
        """Return a plan that is made to fit by changing single kernels."""
        return task.settled(plan, 1 / self._usable, self._usable)

    def excess(self, area: Area) -> npt.NDArray[np.float64]:
        """Return each resource's overrun, relative to its usable amount."""
        return _numbers(area) / self._usable - 1


def _numbers(area: Area) -> npt.NDArray[np.float64]:
    """Return an area's numbers; an absent resource is expensive, but not infinitely so."""
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
    """Return a plan that fits, or else the one with the least overrun, and whether one may fit.

    Give each resource a weight, with a sum of 1: the weighted shares of a plan that fits add up to
    at most 1. If the least sum of any plan is more, none fits. The weights of overrun resources
    grow (multiplicative weights).
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
    """Return the best plan that the charges find, starting from one that fits."""
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
