"""Functions of integers against qonnx's run of the file's nodes."""

from collections.abc import Callable

import numpy as np
import pytest

from irnet_hw.compiler.numbers.function import Function, everywhere
from irnet_hw.compiler.passes.tidy import Tidy
from irnet_hw.runner import Runner
from tests.compiler.given import Given

CHAINS: dict[str, Callable[[Given], object]] = {
    "nothing": lambda net: net,
    "BN": lambda net: net.norm(),
    "BN, Clip, bits": lambda net: net.norm().clip().quant(3, 0.3),
    "channels": lambda net: net.op("Mul", [0.1, -0.2, 3.0]).op("Add", [1.0, 2.0, -0.3]),
    "PReLU, Tanh": lambda net: net.prelu([0.1, -0.2, 0.0]).node("Tanh"),
    "moved only": lambda net: net.norm().node("Identity").op("Sub", 0.1).sign(0.1),
}


@pytest.mark.parametrize("sizes", [(3, 1, 1), (3, 1), (3,)], ids=str)
@pytest.mark.parametrize("write", CHAINS.values(), ids=CHAINS)
def test_elementwise_chains(write: Callable[[Given], object], sizes: tuple[int, ...]) -> None:
    net = Given(1, *sizes)
    write(net)
    values = np.random.default_rng(0).normal(size=(300, 3)) * 5  # more than one batch
    if not net.nodes:
        found = Function(net.node("Identity").model(), [], 3)(values)
        assert np.array_equal(found, values.astype(np.float32))
        return
    model = net.model().transform(Tidy())
    found = Function(model, list(model.graph.node), 3)(values)
    inputs = values.astype(np.float32).reshape(300, *sizes)
    (right,) = Runner(model).run(inputs).values()
    assert found.dtype == np.float32
    assert np.array_equal(found, right.reshape(300, 3))


@pytest.mark.parametrize("image", [(2, 3), (3, 3), (5,)], ids=str)
def test_a_mean_is_a_function_of_the_sum(image: tuple[int, ...]) -> None:
    """Whatever the summands are, as long as float32 holds their sums."""
    net = Given(1, 4, *image).mean().flatten("1,-1").norm()
    model = net.model().transform(Tidy())
    x = np.random.default_rng(0).integers(-9, 9, (20, 4, *image)).astype(np.float32)
    (right,) = Runner(model).run(x).values()
    sums = x.reshape(20, 4, -1).sum(axis=2)
    assert np.array_equal(Function(model, list(model.graph.node), 4)(sums), right)


def test_a_mean_of_windows_is_that_of_one_window() -> None:
    net = Given(1, 2, 5, 6).pool("AveragePool", [2, 3], [1, 2], [0, 1, 1, 0]).op("Mul", 0.3)
    model = net.model().transform(Tidy())
    x = np.random.default_rng(0).integers(-9, 9, (1, 2, 5, 6)).astype(np.float32)
    (right,) = Runner(model).run(x).values()
    padded = np.pad(x[0], [(0, 0), (0, 1), (1, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2, 3), (1, 2))[:, :, ::2]
    sums = windows.sum(axis=(3, 4)).reshape(2, -1).T
    found = Function(model, list(model.graph.node), 2)(sums)
    assert np.array_equal(found.T, right.reshape(2, -1))


def test_all_integers_of_all_channels() -> None:
    found = everywhere(np.array([-2, 0, 1]), np.array([1, 0, 3]))
    assert found.T.tolist() == [[-2, -1, 0, 1, 1, 1], [0] * 6, [1, 1, 1, 1, 2, 3]]
