import numpy as np
import pytest

from irnet_hw.compiler.passes.pool_bits import PoolBits
from tests.compiler.graphs import Conv, Network, images
from tests.compiler.passes import kinds, logits, upto


@pytest.mark.parametrize(
    "layer",
    [
        Conv(16, pool=2),
        Conv(16, pool=3),
        Conv(16, pool=2, norm="batch"),
        Conv(16, pool_after=2),
        Conv(16, pool=2, pool_after=2),
    ],
)
def test_computes_the_same(layer: Conv) -> None:
    network = Network(image=(9, 7, 2), layers=(Conv(8, bits=8), layer), seed=1)
    model = network.build()
    found = upto(model, PoolBits)
    assert "MaxPool" not in kinds(found)
    assert "BitMaxPool" in kinds(found)
    pixels = images(network, 4)
    assert np.array_equal(logits(found, pixels), logits(model, pixels))


def mask(model) -> list[int]:
    found = upto(model, PoolBits)
    (node,) = [node for node in found.graph.node if node.op_type == "BitMaxPool"]
    return found.get_initializer(node.input[1]).astype(int).tolist()


def test_and_where_the_chain_falls() -> None:
    model = Network(layers=(Conv(6, bits=8, pool=2),)).build()
    gamma = np.array([1, -1, 0, 0, 1, -1], np.float32).reshape(1, -1, 1, 1)
    beta = np.array([0, 0, 1, -1, 1e9, 1e9], np.float32).reshape(1, -1, 1, 1)
    model.set_initializer("conv0_gamma", gamma)
    model.set_initializer("conv0_beta", beta)
    assert mask(model) == [0, 1, 0, 0, 0, 0]


def test_only_what_follows_the_pooling_counts() -> None:
    """-max(-x) is a minimum, although the chain as a whole rises."""
    network = Network(layers=(Conv(6, bits=8, pool=2),))
    model = network.build()
    conv, pool = (n for n in model.graph.node if n.name in ("conv0", "conv0_pool"))
    scale = next(n for n in model.graph.node if n.name == "conv0_mul")
    end = scale.output[0]
    model.set_initializer("conv0_gamma", np.full((1, 6, 1, 1), -1, np.float32))
    # conv -> pool -> mul becomes conv -> mul -> pool, and the addition changes sign.
    scale.input[0], pool.input[0] = conv.output[0], scale.output[0]
    middle = pool.output[0]
    pool.output[0], scale.output[0], pool.input[0] = end, middle, middle
    model.set_tensor_shape(middle, model.get_tensor_shape(conv.output[0]))
    nodes = model.graph.node
    nodes.remove(scale)
    nodes.insert(list(nodes).index(pool), scale)
    model.set_initializer("conv0_beta", np.zeros((1, 6, 1, 1), np.float32))
    found = upto(model, PoolBits)
    pixels = images(network, 4)
    assert np.array_equal(logits(found, pixels), logits(model, pixels))
    assert mask(model) == [0] * 6
