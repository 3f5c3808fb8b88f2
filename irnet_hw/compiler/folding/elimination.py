"""The least sum of tables over a graph: exact dynamic programming by eliminating variables.

Each variable has a table with the cost of each of its values, each pair of joined variables a table
with the cost of each pair of values. A variable with one or two neighbours is replaced by its least
cost for each of their values: a table of the one neighbour, or of the two together. This reduces
any nesting of series and parallel connections until nothing is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Costs = npt.NDArray[np.float64]


@dataclass
class Problem:
    """The costs to minimise.

    Attributes:
        single: for each variable, the cost of each of its values.
        pairs: for two variables, the cost of each pair of values; infinite if they exclude each
            other. The axes are in the order of the key.
    """

    single: list[Costs]
    pairs: dict[tuple[int, int], Costs] = field(default_factory=dict)

    def add(self, a: int, b: int, costs: Costs) -> None:
        """Add costs of two variables: (values of a, values of b)."""
        if (b, a) in self.pairs:
            a, b, costs = b, a, costs.T
        self.pairs[a, b] = self.pairs[a, b] + costs if (a, b) in self.pairs else costs


def minimise(problem: Problem) -> tuple[float, list[int]]:
    """Return the least sum, infinite if there is none, and the index of each variable's value.

    Raises:
        ValueError: the graph does not consist of series and parallel connections.
    """
    single = list(problem.single)
    rest = Problem(single, dict(problem.pairs))
    best: list[tuple[int, list[int], npt.NDArray[np.intp]]] = []
    left = set(range(len(single)))
    while left:
        near = _neighbours(rest.pairs, left)
        # The smallest table first.
        found = min(
            (variable for variable in left if len(near[variable]) <= 2),
            key=lambda variable: np.prod([len(single[n]) for n in (variable, *near[variable])]),
            default=None,
        )
        if found is None:
            raise ValueError("the graph has other than series and parallel connections")
        others = near[found]
        tables = [_take(rest.pairs, other, found) for other in others]
        if not others:
            costs = single[found]
        elif len(others) == 1:
            costs = tables[0] + single[found]
        else:
            costs = (tables[0] + single[found])[:, None] + tables[1][None]
        choice = np.argmin(costs, axis=-1)
        least = np.take_along_axis(costs, np.expand_dims(choice, -1), -1)[..., 0]
        best.append((found, others, choice))
        left.remove(found)
        if len(others) == 1:
            single[others[0]] = single[others[0]] + least
        elif others:
            rest.add(others[0], others[1], least)
    places = [0] * len(single)
    for variable, others, choice in reversed(best):
        places[variable] = int(choice[tuple(places[other] for other in others)])
    return _total(problem, places), places


def _neighbours(pairs: Mapping[tuple[int, int], Costs], left: set[int]) -> dict[int, list[int]]:
    near: dict[int, list[int]] = {variable: [] for variable in left}
    for a, b in pairs:
        near[a].append(b)
        near[b].append(a)
    return near


def _take(pairs: dict[tuple[int, int], Costs], a: int, b: int) -> Costs:
    """Remove the table of two variables and return it as (values of a, values of b)."""
    return pairs.pop((a, b)) if (a, b) in pairs else pairs.pop((b, a)).T


def _total(problem: Problem, places: list[int]) -> float:
    singles = zip(problem.single, places, strict=True)
    pairs = problem.pairs.items()
    return float(
        sum(costs[at] for costs, at in singles)
        + sum(costs[places[a], places[b]] for (a, b), costs in pairs)
    )
