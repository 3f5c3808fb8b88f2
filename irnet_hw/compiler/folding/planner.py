"""The least area of a whole graph, given a price for each resource.

Every kernel has its choices; every stream between two kernels has a FIFO and, if the lanes differ,
a width converter. Besides its own area, the cost of a choice depends only on its neighbours' lanes.
So the cheapest combination for all kernels is found exactly, by eliminating one kernel after
another (:mod:`irnet_hw.compiler.folding.elimination`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
import numpy.typing as npt
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.artifact.resources import RESOURCES, Area
from irnet_hw.compiler.folding.choices import Attributes, Choice, Choices, Ports, Size
from irnet_hw.compiler.folding.elimination import Costs, Problem, minimise
from irnet_hw.compiler.folding.links import DEPTH, Link, between, kernels, link_shape, links
from irnet_hw.compiler.graph import op
from irnet_hw.errors import UserError
from irnet_hw.kernels.resources import area, total

#: The price of a unit of each resource, in the order of RESOURCES.
Prices = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """A choice for every kernel, and the accelerator's area with them."""

    choices: tuple[Choice, ...]
    area: Area

    @property
    def cycles(self) -> int:
        """Cycles per frame of the slowest kernel."""
        return max(choice.cycles for choice in self.choices)


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
        self._areas: dict[tuple[object, ...], Size] = {}
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

    def ends(self, link: Link) -> tuple[int | None, int | None]:
        """Return which kernels a link joins."""
        source = None if link.source is None else self._place(link.source)
        target = None if link.target is None else self._place(link.target)
        return source, target

    def between(self, i: int, lanes: tuple[int | None, int], wait: int) -> Size:
        """Return the area of the nodes in link i."""
        link, (shape, datatype) = self.links[i], self._streams[i]
        depth = DEPTH if lanes[0] is None else max(DEPTH, -(-wait // lanes[0]))
        flat = None if link.flatten is None else tuple(op(link.flatten).numbers("outShape"))
        at_end = link.source is None or link.target is None
        key = (shape, datatype.name, flat, at_end, link.direct, lanes, depth)
        if key not in self._areas:
            nodes = between(link, shape, datatype, lanes, depth)
            found = total(*(area(op(node), self._part) for node in nodes))
            self._areas[key] = np.array([found[name] for name in RESOURCES])
        return self._areas[key]

    def _place(self, node: NodeProto) -> int:
        return self._places[node.output[0]]


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
                found.append(planner.between(i, (None if source is None else after, after), 0))
            self._ends.append((at, np.array(found)))

    def cheapest(self, prices: Prices) -> Plan:
        """Return the plan whose area is cheapest."""
        single = [kernel.costs(prices) for kernel in self._kernels]
        for at, ends in self._ends:
            single[at] = single[at] + ends @ prices
        problem = Problem(single)
        for pair in self._pairs:
            problem.add(pair.source, pair.target, pair.costs(prices))
        price, places = minimise(problem)
        assert price < inf, "no fold of a kernel suits its neighbour's"
        found = [
            kernel.choice(place, prices)
            for kernel, place in zip(self._kernels, places, strict=True)
        ]
        sizes = [size for _, size in found]
        sizes += [ends[places[at]] for at, ends in self._ends]
        sizes += [pair.size(places[pair.source], places[pair.target]) for pair in self._pairs]
        used = Area(*(int(number) for number in np.sum(sizes, axis=0)))
        return Plan(tuple(choice for choice, _ in found), used)

    def settled(self, plan: Plan, prices: Prices, usable: Prices) -> Plan:
        """Return a plan with the same streams, made to fit the board by changing single kernels.

        If a change is equally good for several kernels, prices change all of them or none. Here the
        kernel changes that reduces the overrun at the least cost, until there is none; then any
        that save cost without a new overrun.

        Args:
            plan: of this task.
            prices: of a unit of each resource.
            usable: how much of each resource is usable.
        """
        places = [
            kernel.place(choice) for kernel, choice in zip(self._kernels, plan.choices, strict=True)
        ]
        used = np.array([plan.area[name] for name in RESOURCES])
        while True:
            overrun = np.maximum(used / usable - 1, 0).sum()
            moves = []
            for i, (kernel, place) in enumerate(zip(self._kernels, places, strict=True)):
                for other, change in kernel.changes(place):
                    left = np.maximum((used + change) / usable - 1, 0).sum()
                    cost = float(change @ prices)
                    if overrun > 0 and left < overrun:
                        moves.append((cost / (overrun - left), i, other, change))
                    elif overrun == left == 0 and cost < 0:
                        moves.append((cost, i, other, change))
            if not moves:
                break
            _, i, places[i], change = min(moves, key=lambda move: move[:3])
            used = used + change
        choices = (kernel.at(place) for kernel, place in zip(self._kernels, places, strict=True))
        return Plan(tuple(choices), Area(*(int(number) for number in used)))


class _Kernel:
    """A kernel's choices, in groups with the same ports."""

    def __init__(self, choices: Sequence[Choice], sizes: Sequence[Size]) -> None:
        groups: dict[Ports, list[int]] = {}
        for i, choice in enumerate(choices):
            groups.setdefault(choice.ports, []).append(i)
        order = [i for group in groups.values() for i in group]
        self.ports = list(groups)
        self._choices = [choices[i] for i in order]
        self._sizes = np.array([sizes[i] for i in order])
        self._starts = np.cumsum([0, *(len(group) for group in groups.values())])

    def costs(self, prices: Prices) -> Costs:
        """Return the least cost for each of the ports."""
        return np.minimum.reduceat(self._sizes @ prices, self._starts[:-1])

    def choice(self, place: int, prices: Prices) -> tuple[Choice, Size]:
        """Return the cheapest choice with some ports, and its area."""
        start, end = self._starts[place : place + 2]
        best = start + int(np.argmin(self._sizes[start:end] @ prices))
        return self._choices[best], self._sizes[best]

    def place(self, choice: Choice) -> int:
        """Return the index of a choice among all."""
        return self._choices.index(choice)

    def at(self, place: int) -> Choice:
        """Return the choice at an index."""
        return self._choices[place]

    def changes(self, place: int) -> Iterator[tuple[int, Size]]:
        """Yield the indices of the other choices with the same ports, and the change in area."""
        group = int(np.searchsorted(self._starts, place, side="right")) - 1
        for other in range(self._starts[group], self._starts[group + 1]):
            if other != place:
                yield other, self._sizes[other] - self._sizes[place]


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
        self._sizes = np.zeros((len(before), len(after), len(RESOURCES)), np.int64)
        self._barred = np.zeros((len(before), len(after)))
        for a, b in np.ndindex(self._barred.shape):
            if not link.direct:
                lanes = before[a][0], after[b][0]
                self._sizes[a, b] = planner.between(i, lanes, wait)
            elif before[a] != after[b]:
                self._barred[a, b] = inf

    def costs(self, prices: Prices) -> Costs:
        """Return the cost for each pair of ports."""
        return (self._sizes @ prices + self._barred)[self._at]

    def size(self, before: int, after: int) -> Size:
        """Return the area for a pair of ports."""
        size: Size = self._sizes[self._at[0][before, 0], self._at[1][0, after]]
        return size


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
