"""Scales that are moved behind layers: the same network, but for the order of float32 sums."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from irnet_hw.compiler.front import differences, read
from irnet_hw.compiler.passes.rescale import Rescale, moved
from irnet_hw.compiler.passes.tidy import Tidy
from irnet_hw.runner import Runner
from tests.compiler.given import Given, pixels

Change = Callable[[Given], object]


def signs(*sizes: int) -> Given:
    """A network that begins with signs of its input."""
    return Given(1, *sizes).op("Sub", 127.0).sign()


MOVES = [
    (
        "weights of one scale",
        lambda: signs(6).dense(3, scale=0.1),
        ["the weights' scale 0.1 behind gemm"],
    ),
    (
        "weights of several",
        lambda: signs(2, 5, 5).conv(3, scale=[0.1, 0.5, 0.3]),
        ["the weights' scale 0.1 to 0.5 behind conv"],
    ),
    (
        "multiplied weights",
        lambda: signs(6).dense(3, "MatMul", scale=0.7, kind="initializer"),
        ["the weights' scale 0.7 behind matmul"],
    ),
    (
        "signs",
        lambda: Given(1, 4, 4, 4).op("Sub", 127.0).sign(0.3).conv(2).flatten().dense(2),
        ["the scale of its input 0.3 behind conv"],
    ),
    (
        "bits, through a pool and a flattening",
        lambda: Given(1, 2, 4, 4).op("Div", 9.0).quant(4, 0.7).pool().flatten().dense(3),
        ["the scale of its input 0.7 behind gemm"],
    ),
    (
        "bits in front of two layers",
        lambda: both(Given(1, 2, 4, 4).op("Div", 9.0).quant(4, 0.7)),
        ["the scale of its input 0.7 behind conv", "the scale of its input 0.7 behind conv"],
    ),
    (
        "a sum of pixels",
        lambda: signs(2, 4, 4).sign(0.7).pool("AveragePool", 2).norm().sign().flatten().dense(2),
        ["the scale of its input 0.7 behind averagepool"],
    ),
    (
        "a mean",
        lambda: signs(4, 3, 3).mean().flatten().dense(3),
        ["the division of a mean 9 behind gemm"],
    ),
    (
        "pixels",
        lambda: Given(1, 1, 5, 5).op("Div", 255.0).op("Mul", 2.0).op("Sub", 1.0).conv(3),
        ["the pixels' scale /255 and 2 behind conv"],
    ),
]


def both(net: Given) -> Given:
    start = net.here
    net.conv(2).norm().sign()
    one = net.here
    return net.back(start).conv(2).norm().sign().concat(one).flatten().dense(2)


@pytest.mark.parametrize(
    ("write", "said"), [each[1:] for each in MOVES], ids=[each[0] for each in MOVES]
)
def test_moves(write: Callable[[], Given], said: list[str]) -> None:
    net = write()
    before = net.model().transform(Tidy())
    after = before.transform(Rescale())
    found = ["".join(c for c in each if c not in "0123456789") for each in moved(after)]
    wanted = ["".join(c for c in each if c not in "0123456789") for each in said]
    assert found == wanted
    assert [each.rsplit(" behind ")[0] for each in moved(after)] == [
        each.rsplit(" behind ")[0] for each in said
    ]
    x = np.random.default_rng(0).integers(0, 256, (16, *net.entry[1:])).astype(np.float32)
    (given,), (exact,) = (Runner(model).run(x).values() for model in (before, after))
    np.testing.assert_allclose(exact, given, rtol=1e-5, atol=1e-5 * np.abs(given).max())
    assert len(np.unique(given)) > 1
    # Once is enough.
    again = after.transform(Rescale())
    assert [n.op_type for n in again.graph.node] == [n.op_type for n in after.graph.node]


@pytest.mark.parametrize(
    "write",
    [
        lambda: signs(6).dense(3, scale=0.25),
        lambda: signs(6).dense(3, scale=[0.25, 1.0, 8.0]),
        lambda: signs(2, 4, 4).conv(3, bits=4, scale=2.0**-5).pool("AveragePool", 2),
        lambda: Given(1, 2, 4, 4).op("Div", 9.0).quant(4, 0.7).op("Add", 1.0).sign(),
        lambda: Given(1, 1, 4, 4).op("Div", 256.0).op("Sub", 0.5).conv(2),
        lambda: Given(1, 6).op("Sub", 127.0).sign(-1.0).dense(3),
        lambda: signs(6).dense(3).sign([0.1, 0.2, 0.3]),
    ],
)
def test_leaves_a_file_whose_sums_are_exact(write: Callable[[], Given]) -> None:
    model = write().model().transform(Tidy())
    after = model.transform(Rescale())
    assert not moved(after)
    assert after.model.graph.node == model.model.graph.node


def test_a_negative_scale_does_not_pass_a_max_pool() -> None:
    """The greatest of negated values is not the negated greatest."""
    net = Given(1, 2, 4, 4).op("Div", 9.0).quant(4, -0.7).pool().flatten().dense(3)
    before = net.model().transform(Tidy())
    after = before.transform(Rescale())
    x = np.random.default_rng(0).integers(0, 256, (9, 2, 4, 4)).astype(np.float32)
    (given,), (exact,) = (Runner(model).run(x).values() for model in (before, after))
    np.testing.assert_allclose(exact, given, rtol=1e-5)


def test_signs_of_the_least_numbers_stay() -> None:
    """Divided by the scale, a number just below 0 would be -0, whose sign is that of 0."""
    net = Given(1, 2).op("Mul", -1e-38).op("Mul", 1e-7).sign(3.0).dense(2)
    before = net.model().transform(Tidy())
    after = before.transform(Rescale())
    assert moved(after)
    x = np.array([[1.0, 0.0], [0.0, 1.0], [255.0, 255.0]], np.float32)
    (given,), (exact,) = (Runner(model).run(x).values() for model in (before, after))
    assert np.array_equal(given, exact)


def test_differences_count_what_the_images_show(tmp_path: Path) -> None:
    net = Given(1, 3, 6, 6).op("Div", 255.0).conv(4, bits=4, scale=0.1).norm().sign().flatten()
    net.dense(3, scale=0.3).model().save(str(tmp_path / "network.onnx"))
    network = read(tmp_path / "network.onnx")
    found = differences(network, pixels(net.entry, 20))
    assert found["images"] == 20
    assert found["signs"] == 20 * 4 * 16
    assert 0 < found["largest_difference"] < 1e-4
    assert found["flipped_signs"] == found["other_classes"] == 0
