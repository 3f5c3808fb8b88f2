import dataclasses
import itertools
import re

import pytest

from irnet_hw.boards import load_board
from irnet_hw.compiler.area import RESOURCES, area, fits, total
from irnet_hw.compiler.fold import fold
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.lower import Lower
from irnet_hw.compiler.streams import InsertStreams
from irnet_hw.errors import UserError
from tests.compiler.graphs import Conv, Dense, Network
from tests.compiler.passes import upto

BOARD = load_board("pynq-z2")
SMALL = Network(image=(4, 4, 2), layers=(Conv(4, bits=8), Conv(6, pool=2)), classes=4)


def cycles(model) -> int:
    return max(op(node).get_exp_cycles() for node in model.graph.node)


def size(model, part: str = BOARD.part) -> dict[str, int]:
    return total(*(area(op(node), part) for node in model.graph.node))


def cost(model) -> float:
    return sum(size(model)[key] / BOARD.resources[key] for key in RESOURCES)


@pytest.mark.parametrize("fps", [1.0, 10_000.0, 300_000.0])
@pytest.mark.parametrize(
    "network", [SMALL, Network(layers=(Dense(12), Dense(6))), Network(layers=(Conv(4, stride=2),))]
)
def test_reaches_the_rate_with_legal_folds(network: Network, fps: float) -> None:
    model = upto(network.build(), Lower)
    fold(model, BOARD, fps)
    model = model.transform(InsertStreams())
    assert BOARD.clock_mhz * 1e6 / cycles(model) >= fps
    for node in model.graph.node:
        op(node).check()
        if node.op_type == "SlidingWindow":
            assert op(model.find_consumers(node.output[0])[0]).lanes_in() == op(node).lanes_out()


def test_no_fold_of_less_area_reaches_the_rate() -> None:
    """Against every combination of folds of a network with two kernels and a pair."""
    network = Network(image=(4, 4, 2), layers=(Conv(4, bits=8, pool=2),), classes=4)
    model = upto(network.build(), Lower)
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


def test_names_the_layer_that_limits_the_rate() -> None:
    model = upto(SMALL.build(), Lower)
    with pytest.raises(UserError) as caught:
        fold(model, BOARD, 2e6)
    assert str(caught.value) == (
        "target-fps: 2e+06 leaves 50 cycles for a frame at 100 MHz, and layer conv0_window "
        "(3x3 windows of 4x4 pixels, 2 channels) takes at least 144; must be at most 694444"
    )
    fold(model, BOARD, 694444)


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_refuses_a_rate_that_is_none(fps: float) -> None:
    with pytest.raises(UserError) as caught:
        fold(upto(SMALL.build(), Lower), BOARD, fps)
    assert str(caught.value) == f"target-fps: {fps:g}, must be a number above 0"


def test_says_what_runs_out_and_what_rate_fits() -> None:
    model = upto(SMALL.build(), Lower)
    board = dataclasses.replace(BOARD, resources={**BOARD.resources, "DSP": 3})
    with pytest.raises(UserError) as caught:
        fold(model, board, 600_000)
    text = str(caught.value)
    assert re.fullmatch(
        r"target-fps: 600000 on pynq-z2 takes \d+ DSP of 3; the highest rate that fits is \d+", text
    )
    rate = int(text.rpartition("; the highest rate that fits is ")[2])
    fold(model, board, rate)
    assert fits(size(model.transform(InsertStreams())), board.resources)
    with pytest.raises(UserError):
        fold(model, board, rate * 1.01)


def test_says_that_a_board_is_too_small() -> None:
    model = upto(SMALL.build(), Lower)
    board = dataclasses.replace(BOARD, resources={**BOARD.resources, "FF": 10})
    with pytest.raises(UserError) as caught:
        fold(model, board, 10)
    text = str(caught.value)
    assert text.startswith("target-fps: 10 on pynq-z2 takes ")
    assert text.endswith(" FF of 10, and the network does not fit this board at any rate")
