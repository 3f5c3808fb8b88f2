"""The least cost of an area on a board, and its distance from a lower bound.

The cost is the highest of the shares that an accelerator takes of the board's usable resources,
plus a tenth of their sum. Shares of up to a half are easy to have, so the highest one counts as at
least a half: for an accelerator that is small for its board the sum alone decides, and no block RAM
or DSP block is spent on a few LUTs.

As no share may exceed 1, the part beyond 1 counts a hundredfold. So the cost is the maximum, over
all weights of the resources that add up to 0 to 100, of the weighted sum of the shares, plus what
the weights lack of 1 times a half, or minus what they have beyond 1. For any weights, the plan with
the least weighted sum (:meth:`irnet_hw.compiler.folding.planner.Task.cheapest`) gives a lower bound
on the cost of all plans: a Lagrangian bound. The weights with the highest bound are found by
cutting planes: a linear programme finds the weights at which the plans found so far leave the most
room, and the next weights are halfway between those and the best ones so far.

A weight moves all equal layers at once, perhaps from one scarce resource to another, so single
layers are then changed to lower the cost of each plan. The best plan is kept.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

from irnet_hw.artifact.resources import RESOURCES, Area
from irnet_hw.boards import Board
from irnet_hw.compiler.folding.choices import Size
from irnet_hw.compiler.folding.planner import Plan, Task, numbers

#: What the sum of the shares counts, next to the highest one.
REST = 0.1
#: The highest share counts as at least this.
EASY = 0.5
#: What an overrun of a resource counts.
STEEP = 100
#: The most weights to try.
STEPS = 40
#: A plan is good enough at this distance from the bound, and weights are at this from the best.
CLOSE = 1e-3

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """Result of a search.

    Attributes:
        plan: the one of least cost that fits; if none was found, the one of least cost.
        fits: whether it fits.
        bound: every plan that fits costs at least this; infinite if no plan can fit.
    """

    plan: Plan
    fits: bool
    bound: float


class Scale:
    """Areas as shares of a board's usable resources.

    The reserve counts as absent: that way LUTs, some of which are in reserve, are not spent on
    something that would fit in otherwise unused block RAM.

    Args:
        board: that has the resources.
    """

    def __init__(self, board: Board) -> None:
        # An absent resource is expensive, but not infinitely so.
        self._usable = np.maximum(numbers(Area.of(board.usable)), 1e-9)

    def shares(self, area: Area) -> Floats:
        """Return the share of each resource."""
        shares: Floats = numbers(area) / self._usable
        return shares

    def cost(self, area: Area) -> float:
        """Return the cost of an area."""
        return float(self.costs(numbers(area)))

    def costs(self, sizes: Size) -> Floats:
        """Return the cost of areas as numbers: the last axis has the resources."""
        shares = sizes / self._usable
        highest = shares.max(axis=-1)
        overrun = np.maximum(highest - 1, 0)
        costs: Floats = np.maximum(highest, EASY) + (STEEP - 1) * overrun
        costs += REST * shares.sum(axis=-1)
        return costs

    def prices(self, weights: Floats) -> Floats:
        """Return the price of a unit of each resource."""
        prices: Floats = (weights + REST) / self._usable
        return prices


def search(task: Task, board: Board) -> Found:
    """Return the plan of least cost on a board."""
    scale = Scale(board)
    weights = middle = np.zeros(len(RESOURCES))
    best, least, bound, cuts = None, (True, inf), -inf, []
    for _ in range(STEPS):
        plan = task.cheapest(scale.prices(weights))
        shares = scale.shares(plan.area)
        value = _value(weights, shares)
        if value > bound:
            bound, middle = value, weights
        plan = task.settled(plan, scale.costs)
        found = not plan.area.fits(board.usable), scale.cost(plan.area)
        if best is None or found < least:
            best, least = plan, found
        if least[1] <= bound * (1 + CLOSE):
            break
        cuts.append(shares)
        highest, outer = _outermost(cuts)
        if highest <= bound * (1 + CLOSE / 10):
            break
        weights = (middle + outer) / 2
    assert best is not None, "no weights were tried"
    # Within the resources, nothing costs more than all of them.
    possible = bound <= 1 + REST * len(RESOURCES)
    fits = not least[0]
    return Found(best, fits, min(bound, least[1]) if possible or fits else inf)


def _value(weights: Floats, shares: Floats) -> float:
    """Return the lower bound on the cost, from the shares of the plan of the least such value."""
    left = 1 - weights.sum()
    return float((weights + REST) @ shares + (left * EASY if left > 0 else left))


def _outermost(cuts: list[Floats]) -> tuple[float, Floats]:
    """Return the highest bound that plans with these shares allow, and its weights."""
    # The variables: the weights, what they lack of 1, what they have beyond 1, and the bound.
    count, plans = len(RESOURCES), np.array(cuts)
    table = np.column_stack([-plans, np.full(len(cuts), -EASY), np.ones((len(cuts), 2))])
    found = linprog(
        [*[0] * (count + 2), -1],
        A_ub=table,
        b_ub=REST * plans.sum(axis=1),
        A_eq=[[*[1] * (count + 1), -1, 0]],
        b_eq=[1],
        bounds=[*[(0, STEEP)] * count, (0, 1), (0, STEEP - 1), (None, None)],
    )
    return float(found.x[-1]), np.maximum(found.x[:count], 0)
