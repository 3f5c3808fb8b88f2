import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irnet_hw.compiler.passes.emit import output
from irnet_hw.compiler.passes.forks import Forks
from tests.compiler.graphs import Conv, Dense, Network, images
from tests.compiler.passes import kinds, logits, logits_nhwc, upto


def same(network: Network) -> list[str]:
    """Check that lowering keeps the logits; return the ops."""
    model = network.build()
    found = upto(model, Forks)
    pixels = images(network)
    integers = logits_nhwc(found, pixels)
    assert np.array_equal(integers, np.rint(integers))
    assert np.array_equal(integers * output(found).scale, logits(model, pixels))
    return kinds(found)


def test_vgg() -> None:
    assert same(Network()) == [
        "SlidingWindow",
        "IntMVAU",
        "SlidingWindow",
        "BinaryMVAU",
        "BitMaxPool",
        "SlidingWindow",
        "BinaryMVAU",
        "WidthConverter",
        "IntMVAU",
    ]


def test_pointwise_convolution_needs_no_window() -> None:
    network = Network(layers=(Conv(4, bits=8), Conv(6, kernel=1, padding=0)))
    assert same(network)[2:4] == ["BinaryMVAU", "WidthConverter"]


def test_multilayer_perceptron() -> None:
    network = Network(layers=(Dense(7, bits=4), Dense(5)), bias=False, last_bits=1)
    assert same(network) == ["WidthConverter", "IntMVAU", "BinaryMVAU", "BinaryMVAU"]


@pytest.mark.parametrize(("bits", "seed"), [(1, 0), (2, 6)])
def test_bias_behind_weights_of_one(bits: int, seed: int) -> None:
    """2-bit weights may all be ±1 by chance (as with this seed)."""
    network = Network(layers=(Conv(1, bits=8, pool=5),), classes=3, last_bits=bits, seed=seed)
    assert same(network)[-1] == "BinaryMVAU"


CONVOLUTION = st.builds(
    Conv,
    channels=st.integers(1, 6),
    kernel=st.integers(1, 3),
    padding=st.integers(0, 2),
    stride=st.integers(1, 2),
    norm=st.sampled_from(["affine", "batch"]),
)


@pytest.mark.slow
@settings(max_examples=8)
@given(
    layers=st.lists(CONVOLUTION, min_size=1, max_size=2),
    image=st.tuples(st.integers(6, 8), st.integers(6, 8), st.integers(1, 3)),
    last=st.sampled_from(["Gemm", "MatMul"]),
    seed=st.integers(0, 2**16),
)
def test_any_shape(layers: list[Conv], image: tuple[int, int, int], last: str, seed: int) -> None:
    same(Network(image=image, layers=tuple(layers), last=last, seed=seed))


def test_streams_keep_the_names_of_the_networks_tensors() -> None:
    model = Network().build()
    signs = [node.output[0] for node in model.graph.node if node.name.endswith("_sign")]
    found = upto(model, Forks)
    streams = [node.output[0] for node in found.graph.node]
    assert set(signs) <= set(streams)
    assert streams[-1] == "logits"
    assert found.get_tensor_shape("image") == [1, 6, 5, 2]
