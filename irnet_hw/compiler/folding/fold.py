"""Folding: chooses the lanes of each kernel, for the least area that reaches a frame rate.

Or for the highest rate within the board's resources. Every kernel lists its legal choices with
their cycles and area. Among those within the cycles that a frame may take, the search finds the
cheapest combination for all kernels. The board's reserve is left free.

No rate exceeds that at which the board's memory port carries the frames and the results.

A sliding window and the unit that it feeds have no FIFO between them and may stall each other, so
that a frame takes more cycles than the slowest kernel. The schedule shows that, and then the next
faster kernels are tried.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, prod

from onnx import NodeProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from irnet_hw.artifact.manifest import Doubling
from irnet_hw.artifact.registers import PORT_BYTES, VALUE_BYTES
from irnet_hw.artifact.resources import RESOURCES, Area
from irnet_hw.boards import Board
from irnet_hw.compiler.folding import config as folding_config
from irnet_hw.compiler.folding.choices import Attributes
from irnet_hw.compiler.folding.join_wait import waiting
from irnet_hw.compiler.folding.links import InsertStreams, kernels, queues
from irnet_hw.compiler.folding.planner import (
    Alternatives,
    Plan,
    Planner,
    Prices,
    as_area,
    numbers,
    settle,
)
from irnet_hw.compiler.folding.schedule import Schedule
from irnet_hw.compiler.folding.search import Scale, search
from irnet_hw.compiler.graph import op, shape
from irnet_hw.errors import UserError
from irnet_hw.kernels.resources import area, total
from irnet_hw.progress import say

#: Maximum rounds of replanning with the FIFO depths that the previous plan needed.
ROUNDS = 3


@dataclass(frozen=True)
class Folding:
    """A folded graph.

    Attributes:
        fps: frames per second that it reaches with the board's memory port.
        area: including FIFOs and converters.
        distance: how far it may be from the optimum, relative to the bound: of the cost of its area
            (:mod:`irnet_hw.compiler.folding.search`), or, for the highest rate, of the rate.
        next_doubling: frames per second, area and whether it fits the board, for the smallest
            accelerator with at least twice the rate; None if no fold reaches that.
        config: the text of a folding configuration with these folds.
        schedule: of the graph with its FIFOs and converters.
        fifo_styles: the memory of each FIFO of that graph, "distributed" or "block".
    """

    fps: float
    area: Area
    distance: float
    next_doubling: Doubling | None
    config: str
    schedule: Schedule
    fifo_styles: tuple[str, ...]


def fold(
    model: ModelWrapper,
    board: Board,
    target_fps: float | None,
    pins: Mapping[str, Attributes] | None = None,
) -> Folding:
    """Set the folding attributes of every kernel.

    Args:
        model: the graph of hardware ops; of FIFOs and converters it has only flattenings.
        board: to fit.
        target_fps: frames per second to reach with the least area, above 0; None: as many as
            possible.
        pins: fixed attributes, by node name.

    Raises:
        UserError: the rate can't be reached, or not within the board's resources; says which layer
            is the limit or which resource runs out, and which rate can be reached.
    """
    folder = _Folder(model, board, pins or {})
    if target_fps is None:
        made, distance = folder.fastest()
        text = f"within {100 * distance:.1f} % of the bound of the rate"
    else:
        made, distance = folder.least(target_fps)
        text = f"within {100 * distance:.1f} % of the bound of the area"
    _set(model, folder.planner, made.plan)
    used = ", ".join(f"{made.area[key]} of {board.usable[key]} {key}" for key in RESOURCES)
    say(f"  {made.pace} cycles a frame, {text}; {used} ({_reserve(board)})")
    if made.pace < folder.port:
        say(f"  the memory port takes {folder.port:g} cycles for a frame")
    return Folding(
        fps=board.clock_mhz * 1e6 / max(made.pace, folder.port),
        area=made.area,
        distance=distance,
        next_doubling=folder.doubling(made.pace),
        config=folding_config.text(model),
        schedule=made.schedule,
        fifo_styles=made.fifo_styles,
    )


@dataclass(frozen=True)
class _Made:
    """A plan with its streams.

    Attributes:
        plan: the choices.
        bound: no fitting plan within the same cycles costs less.
        area: including FIFOs and converters.
        schedule: of the graph with them.
        fifo_styles: the memory of each FIFO.
    """

    plan: Plan
    bound: float
    area: Area
    schedule: Schedule
    fifo_styles: tuple[str, ...]

    @property
    def pace(self) -> int:
        """Cycles from frame to frame."""
        return self.schedule.pace


class _Folder:
    """Makes plans for one network and board.

    Attributes:
        planner: of the network.
        port: cycles that the memory port takes for a frame, on average.
    """

    def __init__(self, model: ModelWrapper, board: Board, pins: Mapping[str, Attributes]) -> None:
        self._model = model
        self._board = board
        self._clock = board.clock_mhz * 1e6
        self._scale = Scale(board)
        self._pins = pins
        self.planner = Planner(model, board.part, pins)
        self.port = max(_frame_bytes(model)) / PORT_BYTES
        self._waits = [
            0 if link.target is None else waiting(model, link.target)[link.inlet]
            for link in self.planner.links
        ]

    def least(self, target_fps: float) -> tuple[_Made, float]:
        """Return the plan of least area that reaches a rate, and its distance from the bound."""
        slowest, least = self.planner.limit()
        budget = self._clock / target_fps
        if budget < self.port and self.port >= least:
            taken, given = _frame_bytes(self._model)
            raise UserError(
                f"{self._leaves(target_fps)} the memory port takes {self.port:g}, for {taken} "
                f"bytes in and {given} out at {PORT_BYTES} a cycle; must be at most "
                f"{_floor(self._clock / self.port)}"
            )
        if budget < least:
            raise UserError(
                f"{self._leaves(target_fps)} layer {slowest.name} "
                f"({op(slowest).describe()}) takes at least {least}"
                f"{self._fixed(slowest, least)}; must be at most {_floor(self._clock / least)}"
            )
        made = self._reaching(budget)
        if made.pace > budget:
            held = next(node for node in self.planner.nodes if node.name == made.schedule.held)
            raise UserError(
                f"{self._leaves(target_fps)} layer {held.name} "
                f"({op(held).describe()}) and the one behind it, which stall each other, "
                f"take at least {made.pace}{self._fixed(held, made.pace)}; must be at most "
                f"{_floor(self._clock / made.pace)}"
            )
        if not made.area.fits(self._board.usable):
            raise UserError(self._too_large(made.area, target_fps, budget))
        # The bound has estimates of the FIFOs, which may turn out smaller.
        return made, max(self._scale.cost(made.area) / made.bound - 1, 0.0)

    def fastest(self) -> tuple[_Made, float]:
        """Return the fitting plan with the highest rate, and its distance from the bound."""
        budgets = self.planner.budgets()
        # One of these is as fast as the port, and less cycles gain nothing.
        budgets = budgets[max(0, bisect_right(budgets, self.port) - 1) :]
        made, possible = self._first(budgets)
        if made is None:
            size = self._plan(budgets[-1]).area
            raise UserError(
                f"max-fps: the network takes {self._overrun(size)} on {self._board.name} at its "
                "lowest rate"
            )
        return made, made.pace / possible - 1

    def doubling(self, cycles: int) -> Doubling | None:
        """Return the rate, area and fit of an accelerator with twice the rate."""
        _, least = self.planner.limit()
        if cycles // 2 < least or cycles / 2 < self.port:
            return None
        made = self._reaching(cycles / 2)
        if made.pace > cycles / 2:
            return None
        fitting = made.area.fits(self._board.usable)
        return Doubling(fps=self._clock / max(made.pace, self.port), area=made.area, fits=fitting)

    def _first(self, budgets: Sequence[int]) -> tuple[_Made | None, int]:
        """Return the first plan that fits, and the least budget that might.

        More cycles never take more area, so bisection finds both.
        """
        impossible, first, beyond = -1, 0, len(budgets)
        while first < beyond:
            middle = (first + beyond) // 2
            found = search(self.planner.task(budgets[middle], self._waits), self._board)
            if found.fits:
                beyond = middle
            else:
                first = middle + 1
                if found.bound == inf:
                    impossible = middle
        # With real FIFO depths this budget may no longer fit; try the next ones.
        for budget in budgets[first:]:
            made = self._plan(budget)
            if made.area.fits(self._board.usable):
                return made, budgets[impossible + 1]
        return None, 0

    def _reaching(self, budget: float) -> _Made:
        """Return the plan of least area whose frame interval is within a budget.

        If there is none, return the plan with the shortest interval.
        """
        # Budgets beyond the largest one change nothing.
        budgets = self.planner.budgets()
        first = made = best = self._plan(int(min(budget, budgets[-1])))
        while made.pace > budget:
            faster = [cycles for cycles in budgets if cycles < made.plan.cycles]
            if not faster:
                break
            made = self._plan(faster[-1])
            best = min(best, made, key=lambda one: one.pace)
        return replace(best, bound=first.bound)

    def _plan(self, budget: int) -> _Made:
        """Return the plan of least area whose kernels are within a budget.

        If its FIFOs turn out too large for the board, the plan is made again with those FIFOs.
        """
        found = search(self.planner.task(budget, self._waits), self._board)
        made, waits = self._measure(found.plan, found.bound)
        for _ in range(ROUNDS):
            if made.area.fits(self._board.usable) or not found.fits:
                break
            waits = [max(pair) for pair in zip(waits, self._waits, strict=True)]
            found = search(self.planner.task(budget, waits), self._board)
            made, waits = self._measure(found.plan, made.bound)
        return made

    def _measure(self, plan: Plan, bound: float) -> tuple[_Made, list[int]]:
        """Return a plan with its FIFOs, and the elements that each link holds."""
        model = _skeleton(self._model)
        _set(model, self.planner, plan)
        streams = InsertStreams()
        model = model.transform(streams)
        fifos = queues(model)
        elements = {node.input[0]: op(node).number("depth") * op(node).lanes_in() for node in fifos}
        waits = [
            0 if link.source is None else elements.get(link.source.output[link.outlet], 0)
            for link in self.planner.links
        ]
        others = [op(node) for node in model.graph.node if not op(node).queues]
        size = total(*(area(kernel, self._board.part) for kernel in others))
        size, styles = self._styles(fifos, size, plan.prices)
        return _Made(plan, bound, size, streams.plan, styles), waits

    def _styles(
        self, fifos: Sequence[NodeProto], others: Area, prices: Prices
    ) -> tuple[Area, tuple[str, ...]]:
        """Return the area with FIFOs in the memories that cost least, and those memories.

        Args:
            fifos: with their depths.
            others: the area of all other nodes.
            prices: of the plan.
        """
        options = [self.planner.styled(node) for node in fifos]
        tables = [Alternatives([sizes]) for _, sizes in options]
        places = [table.cheapest(0, prices) for table in tables]
        used = numbers(others)
        for table, place in zip(tables, places, strict=True):
            used = used + table.sizes[place]
        places, used = settle(tables, places, used, prices, self._scale.costs)
        chosen = [choices[place] for (choices, _), place in zip(options, places, strict=True)]
        return as_area(used), tuple(str(choice.attributes["ram_style"]) for choice in chosen)

    def _leaves(self, target_fps: float) -> str:
        """Return the beginning of messages about a rate that leaves too few cycles."""
        return (
            f"target-fps: {target_fps:g} leaves {int(self._clock / target_fps)} cycles for a frame "
            f"at {self._board.clock_mhz:g} MHz, and"
        )

    def _fixed(self, node: NodeProto, cycles: int) -> str:
        """Return the fixed attributes of a kernel and of those that it is directly connected to.

        Args:
            node: of the graph without streams.
            cycles: that it takes; the text is empty if it needs as many without fixed attributes.
        """
        if Planner(self._model, self._board.part, {}).limit()[1] >= cycles:
            return ""
        near = {node.name}
        for link in self.planner.links:
            ends = {end.name for end in (link.source, link.target) if end is not None}
            if link.direct and node.name in ends:
                near |= ends
        fixed = [
            f"{one.name}: {', '.join(f'{key} = {value}' for key, value in pins.items())}"
            for one in self.planner.nodes
            if one.name in near and (pins := self._pins.get(one.name))
        ]
        return f", as folding-config fixes {' and '.join(fixed)}" if fixed else ""

    def _too_large(self, size: Area, target_fps: float, budget: float) -> str:
        """Return the message about exhausted resources, with the highest rate that fits."""
        start = f"target-fps: {target_fps:g} on {self._board.name} takes {self._overrun(size)}"
        made, _ = self._first([cycles for cycles in self.planner.budgets() if cycles > budget])
        if made is None:
            return f"{start}, and the network does not fit this board at any rate"
        return f"{start}; the highest rate that fits is {_floor(self._clock / made.pace)}"

    def _overrun(self, size: Area) -> str:
        """Return which resources run out, and how many of them are available."""
        usable, have = self._board.usable, self._board.resources
        return ", ".join(
            f"{size[key]} {key} of {usable[key]}"
            + ("" if usable[key] == have[key] else f" ({have[key]} less the board's reserve)")
            for key in RESOURCES
            if size[key] > usable[key]
        )


def _frame_bytes(model: ModelWrapper) -> tuple[int, int]:
    """Return the bytes that a frame takes in memory, without padding, and those of its results."""
    entry, exit_ = (end[0].name for end in (model.graph.input, model.graph.output))
    bits = prod(shape(model, entry)) * int(model.get_tensor_datatype(entry).bitwidth())
    return -(-bits // 8), VALUE_BYTES * prod(shape(model, exit_))


def _set(model: ModelWrapper, planner: Planner, plan: Plan) -> None:
    """Give the nodes of a model the attributes of a plan."""
    chosen = dict(zip((node.name for node in planner.nodes), plan.choices, strict=True))
    for node in kernels(model):
        for name, value in chosen[node.name].attributes.items():
            op(node).set_nodeattr(name, value)


def _skeleton(model: ModelWrapper) -> ModelWrapper:
    """Return a copy of a graph without its constants, which can be large."""
    graph = model.graph
    bare = helper.make_graph(list(graph.node), "skeleton", [graph.input[0]], [graph.output[0]])
    bare.value_info.extend(graph.value_info)
    bare.quantization_annotation.extend(graph.quantization_annotation)
    return ModelWrapper(qonnx_make_model(bare))


def _reserve(board: Board) -> str:
    parts = ", ".join(f"{100 * part:g} % of the {key}" for key, part in board.reserve.items())
    return f"by the models; {parts or 'nothing'} kept in reserve"


def _floor(rate: float) -> str:
    """Return a rate with 6 digits, rounded down so that it can be used as a target."""
    return f"{int(rate)}" if rate >= 1 else f"{int(rate * 1e6) / 1e6:g}"
