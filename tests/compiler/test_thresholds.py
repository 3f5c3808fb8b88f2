import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from irnet_hw.compiler.numbers.chain import Evaluator, layers
from irnet_hw.compiler.passes.thresholds import IntegerThresholds, thresholds
from irnet_hw.errors import UserError
from tests.compiler.graphs import Conv, Dense, Network, images
from tests.compiler.passes import kinds, logits, upto

FLOAT = st.floats(-1000, 1000, width=32)


def evaluator(scale: list[float], bias: list[float]) -> Evaluator:
    """sign(scale * acc + bias) in float32, one channel each."""
    count = len(scale)
    shape = [1, count]
    nodes = [
        helper.make_node("Mul", ["x", "scale"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node(
            "MultiThreshold",
            ["sum", "zero"],
            ["y"],
            domain="qonnx.custom_op.general",
            out_dtype="BIPOLAR",
            out_scale=2.0,
            out_bias=-1.0,
        ),
    ]
    constants = {
        "scale": np.array([scale], np.float32),
        "bias": np.array([bias], np.float32),
        "zero": np.zeros((1, 1), np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = ModelWrapper(qonnx_make_model(graph, opset_imports=[helper.make_opsetid("", 13)]))
    return Evaluator(model, list(model.graph.node), count, 2)


def check_all(scale: list[float], bias: list[float], low: int, high: int) -> None:
    """The threshold must decide like the float32 chain at every single accumulator."""
    evaluate = evaluator(scale, bias)
    lows, highs = np.full(len(scale), low), np.full(len(scale), high)
    down = (evaluate(lows) > evaluate(highs)).astype(np.int64)
    found = thresholds(evaluate, down, lows, highs)
    with np.errstate(over="ignore"):
        for value in range(low, high + 1):
            chain = np.float32(value) * np.float32(scale) + np.float32(bias) >= 0
            signed = np.where(down == 1, -value, value)
            assert np.array_equal(signed >= found, chain), value
    least = np.where(down == 1, -high, low)
    greatest = np.where(down == 1, -low, high)
    assert np.all((found >= least) & (found <= greatest + 1))


@pytest.mark.slow
@given(st.lists(st.tuples(FLOAT, FLOAT), min_size=1, max_size=6), st.integers(0, 20))
def test_decides_as_float32_does(pairs: list[tuple[float, float]], size: int) -> None:
    check_all([a for a, _ in pairs], [b for _, b in pairs], -size, size + 3)


def test_where_rounding_decides() -> None:
    """Whether scale * 3 + bias is above or below 0 depends only on the product's rounding."""
    third = np.float32(1) / np.float32(3)
    product = np.float32(3) * third
    steps = [
        np.nextafter(product, np.float32(np.inf)),
        product,
        np.nextafter(product, np.float32(0)),
    ]
    scale = [float(third)] * 3 + [float(-third)] * 3
    bias = [float(-step) for step in steps] + [float(step) for step in steps]
    check_all(scale, bias, -8, 8)


@pytest.mark.parametrize("norm", ["affine", "batch"])
def test_computes_the_same(norm: str) -> None:
    network = Network(
        layers=(Conv(8, bits=8, norm=norm), Conv(8, pool=2, norm=norm), Dense(9)), seed=3
    )
    model = network.build()
    found = upto(model, IntegerThresholds)
    assert not {"BatchNormalization", "Clip"} & set(kinds(found))
    pixels = images(network, 4)
    assert np.array_equal(logits(found, pixels), logits(model, pixels))


def test_channels_that_fall_have_their_weights_negated() -> None:
    model = Network(layers=(Conv(4, bits=8),)).build()
    model.set_initializer("conv0_gamma", np.array([1, -1, 0, 0], np.float32).reshape(1, -1, 1, 1))
    model.set_initializer("conv0_beta", np.array([0, 0, 1, -1], np.float32).reshape(1, -1, 1, 1))
    weight = model.get_initializer("conv0_raw") * 2**8
    found = upto(model, IntegerThresholds)
    (layer, _) = layers(found)
    signs = np.array([1, -1, 1, 1]).reshape(-1, 1, 1, 1)
    assert np.array_equal(found.get_initializer(layer.input[1]), weight * signs)


def test_refuses_to_negate_minus_128() -> None:
    model = Network(layers=(Conv(4, bits=8),)).build()
    weight = model.get_initializer("conv0_raw").copy()
    weight[0, 0, 0, 0] = -128 * 2.0**-8
    model.set_initializer("conv0_raw", weight)
    model.set_initializer("conv0_gamma", np.full((1, 4, 1, 1), -1, np.float32))
    model.set_initializer("conv0_beta", np.zeros((1, 4, 1, 1), np.float32))
    quantizer = next(node for node in model.graph.node if node.name == "conv0_quant")
    next(entry for entry in quantizer.attribute if entry.name == "narrow").i = 0
    with pytest.raises(UserError) as caught:
        upto(model, IntegerThresholds)
    assert str(caught.value) == (
        "node conv0 (Conv): weight -128 in a channel that has to be negated; "
        "its 8-bit quantizer must be narrow, -127 to 127"
    )
