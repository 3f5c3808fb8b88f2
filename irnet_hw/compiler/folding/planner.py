"""The least area of a whole graph, given a price for each resource.

Every kernel has its choices; every stream between two kernels has a FIFO, in LUT-RAM or in block
RAM, and, if the lanes differ, a width converter. Besides its own area, the cost of a choice depends
only on its neighbours' lanes.
So the cheapest combination for all kernels is found exactly, by eliminating one kernel after
another (:mod:`irnet_hw.compiler.folding.elimination`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import inf

import numpy as np
import numpy.typing as npt
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.artifact.resources import RESOURCES, Area
from irnet_hw.compiler.folding.choices import Attributes, Choice, Choices, Ports, Size
from irnet_hw.compiler.folding.elimination import Costs, Problem, minimise
from irnet_hw.compiler.folding.links import Link, between, depth, kernels, link_shape, links
from irnet_hw.compiler.graph import op
from irnet_hw.errors import UserError

#: The price of a unit of each resource, in the order of RESOURCES.
Prices = npt.NDArray[np.float64]
#: A change that lowers the cost by less may be rounding.
LEAST_SAVED = 1e-9


@dataclass(frozen=True)
class Plan:
    """A choice for every kernel.

    Attributes:
        choices: of the kernels.
        area: of the accelerator with them.
        prices: with which the plan was made.
        places: of all choices in the tables of its task.
    """

    choices: tuple[Choice, ...]
    area: Area
    prices: Prices
    places: tuple[int, ...]

    @property
    def cycles(self) -> int:
        """Cycles per frame of the slowest kernel."""
        return max(choice.cycles for choice in self.choices)


def numbers(area: Area) -> Size:
    """Return an area as numbers, in the order of RESOURCES."""
    return np.array([area[name] for name in RESOURCES])


def as_area(size: Size) -> Area:
    """Return numbers as an area."""
    return Area(*(int(number) for number in size))


class Planner:
    """Finds plans for one network and part.

    Args:
        model: the graph of hardware ops; of FIFOs and converters it has only flattenings.
        part: the FPGA.
        pins: fixed attributes, by node name.
    """

    def __init__(self, model: ModelWrapper, part: str, pins: Mapping[str, Attributes]) -> None:
        self.nodes: list[NodeProto] = kernels(model)
        self.links = links(model)
        self._part = part
        self._streams = [link_shape(model, link) for link in self.links]
        self._places = {node.output[0]: i for i, node in enumerate(self.nodes)}
        self._areas: dict[tuple[object, ...], list[Size]] = {}
        # Kernels that differ only in their names have the same choices.
        tables: dict[object, Choices] = {}
        self._tables = []
        for node in self.nodes:
            pinned = pins.get(node.name, {})
            key = _signature(node), tuple(pinned.items())
            if key not in tables:
                tables[key] = Choices(node, part, pinned)
            self._tables.append(tables[key])
        self._choices = [list(table.all) for table in self._tables]
        self._restrict(pins)

    def _restrict(self, pins: Mapping[str, Attributes]) -> None:
        """Drop choices that no neighbour matches, and slow down those none keeps up with."""
        for link in self.links:
            if link.target is None:
                continue
            if link.source is not None and op(link.source).feeds_directly and not link.direct:
                self._keep_order(link, pins)
            target = self._place(link.target)
            if link.direct:
                source = self._place(link.source)
                before = [(_exit(choice.ports, link), choice) for choice in self._choices[source]]
                after = [(_entry(choice.ports, link), choice) for choice in self._choices[target]]
                self._choices[source] = _beside(before, after)
                self._choices[target] = _beside(after, before)
                if not self._choices[target]:
                    window, unit = (_pinned(self.nodes[i], pins) for i in (source, target))
                    raise UserError(
                        f"folding-config: {window} feeds {unit} directly, and no fold of the one "
                        "suits the other's; must leave lanes and parallel_window that agree"
                    )

    def _keep_order(self, link: Link, pins: Mapping[str, Attributes]) -> None:
        """Drop choices whose windows have their elements in another order than the tensor."""
        source, target = self._place(link.source), self.nodes[self._place(link.target)]
        channels = op(link.source).get_normal_input_shape()[-1]
        self._choices[source] = [
            choice
            for choice in self._choices[source]
            if not choice.ports.parallel or choice.ports.lanes_in == (channels,)
        ]
        if not self._choices[source]:
            raise UserError(
                f"folding-config: {_pinned(self.nodes[source], pins)} feeds {target.name} "
                f"({op(target).describe()}); must have parallel_window = 0 or SIMD = "
                f"{channels}, its channels"
            )

    def limit(self) -> tuple[NodeProto, int]:
        """Return the kernel with the most cycles at its largest fold, and those cycles."""
        least = [min(choice.cycles for choice in choices) for choices in self._choices]
        return self.nodes[least.index(max(least))], max(least)

    def budgets(self) -> list[int]:
        """Return the cycles per frame at which a kernel may take a smaller fold."""
        _, least = self.limit()
        cycles = {choice.cycles for choices in self._choices for choice in choices}
        return sorted(count for count in cycles if count >= least)

    def task(self, budget: int, waits: Sequence[int]) -> "Task":
        """Return the task of finding plans within a number of cycles per frame.

        Args:
            budget: cycles per frame that every kernel may take.
            waits: for each link, the elements that its FIFO must hold.
        """
        return Task(self, budget, waits)

    def within(self, i: int, budget: int) -> tuple[list[Choice], list[Size]]:
        """Return a kernel's competitive choices, and their areas."""
        table = self._tables[i]
        choices = table.best(choice for choice in self._choices[i] if choice.cycles <= budget)
        return choices, [table.size(choice) for choice in choices]

    def styled(self, node: NodeProto) -> tuple[list[Choice], list[Size]]:
        """Return a node's competitive choices that keep its lanes, and their areas."""
        table = Choices(node, self._part, {})
        choices = table.best(table.all)
        return choices, [table.size(choice) for choice in choices]

    def ends(self, link: Link) -> tuple[int | None, int | None]:
        """Return which kernels a link joins."""
        source = None if link.source is None else self._place(link.source)
        target = None if link.target is None else self._place(link.target)
        return source, target

    def between(self, i: int, lanes: tuple[int | None, int], wait: int) -> list[Size]:
        """Return the possible areas of the nodes in link i: one for each style of its FIFO."""
        link, (shape, datatype) = self.links[i], self._streams[i]
        beats = depth(0 if lanes[0] is None else -(-wait // lanes[0]))
        flat = None if link.flatten is None else tuple(op(link.flatten).numbers("outShape"))
        at_end = link.source is None or link.target is None
        key = (shape, datatype.name, flat, at_end, link.direct, lanes, beats)
        if key not in self._areas:
            nodes = between(link, shape, datatype, lanes, beats)
            picks = product(*(self.styled(node)[1] for node in nodes))
            self._areas[key] = [sum(pick, np.zeros(len(RESOURCES), np.int64)) for pick in picks]
        return self._areas[key]

    def _place(self, node: NodeProto) -> int:
        return self._places[node.output[0]]


class Alternatives:
    """Areas in groups. What decides the group is known elsewhere; one of a group is then chosen.

    Args:
        groups: each has at least one area.
    """

    def __init__(self, groups: Sequence[Sequence[Size]]) -> None:
        self.sizes = np.array([size for group in groups for size in group])
        self._starts = np.cumsum([0, *(len(group) for group in groups)])

    def costs(self, prices: Prices) -> Costs:
        """Return the least cost in each group."""
        return np.minimum.reduceat(self.sizes @ prices, self._starts[:-1])

    def cheapest(self, group: int, prices: Prices) -> int:
        """Return the place of the cheapest one of a group, among those of all groups."""
        start, end = self._starts[group : group + 2]
        return int(start) + int(np.argmin(self.sizes[start:end] @ prices))

    def group(self, place: int) -> range:
        """Return the places of the group that a place belongs to."""
        at = int(np.searchsorted(self._starts, place, side="right"))
        return range(self._starts[at - 1], self._starts[at])


def settle(
    tables: Sequence[Alternatives],
    places: Sequence[int],
    used: Size,
    prices: Prices,
    costs: Callable[[Size], Costs],
) -> tuple[list[int], Size]:
    """Change single choices, within their groups, as long as that lowers the cost.

    If a change is equally good for several kernels, prices change all of them or none. Here the one
    changes that lowers the cost and takes the least at the prices for it.

    Args:
        tables: to choose from.
        places: of the choice in each table.
        used: the area with them.
        prices: of a unit of each resource.
        costs: returns the cost of areas, whose last axis has the resources.

    Returns:
        the places and the area.
    """
    found = list(places)
    moves = [(i, other) for i, place in enumerate(places) for other in tables[i].group(place)]
    after = np.array([tables[i].sizes[other] for i, other in moves])
    owner = np.array([i for i, _ in moves])
    while True:
        now = np.array([table.sizes[place] for table, place in zip(tables, found, strict=True)])
        changes = after - now[owner]
        saved = costs(used) - costs(used + changes)
        taken = np.maximum(changes @ prices, 0)
        if saved.max() <= LEAST_SAVED:
            return found, used
        rates = np.where(saved > LEAST_SAVED, taken / np.maximum(saved, LEAST_SAVED), inf)
        best = int(np.argmin(rates))
        found[moves[best][0]] = moves[best][1]
        used = used + changes[best]


class Task:
    """Plans within one budget; whatever does not depend on the prices is computed once."""

    def __init__(self, planner: Planner, budget: int, waits: Sequence[int]) -> None:
        self._kernels = [_Kernel(*planner.within(i, budget)) for i in range(len(planner.nodes))]
        # The areas in links between kernels, and at the accelerator's ends.
        self._pairs: list[_Pair] = []
        self._ends: list[tuple[int, npt.NDArray[np.int64]]] = []
        for i, link in enumerate(planner.links):
            source, target = planner.ends(link)
            if source is not None and target is not None:
                self._pairs.append(_Pair(planner, i, waits[i], self._kernels, source, target))
                continue
            at = target if source is None else source
            assert at is not None, "a link without ends"
            found = []
            for ports in self._kernels[at].ports:
                lanes = ports.lanes_in[link.inlet] if source is None else None
                after = lanes or ports.lanes_out[link.outlet]
                (size,) = planner.between(i, (None if source is None else after, after), 0)
                found.append(size)
            self._ends.append((at, np.array(found)))
        self._tables = [kernel.table for kernel in self._kernels]
        self._tables += [pair.table for pair in self._pairs]

    def cheapest(self, prices: Prices) -> Plan:
        """Return the plan whose area is cheapest."""
        single = [kernel.table.costs(prices) for kernel in self._kernels]
        for at, ends in self._ends:
            single[at] = single[at] + ends @ prices
        problem = Problem(single)
        for pair in self._pairs:
            problem.add(pair.source, pair.target, pair.costs(prices))
        price, ports = minimise(problem)
        assert price < inf, "no fold of a kernel suits its neighbour's"
        groups = [
            *ports,
            *(pair.group(ports[pair.source], ports[pair.target]) for pair in self._pairs),
        ]
        places = [
            table.cheapest(group, prices) for table, group in zip(self._tables, groups, strict=True)
        ]
        sizes = [table.sizes[place] for table, place in zip(self._tables, places, strict=True)]
        sizes += [ends[ports[at]] for at, ends in self._ends]
        return self._plan(places, np.sum(sizes, axis=0), prices)

    def settled(self, plan: Plan, costs: Callable[[Size], Costs]) -> Plan:
        """Return a plan of this task with the same lanes that costs less by :func:`settle`."""
        used = numbers(plan.area)
        places, used = settle(self._tables, plan.places, used, plan.prices, costs)
        return self._plan(places, used, plan.prices)

    def _plan(self, places: Sequence[int], used: Size, prices: Prices) -> Plan:
        choices = (
            kernel.choices[place] for kernel, place in zip(self._kernels, places, strict=False)
        )
        return Plan(tuple(choices), as_area(used), prices, tuple(places))


class _Kernel:
    """A kernel's choices, in groups with the same ports."""

    def __init__(self, choices: Sequence[Choice], sizes: Sequence[Size]) -> None:
        groups: dict[Ports, list[int]] = {}
        for i, choice in enumerate(choices):
            groups.setdefault(choice.ports, []).append(i)
        self.ports = list(groups)
        self.choices = [choices[i] for group in groups.values() for i in group]
        self.table = Alternatives([[sizes[i] for i in group] for group in groups.values()])


class _Pair:
    """The area between two kernels, for each pair of their ports."""

    def __init__(
        self,
        planner: Planner,
        i: int,
        wait: int,
        around: Sequence[_Kernel],
        source: int,
        target: int,
    ) -> None:
        self.source, self.target = source, target
        link = planner.links[i]
        exits = [_exit(ports, link) for ports in around[source].ports]
        entries = [_entry(ports, link) for ports in around[target].ports]
        before, after = sorted(set(exits)), sorted(set(entries))
        self._at = np.ix_(
            [before.index(end) for end in exits], [after.index(end) for end in entries]
        )
        self._barred = np.zeros((len(before), len(after)))
        groups: list[Sequence[Size]] = []
        for a, b in np.ndindex(self._barred.shape):
            if link.direct:
                groups.append([np.zeros(len(RESOURCES), np.int64)])
                self._barred[a, b] = 0 if before[a] == after[b] else inf
            else:
                groups.append(planner.between(i, (before[a][0], after[b][0]), wait))
        self.table = Alternatives(groups)

    def costs(self, prices: Prices) -> Costs:
        """Return the cost for each pair of ports."""
        return (self.table.costs(prices).reshape(self._barred.shape) + self._barred)[self._at]

    def group(self, before: int, after: int) -> int:
        """Return the group of a pair of ports."""
        return int(self._at[0][before, 0]) * self._barred.shape[1] + int(self._at[1][0, after])


def _exit(ports: Ports, link: Link) -> tuple[int, bool]:
    """Return the lanes at a link's start, and whether they are windows in parallel."""
    return ports.lanes_out[link.outlet], ports.parallel and link.direct


def _entry(ports: Ports, link: Link) -> tuple[int, bool]:
    """Return the lanes at a link's end, and whether they are windows in parallel."""
    return ports.lanes_in[link.inlet], ports.parallel and link.direct


def _beside(
    choices: Sequence[tuple[tuple[int, bool], Choice]],
    others: Sequence[tuple[tuple[int, bool], Choice]],
) -> list[Choice]:
    """Return the choices that match a direct neighbour's, no faster than the fastest match.

    Args:
        choices: each with its view of the stream between them.
        others: those of the neighbour, likewise.
    """
    fastest: dict[tuple[int, bool], int] = {}
    for stream, other in others:
        fastest[stream] = min(other.cycles, fastest.get(stream, other.cycles))
    return [
        choice if choice.cycles >= fastest[stream] else replace(choice, cycles=fastest[stream])
        for stream, choice in choices
        if stream in fastest
    ]


def _pinned(node: NodeProto, pins: Mapping[str, Attributes]) -> str:
    """Return the text for a kernel and its fixed attributes in messages."""
    fixed = ", ".join(f"{key} = {value}" for key, value in pins.get(node.name, {}).items())
    return f"{node.name} ({fixed or 'nothing fixed'})"


def _signature(node: NodeProto) -> object:
    return node.op_type, tuple(sorted(a.SerializeToString() for a in node.attribute))
