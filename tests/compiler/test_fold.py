import dataclasses
import itertools
import re
from copy import deepcopy

import numpy as np
import pytest

from irnet_hw.artifact.resources import RESOURCES, Area
from irnet_hw.boards import load_board
from irnet_hw.compiler.folding.fold import fold
from irnet_hw.compiler.folding.links import InsertStreams
from irnet_hw.compiler.folding.planner import Plan, Planner, Task
from irnet_hw.compiler.folding.schedule import schedule
from irnet_hw.compiler.folding.search import Scale, search
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.passes.forks import Forks
from irnet_hw.errors import UserError
from irnet_hw.kernels.resources import area, total
from tests.compiler.graphs import Conv, Dense, Network
from tests.compiler.hardware import resnet
from tests.compiler.passes import upto

BOARD = load_board("pynq-z2")
SMALL = Network(image=(4, 4, 2), layers=(Conv(4, bits=8), Conv(6, pool=2)), classes=4)


def cycles(model) -> int:
    return max(op(node).get_exp_cycles() for node in model.graph.node)


def size(model, part: str = BOARD.part) -> dict[str, int]:
    return total(*(area(op(node), part) for node in model.graph.node))


def area_of(node, choice) -> dict[str, int]:
    """Return the area of a kernel with the attributes of a choice."""
    copy = deepcopy(node)
    for name, value in choice.attributes.items():
        op(copy).set_nodeattr(name, value)
    return area(op(copy), BOARD.part)


def cost(model) -> float:
    return sum(size(model)[key] / BOARD.resources[key] for key in RESOURCES)


@pytest.mark.parametrize("fps", [1.0, 10_000.0, 300_000.0])
@pytest.mark.parametrize(
    "network", [SMALL, Network(layers=(Dense(12), Dense(6))), Network(layers=(Conv(4, stride=2),))]
)
def test_reaches_the_rate_with_legal_folds(network: Network, fps: float) -> None:
    model = upto(network.build(), Forks)
    fold(model, BOARD, fps)
    model = model.transform(InsertStreams())
    assert BOARD.clock_mhz * 1e6 / cycles(model) >= fps
    for node in model.graph.node:
        op(node).check()
        if node.op_type == "SlidingWindow":
            assert op(model.find_consumers(node.output[0])[0]).lanes_in() == op(node).lanes_out()


@pytest.mark.slow
def test_no_fold_of_less_area_reaches_the_rate() -> None:
    """Compare with every combination of folds of a network with two kernels and a pair."""
    network = Network(image=(4, 4, 2), layers=(Conv(4, bits=8, pool=2),), classes=4)
    model = upto(network.build(), Forks)
    fps, budget = 500_000.0, 200
    fold(model, BOARD, fps)
    found = cost(model.transform(InsertStreams()))
    window, unit, pool, _, dense = model.graph.node
    best = float("inf")
    tables = [list(op(node).folds()) for node in (unit, pool, dense)]
    for choice in itertools.product(*tables):
        for node, attributes in zip((unit, pool, dense), choice, strict=True):
            for name, value in attributes.items():
                op(node).set_nodeattr(name, value)
        if (
            2 % op(unit).number("SIMD")
            or max(op(n).get_exp_cycles() for n in (unit, pool, dense)) > budget
        ):
            continue
        op(window).set_nodeattr("SIMD", op(unit).number("SIMD"))
        if op(window).get_exp_cycles() <= budget:
            best = min(best, cost(model.transform(InsertStreams())))
    assert found == pytest.approx(best)


@pytest.mark.parametrize(
    ("image", "classes", "port", "said"),
    [
        (
            (6, 6, 1),
            2,
            4.5,
            "4.5, for 36 bytes in and 8 out at 8 a cycle; must be at most 22222222",
        ),
        (
            (2, 2, 1),
            7,
            3.5,
            "3.5, for 4 bytes in and 28 out at 8 a cycle; must be at most 28571428",
        ),
    ],
)
def test_no_rate_exceeds_the_memory_ports(image, classes, port, said) -> None:
    network = Network(image=image, layers=(Dense(4),), classes=classes).build()
    model = upto(network, Forks)
    folding = fold(model, BOARD, None)
    assert folding.fps == 1e8 / port
    # Fewer cycles would gain nothing.
    assert port / 2 < folding.schedule.pace <= port
    with pytest.raises(
        UserError, match=r"target-fps: 4e\+07 leaves 2 cycles .* the memory port takes"
    ) as caught:
        fold(upto(network, Forks), BOARD, 4e7)
    assert str(caught.value).endswith(said)


def test_names_the_layer_that_limits_the_rate() -> None:
    model = upto(SMALL.build(), Forks)
    with pytest.raises(UserError) as caught:
        fold(model, BOARD, 2e7)
    assert str(caught.value) == (
        "target-fps: 2e+07 leaves 5 cycles for a frame at 100 MHz, and "
        "layer SlidingWindow_rtl_0 "
        "(3x3 windows of 4x4 pixels, 2 channels) takes at least 20; must be at most 5000000"
    )
    fold(model, BOARD, 5000000)


#: The window and unit of its first layer stall each other by a cycle at 162 cycles per frame.
HELD_UP = Network(image=(11, 11, 2), layers=(Conv(8, padding=0, bits=8),), classes=3)
SLOWED = {
    "SlidingWindow_rtl_0": {"SIMD": 2, "parallel_window": 1},
    "IntMVAU_rtl_0": {"PE": 4, "SIMD": 18, "parallel_window": 1},
    "IntMVAU_rtl_1": {"PE": 3, "SIMD": 4},
}


def test_reaches_the_rate_where_kernels_would_hold_each_other_up() -> None:
    model = upto(HELD_UP.build(), Forks)
    slowed = deepcopy(model)
    folding = fold(slowed, BOARD, None, SLOWED)
    slowed = slowed.transform(InsertStreams())
    assert (cycles(slowed), schedule(slowed).pace) == (162, 163)
    assert folding.fps == 1e8 / 163
    free = fold(model, BOARD, 1e8 / 162)
    pace = schedule(model.transform(InsertStreams())).pace
    assert pace <= 162 and free.fps == 1e8 / pace


def test_says_which_layers_hold_each_other_up() -> None:
    model = upto(HELD_UP.build(), Forks)
    with pytest.raises(UserError) as caught:
        fold(model, BOARD, 617_000, SLOWED)
    text = str(caught.value)
    assert text == (
        "target-fps: 617000 leaves 162 cycles for a frame at 100 MHz, and layer "
        "SlidingWindow_rtl_0 (3x3 windows of 11x11 pixels, 2 channels) and the one behind it, "
        "which stall each other, take at least 163, as folding-config fixes "
        "SlidingWindow_rtl_0: SIMD = 2, "
        "parallel_window = 1 and IntMVAU_rtl_0: PE = 4, SIMD = 18, parallel_window = 1; must be "
        "at most 613496"
    )
    fold(model, BOARD, 613496, SLOWED)


def test_names_the_fixed_fold_that_limits_the_rate() -> None:
    model = upto(SMALL.build(), Forks)
    pins = {"BinaryMVAU_rtl_0": {"PE": 1, "SIMD": 4}}
    with pytest.raises(UserError) as caught:
        fold(model, BOARD, 500_000, pins)
    assert str(caught.value) == (
        "target-fps: 500000 leaves 200 cycles for a frame at 100 MHz, and layer "
        "SlidingWindow_rtl_1 (3x3 windows of 4x4 pixels, 4 channels) takes at least 864, as "
        "folding-config fixes BinaryMVAU_rtl_0: PE = 1, SIMD = 4; must be at most 115740"
    )
    fold(model, BOARD, 115740, pins)


def test_the_lowest_rate_of_all() -> None:
    """The cycles of a frame at that rate overflow to infinity."""
    least, slow = (upto(SMALL.build(), Forks) for _ in range(2))
    fold(least, BOARD, 1.0)
    fold(slow, BOARD, 1e-320)
    assert least.model.SerializeToString() == slow.model.SerializeToString()


def test_says_what_runs_out_and_what_rate_fits() -> None:
    model = upto(SMALL.build(), Forks)
    board = dataclasses.replace(BOARD, resources={**BOARD.resources, "DSP": 3})
    with pytest.raises(UserError) as caught:
        fold(model, board, 600_000)
    text = str(caught.value)
    assert re.fullmatch(
        r"target-fps: 600000 on pynq-z2 takes \d+ DSP of 3; the highest rate that fits is \d+", text
    )
    rate = int(text.rpartition("; the highest rate that fits is ")[2])
    fold(model, board, rate)
    assert size(model.transform(InsertStreams())).fits(board.resources)
    with pytest.raises(UserError):
        fold(model, board, rate * 1.01)


def test_says_that_a_board_is_too_small() -> None:
    model = upto(SMALL.build(), Forks)
    board = dataclasses.replace(BOARD, resources={**BOARD.resources, "FF": 10})
    with pytest.raises(UserError) as caught:
        fold(model, board, 10)
    text = str(caught.value)
    assert text.startswith("target-fps: 10 on pynq-z2 takes ")
    assert text.endswith(" FF of 10, and the network does not fit this board at any rate")


def test_says_what_is_kept_in_reserve() -> None:
    model = upto(SMALL.build(), Forks)
    board = dataclasses.replace(BOARD, resources={**BOARD.resources, "LUT": 100})
    with pytest.raises(UserError) as caught:
        fold(model, board, 10)
    assert re.fullmatch(
        r"target-fps: 10 on pynq-z2 takes \d+ LUT of 80 \(100 less the board's reserve\), "
        "and the network does not fit this board at any rate",
        str(caught.value),
    )


# ---------------------------------------------------------------------- branches

#: Fixed attributes of a network with a branch, which leave few choices.
PINS = {
    "IntMVAU_rtl_0": {"PE": 1, "SIMD": 3, "ram_style": "distributed"},
    "IntMVAU_rtl_1": {"PE": 1, "SIMD": 1, "ram_style": "distributed"},
    "Requantise_rtl_0": {"mulStyle": "lut"},
    "Requantise_rtl_1": {"PE": 1, "mulStyle": "lut"},
    "GlobalSumPool_rtl_0": {"PE": 1},
    "ResidualJoin_rtl_0": {"mulStyle": "lut"},
    "BinaryMVAU_rtl_0": {"ram_style": "distributed"},
    "SlidingWindow_rtl_1": {"ram_style": "distributed"},
}


@pytest.mark.parametrize("budget", [1200, 400])
def test_no_choices_of_a_graph_with_a_branch_cost_less(budget: int) -> None:
    """Compare with every combination, with the nodes of its streams counted one by one."""
    planner = Planner(resnet((3, 3, 3), (2,), classes=2), BOARD.part, PINS)
    waits = [0 if link.outlet == 0 else 24 for link in planner.links]
    prices = Scale(BOARD).prices(np.zeros(len(RESOURCES)))
    plan = planner.task(budget, waits).cheapest(prices)
    places = {node.output[0]: i for i, node in enumerate(planner.nodes)}

    def sizes(choices) -> dict[str, int] | None:
        """The area of a combination; None if a window's beats don't match its unit's."""
        found = []
        for i, link in enumerate(planner.links):
            source = link.source and choices[places[link.source.output[0]]].ports
            target = link.target and choices[places[link.target.output[0]]].ports
            before = source and source.lanes_out[link.outlet]
            after = before if target is None else target.lanes_in[link.inlet]
            if link.direct and (before, source.parallel) != (after, target.parallel):
                return None
            options = planner.between(i, (before, after), waits[i])
            found.append(min(options, key=lambda size: size @ prices))
        return dict(zip(RESOURCES, np.sum(found, axis=0), strict=True))

    tables = [planner.within(i, budget) for i in range(len(planner.nodes))]
    least, counted = float("inf"), 0
    for picks in itertools.product(*(range(len(choices)) for choices, _ in tables)):
        streams = sizes([choices[i] for (choices, _), i in zip(tables, picks, strict=True)])
        if streams is not None:
            kernels = np.sum([size[i] for (_, size), i in zip(tables, picks, strict=True)], axis=0)
            area_ = [streams[key] + n for key, n in zip(RESOURCES, kernels, strict=True)]
            least, counted = min(least, float(area_ @ prices)), counted + 1
    assert counted > 50
    assert sum(plan.area[key] * p for key, p in zip(RESOURCES, prices, strict=True)) == (
        pytest.approx(least)
    )


def test_estimated_fifos_leave_little_distance() -> None:
    assert 0 <= fold(resnet((6, 6, 3), (4,)), BOARD, 10_000).distance < 1e-4


def test_the_highest_rate_uses_what_there_is() -> None:
    board = dataclasses.replace(BOARD, resources={"LUT": 1500, "FF": 3000, "BRAM18": 4, "DSP": 2})
    folding = fold(resnet((6, 6, 3), (4,)), board, None)
    assert folding.area.fits(board.usable)
    assert 0 <= folding.distance < 0.2
    with pytest.raises(UserError):
        fold(resnet((6, 6, 3), (4,)), board, folding.fps * (1 + folding.distance) * 1.01)


def test_the_highest_rate_of_a_board_that_is_too_small() -> None:
    board = dataclasses.replace(BOARD, resources={**BOARD.resources, "FF": 10})
    with pytest.raises(UserError) as caught:
        fold(resnet((6, 6, 3), (4,)), board, None)
    assert re.fullmatch(
        r"max-fps: the network takes \d+ FF of 10 on pynq-z2 at its lowest rate",
        str(caught.value),
    )


def test_what_twice_the_rate_costs() -> None:
    folding = fold(resnet((6, 6, 3), (4,)), BOARD, 10_000)
    doubling = folding.next_doubling
    assert doubling.fps >= 2 * folding.fps
    assert doubling.fits is True
    again = fold(resnet((6, 6, 3), (4,)), BOARD, 1.999999 * folding.fps)
    assert (again.fps, again.area) == (doubling.fps, doubling.area)
    fastest = fold(resnet((6, 6, 3), (4,)), BOARD, 2e6)
    assert fastest.next_doubling is None


@pytest.mark.slow
def test_a_scarce_resource_is_charged_for() -> None:
    """The memories of a network go where there is room; the bound says how good that is."""
    board = BOARD
    # With LUTs for everything no block RAM is used; with fewer some is, until that is scarce too.
    for key, part in (("LUT", 0.8), ("BRAM18", 0.9)):
        free = fold(resnet((8, 8, 3), (16, 32)), board, 20_000)
        scarce = int(free.area[key] * part / (1 - BOARD.reserve.get(key, 0)))
        board = dataclasses.replace(board, resources={**board.resources, key: scarce})
        assert free.area[key] > board.usable[key] > 0
        folding = fold(resnet((8, 8, 3), (16, 32)), board, 20_000)
        assert folding.area.fits(board.usable)
        assert 0 <= folding.distance < 0.3


def test_tables_in_block_ram_take_the_place_of_scarce_luts() -> None:
    network = Network(layers=(Dense(64), Dense(64)))
    free = fold(upto(network.build(), Forks), BOARD, 1e6)
    luts = int(free.area["LUT"] * 0.85)
    board = dataclasses.replace(BOARD, reserve={}, resources={**BOARD.resources, "LUT": luts})
    model = upto(network.build(), Forks)
    assert fold(model, board, 1e6).area.fits(board.usable)
    (binary,) = model.get_nodes_by_op_type("BinaryMVAU")
    assert op(binary).get_nodeattr("ram_style") == "tables"


def test_what_is_scarce_is_balanced_until_the_bound_is_close() -> None:
    """LUT and block RAM are scarce, and what takes less of one takes more of the other."""
    planner = Planner(resnet((8, 8, 3), (16, 32)), BOARD.part, {})
    task = planner.task(5000, [0] * len(planner.links))
    lut = search(task, BOARD).plan.area["LUT"] * 0.7 / (1 - BOARD.reserve["LUT"])
    board = dataclasses.replace(BOARD, resources={**BOARD.resources, "LUT": int(lut), "BRAM18": 8})
    scale = Scale(board)
    free = task.cheapest(scale.prices(np.zeros(len(RESOURCES))))
    assert scale.shares(free.area).max() > 1
    found = search(task, board)
    assert found.fits and found.plan.area.fits(board.usable)
    cost = scale.cost(found.plan.area)
    assert cost < scale.cost(free.area)
    assert 0.95 * cost < found.bound <= cost


def test_a_small_network_takes_the_least_sum_of_shares() -> None:
    """Below half of every resource no block RAM or DSP block is spent on the highest share."""
    planner = Planner(resnet((8, 8, 3), (16, 32)), BOARD.part, {})
    task = planner.task(5000, [0] * len(planner.links))
    found, scale = search(task, BOARD), Scale(BOARD)
    assert scale.shares(found.plan.area).max() < 0.5
    free = task.cheapest(1 / np.array([BOARD.usable[key] for key in RESOURCES]))
    assert found.plan.area == free.area
    assert found.bound == pytest.approx(scale.cost(free.area))


def test_a_network_that_no_fold_makes_fit_has_no_bound() -> None:
    planner = Planner(resnet((8, 8, 3), (16, 32)), BOARD.part, {})
    task = planner.task(5000, [0] * len(planner.links))
    small = dataclasses.replace(BOARD, resources={**BOARD.resources, "FF": 100})
    found = search(task, small)
    assert not found.fits and found.bound == float("inf")


@pytest.mark.parametrize("key", ["LUT", "BRAM18"])
def test_kernels_one_at_a_time_settle_what_is_overrun(key: str) -> None:
    """The two extremes between which a price moves equal kernels: all or none."""
    planner = Planner(resnet((8, 8, 3), (16, 32)), BOARD.part, {})
    task = planner.task(4000, [0] * len(planner.links))
    prices = 1 / np.array([BOARD.resources[name] for name in RESOURCES])
    dear, cheap = (
        task.cheapest(np.where([name == key for name in RESOURCES], factor * prices, prices))
        for factor in (0.01, 100)
    )
    limits = {**BOARD.resources, key: (dear.area[key] + cheap.area[key]) // 2}
    board = dataclasses.replace(BOARD, resources=limits, reserve={})
    assert not dear.area.fits(limits)
    plan = task.settled(dear, Scale(board).costs)
    assert plan.area.fits(limits)
    assert [choice.ports for choice in plan.choices] == [choice.ports for choice in dear.choices]
    before, after = (
        total(*(area_of(node, choice) for node, choice in zip(planner.nodes, choices, strict=True)))
        for choices in (dear.choices, plan.choices)
    )
    count = len(planner.nodes)
    fifos = sum(
        table.sizes[new] - table.sizes[old]
        for table, old, new in zip(
            task._tables[count:], dear.places[count:], plan.places[count:], strict=True
        )
    )
    for name, change in zip(RESOURCES, fifos, strict=True):
        assert plan.area[name] - dear.area[name] == after[name] - before[name] + change
    assert task.settled(plan, Scale(board).costs) == plan


def test_a_board_without_a_resource_has_a_scale() -> None:
    board = dataclasses.replace(BOARD, resources={**BOARD.resources, "DSP": 0})
    area = Area(*(0 if key == "DSP" else 100 for key in RESOURCES))
    assert np.isfinite(Scale(board).cost(area))
    assert (Scale(board).shares(area) <= 1).all()
    assert Scale(board).shares(dataclasses.replace(area, DSP=1)).max() > 1e6


def test_no_kernel_alone_lowers_the_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    settled, found = Task.settled, []

    def kept(task: Task, plan: Plan, costs) -> Plan:
        result = settled(task, plan, costs)
        found.append((task, result, costs))
        return result

    monkeypatch.setattr(Task, "settled", kept)
    fold(resnet((16, 16, 3), (16, 32), convs=2), load_board("pynq-z2"), None)
    changed = 0
    for task, plan, costs in found:
        used = np.array([plan.area[name] for name in RESOURCES])
        for table, place in zip(task._tables, plan.places, strict=True):
            for other in table.group(place):
                changed += other != place
                after = used + table.sizes[other] - table.sizes[place]
                assert costs(after) >= costs(used) - 1e-9
    assert changed
