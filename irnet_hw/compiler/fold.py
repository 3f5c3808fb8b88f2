"""Pass 8: how many lanes each kernel works on: the least area that reaches the frame rate.

Every kernel lists its legal folds with their cycles and area. Among those within the cycles that
a frame may take, the cheapest chain is found by dynamic programming over the lanes of each
stream, because where lanes differ a width converter is needed. Area is weighed as the share of
what the board has, and a resource that runs out is made dearer until the chain fits or no
weighing helps.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from math import prod

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.boards import Board
from irnet_hw.compiler.area import RESOURCES, Area, area, fits, total
from irnet_hw.compiler.describe import describe
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.streams import between, link_shape, links
from irnet_hw.errors import UserError

#: How often the resources that run out become twice as dear.
ROUNDS = 8


@dataclass(frozen=True)
class Choice:
    """One fold of one kernel."""

    attributes: Mapping[str, int]
    lanes_in: int
    lanes_out: int
    cycles: int
    area: Area


@dataclass(frozen=True)
class Plan:
    """A fold of every kernel, and what the accelerator then takes."""

    choices: tuple[Choice, ...]
    area: Area

    @property
    def cycles(self) -> int:
        """Cycles per frame of the slowest kernel."""
        return max(choice.cycles for choice in self.choices)


def fold(model: ModelWrapper, board: Board, target_fps: float) -> None:
    """Set PE and SIMD of every kernel.

    Raises:
        UserError: the rate can't be reached, or not within the board's resources; says which
            layer is the limit or which resource runs out, and what rate can be reached.
    """
    planner = _Planner(model, board)
    clock = board.clock_mhz * 1e6
    if not 0 < target_fps < float("inf"):
        raise UserError(f"target-fps: {target_fps:g}, must be a number above 0")
    budget = int(clock / target_fps)
    slowest, least = planner.limit()
    if budget < least:
        raise UserError(
            f"target-fps: {target_fps:g} leaves {budget} cycles for a frame at "
            f"{board.clock_mhz:g} MHz, and layer {slowest.name} ({describe(model, slowest)}) "
            f"takes at least {least}; must be at most {_floor(clock / least)}"
        )
    plan = planner.plan(budget)
    if not fits(plan.area, board.resources):
        raise UserError(_too_large(planner, plan, board, target_fps, budget))
    for node, choice in zip(planner.nodes, plan.choices, strict=True):
        for name, value in choice.attributes.items():
            op(node).set_nodeattr(name, value)


def _too_large(
    planner: "_Planner", plan: Plan, board: Board, target_fps: float, budget: int
) -> str:
    """Return the message about resources that run out, with the highest rate that fits."""
    over = [key for key in RESOURCES if plan.area[key] > board.resources[key]]
    need = ", ".join(f"{plan.area[key]} {key} of {board.resources[key]}" for key in over)
    start = f"target-fps: {target_fps:g} on {board.name} takes {need}"
    budgets = [cycles for cycles in planner.budgets() if cycles > budget]
    # More cycles never take more area, so the first budget that fits is found by halving.
    first, beyond = 0, len(budgets)
    while first < beyond:
        middle = (first + beyond) // 2
        if fits(planner.plan(budgets[middle]).area, board.resources):
            beyond = middle
        else:
            first = middle + 1
    if first == len(budgets):
        return f"{start}, and the network does not fit this board at any rate"
    rate = _floor(board.clock_mhz * 1e6 / planner.plan(budgets[first]).cycles)
    return f"{start}; the highest rate that fits is {rate}"


#: A chain of choices up to some kernel, and its weighed area.
Way = tuple[float, tuple[Choice, ...]]
NO_WAY: Way = (float("inf"), ())


class _Planner:
    """Finds plans for one network and board.

    Args:
        model: the graph of hardware ops, without FIFOs and converters but flattenings.
        board: whose resources are to be used.
    """

    def __init__(self, model: ModelWrapper, board: Board) -> None:
        self._part = board.part
        self._have = board.resources
        self._links = links(model)
        self._streams = [link_shape(model, link) for link in self._links]
        self.nodes: list[NodeProto] = [
            link.target for link in self._links if link.target is not None
        ]
        self._tables: list[list[Choice]] = []
        for link in self._links[:-1]:
            table = self._choices(link.target)
            if link.source is None and link.flatten is not None:
                # Pixels come one a beat into a dense layer.
                pixels = prod(self._streams[0][0][:-1])
                table = [replace(one, cycles=max(one.cycles, pixels)) for one in table]
            if link.direct:
                lanes = {choice.lanes_out for choice in self._tables[-1]}
                table = [choice for choice in table if choice.lanes_in in lanes]
            self._tables.append(table)
        self._between = cache(self._link_area)

    def limit(self) -> tuple[NodeProto, int]:
        """Return the kernel that takes the most cycles at its largest fold, and the cycles."""
        least = [min(choice.cycles for choice in table) for table in self._tables]
        return self.nodes[least.index(max(least))], max(least)

    def budgets(self) -> list[int]:
        """Return the cycles per frame at which a kernel may take a smaller fold."""
        _, least = self.limit()
        cycles = {choice.cycles for table in self._tables for choice in table}
        return sorted(count for count in cycles if count >= least)

    def plan(self, budget: int) -> Plan:
        """Return the plan of least area within a frame's cycles.

        If none is found that fits the board, it is the one that overruns it least.
        """
        dear = dict.fromkeys(RESOURCES, 1.0)
        plans = []
        for _ in range(ROUNDS):
            plan = self._cheapest(budget, dear)
            if fits(plan.area, self._have):
                return plan
            plans.append(plan)
            for key in RESOURCES:
                if plan.area[key] > self._have[key]:
                    dear[key] *= 2
        return min(plans, key=lambda plan: max(self._share(plan.area, key) for key in RESOURCES))

    def _cheapest(self, budget: int, dear: Mapping[str, float]) -> Plan:
        """Return the chain of choices whose weighed area is least.

        Kernel after kernel, for each number of lanes that may leave it, the cheapest way to get
        there is kept.
        """

        def cost(size: Area) -> float:
            return sum(self._share(size, key) * dear[key] for key in RESOURCES)

        ways: dict[int, Way] = {}
        for i, table in enumerate(self._tables):
            next_ways: dict[int, Way] = {}
            arrivals: dict[int, Way] = {}
            for choice in table:
                if choice.cycles > budget:
                    continue
                lanes = choice.lanes_in
                if lanes not in arrivals:
                    arrivals[lanes] = self._arrive(i, lanes, ways, cost)
                price, before = arrivals[lanes]
                price += cost(choice.area)
                if price < _price(next_ways.get(choice.lanes_out, NO_WAY)):
                    next_ways[choice.lanes_out] = (price, (*before, choice))
            ways = next_ways
        last = len(self._tables)
        ends = [
            (price + cost(self._between(last, lanes, lanes)), choices)
            for lanes, (price, choices) in ways.items()
        ]
        _, choices = min(ends, key=_price)
        return Plan(choices, self._area(choices))

    def _arrive(
        self, i: int, lanes: int, ways: Mapping[int, Way], cost: Callable[[Area], float]
    ) -> Way:
        """Return the cheapest way to a kernel's input of so many lanes, the link included."""
        if i == 0:
            return cost(self._between(0, None, lanes)), ()
        options = [
            (price + cost(self._between(i, before, lanes)), choices)
            for before, (price, choices) in ways.items()
            if before == lanes or not self._links[i].direct
        ]
        return min(options, key=_price, default=NO_WAY)

    def _area(self, choices: tuple[Choice, ...]) -> Area:
        """Return the area of all kernels and of what stands between them."""
        before = [None, *(choice.lanes_out for choice in choices)]
        after = [*(choice.lanes_in for choice in choices), choices[-1].lanes_out]
        lanes = enumerate(zip(before, after, strict=True))
        streams = [self._between(i, *pair) for i, pair in lanes]
        return total(*(choice.area for choice in choices), *streams)

    def _link_area(self, i: int, before: int | None, after: int) -> Area:
        nodes = between(self._links[i], *self._streams[i], (before, after))
        return total(*(area(op(node), self._part) for node in nodes))

    def _choices(self, node: NodeProto) -> list[Choice]:
        kernel = op(deepcopy(node))
        found = []
        for attributes in kernel.folds():
            for name, value in attributes.items():
                kernel.set_nodeattr(name, value)
            found.append(
                Choice(
                    attributes,
                    kernel.lanes_in(),
                    kernel.lanes_out(),
                    int(kernel.get_exp_cycles()),
                    area(kernel, self._part),
                )
            )
        return found

    def _share(self, size: Area, key: str) -> float:
        """Return an area as a part of what the board has; an absent resource counts heavily."""
        return size[key] / max(self._have[key], 1)


def _price(way: Way) -> float:
    return way[0]


def _floor(rate: float) -> str:
    """Return a rate with 6 digits, rounded down so that it can be asked for."""
    return f"{int(rate)}" if rate >= 1 else f"{int(rate * 1e6) / 1e6:g}"
