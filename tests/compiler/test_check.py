from collections.abc import Callable

import numpy as np
import pytest
from onnx import helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.passes.check import SUPPORTED, check, check_domains
from irnet_hw.compiler.passes.tidy import Tidy
from irnet_hw.errors import UserError
from tests.compiler.graphs import QONNX, Conv, Dense, Network
from tests.compiler.passes import upto

SMALL = Network(layers=(Conv(4, bits=8), Conv(4, pool=2)))


def node(model: ModelWrapper, name: str):
    return next(node for node in model.graph.node if node.name == name)


def set_attribute(model: ModelWrapper, name: str, key: str, value: object) -> None:
    found = node(model, name)
    for entry in [entry for entry in found.attribute if entry.name == key]:
        found.attribute.remove(entry)
    found.attribute.append(helper.make_attribute(key, value))


def set_constant(model: ModelWrapper, name: str, value: object) -> None:
    model.set_initializer(name, np.asarray(value, dtype=np.float32))


def after(model: ModelWrapper, name: str, kind: str, *inputs: str, **attributes) -> None:
    """Put a node after another."""
    before = node(model, name)
    reader = model.find_consumers(before.output[0])[0]
    new = helper.make_node(kind, [before.output[0], *inputs], ["new"], name="new", **attributes)
    model.graph.node.insert(list(model.graph.node).index(before) + 1, new)
    reader.input[0] = "new"


def message(model: ModelWrapper) -> str:
    with pytest.raises(UserError) as caught:
        check(upto(model, Tidy))
    return str(caught.value)


@pytest.mark.parametrize(
    "network",
    [
        SMALL,
        Network(layers=(Conv(4, bits=8, norm="batch"), Conv(3, 1, 0), Dense(5)), last="MatMul"),
        Network(layers=(Dense(7, bits=4), Dense(5)), bias=False, last_bits=1),
        Network(layers=(Conv(4, stride=2, pool_after=2),), zero=0),
    ],
)
def test_accepts(network: Network) -> None:
    check(upto(network.build(), Tidy))


def test_accepts_a_convolution_that_names_no_padding() -> None:
    model = Network(layers=(Conv(4, bits=8), Conv(4, padding=0, bits=8))).build()
    attributes = node(model, "conv1").attribute
    (pads,) = [entry for entry in attributes if entry.name == "pads"]
    attributes.remove(pads)
    check(upto(model, Tidy))


LIST = (
    "Conv, MatMul, Gemm, MaxPool, ReduceSum, Mul, Add, Sub, Div, BatchNormalization, Clip, Quant, "
    "BipolarQuant, Slice, Pad, Flatten, Reshape"
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda model: after(model, "conv1", "Relu"),
            f"node new (Relu): is not supported; supported are {LIST}",
        ),
        (
            lambda model: set_constant(model, "zero", 0.5),
            "node Sub_0 (Sub): offset 0.5, must be an integer from 0 to 255",
        ),
        (
            lambda model: set_constant(model, "unit", 1 / 255),
            "node Mul_0 (Mul): scale 0.003921568859368563, must be a power of two, 2^-126 to 2^103",
        ),
        (
            lambda model: set_constant(model, "conv1_scale", 0.3),
            "node conv1_quant (BipolarQuant): scale 0.3, must be powers of two, 2^-126 to 2^103",
        ),
        (
            lambda model: set_constant(model, "conv0_zero", 1),
            "node conv0_quant (Quant): zero point 1, must be 0",
        ),
        (
            lambda model: set_constant(model, "conv0_bits", 16),
            "node conv0_quant (Quant): 16 bits, must be 2 to 8",
        ),
        (
            lambda model: set_attribute(model, "conv0_quant", "signed", 0),
            "node conv0_quant (Quant): unsigned, must be signed",
        ),
        (
            lambda model: set_constant(model, "conv1_sign_scale", 2),
            "node conv1_sign (BipolarQuant): scale 2, must be 1",
        ),
        (
            lambda model: set_constant(model, "conv0_raw", np.full((4, 2, 3, 3), np.nan)),
            "node conv0_quant (Quant): conv0_raw holds a value that is not finite",
        ),
        (
            lambda model: set_constant(model, "last_raw", np.ones((3, 20))),
            "node last (Gemm): its input has 24 channels, its weights 20",
        ),
        (
            lambda model: set_attribute(model, "conv1", "dilations", [2, 2]),
            "node conv1 (Conv): dilations = [2, 2], must be [1, 1]",
        ),
        (
            lambda model: set_attribute(model, "conv1_pool", "strides", [1, 1]),
            "node conv1_pool (MaxPool): strides = [1, 1], must be kernel_shape = [2, 2]",
        ),
        (
            lambda model: set_constant(model, "conv1_beta", np.inf),
            "node conv1_add (Add): conv1_beta holds a value that is not finite",
        ),
        (
            lambda model: after(model, "conv1_add", "Div", "zero_sized"),
            "node new (Div): zero_sized divides by 0",
        ),
        (
            lambda model: set_constant(model, "last_bias", [0, 0.3, 0]),
            "node last (Gemm): bias 0, 0.3, must be multiples of the accumulator's scale "
            "0.00390625, below 8388608 times it",
        ),
    ],
)
def test_refuses(change: Callable[[ModelWrapper], None], expected: str) -> None:
    model = SMALL.build()
    set_constant(model, "zero_sized", 0)
    change(model)
    assert message(model) == expected


def test_refuses_multi_bit_weights_behind_padding() -> None:
    assert message(Network(layers=(Conv(4, bits=8), Conv(4, bits=4))).build()) == (
        "node conv1 (Conv): zero padding of 1-bit activations needs 1-bit weights (BipolarQuant), "
        "and its weights come from Quant"
    )


@pytest.mark.parametrize(("sizes", "right"), [([0, -1], True), ([-1, 24], True), ([1, 24], False)])
def test_reshape_must_take_batches(sizes: list[int], right: bool) -> None:
    model = SMALL.build()
    flatten = next(n for n in model.graph.node if n.op_type == "Flatten")
    flatten.op_type, flatten.name = "Reshape", "flat"
    del flatten.attribute[:]
    flatten.input.append("sizes")
    model.graph.initializer.append(numpy_helper.from_array(np.array(sizes, np.int64), "sizes"))
    if right:
        check(upto(model, Tidy))
    else:
        assert message(model) == (
            "node flat (Reshape): shape [1, 24], must begin with 0 or -1, "
            "because the network also runs on batches of images"
        )


def test_refuses_to_add_signs() -> None:
    model = SMALL.build()
    sign = node(model, "conv0_sign").output[0]
    after(model, "conv1_sign", "Add", sign)
    model.set_tensor_shape("new", [1, 4, 3, 2])
    with pytest.raises(UserError) as caught:
        check(model)
    assert str(caught.value) == (
        f"node new (Add): adds {node(model, 'conv1_sign').output[0]} (signs) and {sign} (signs); "
        "must add one stream, made by Quant, to the sums of a layer"
    )


def test_refuses_another_input() -> None:
    model = SMALL.build()
    first = next(n for n in model.graph.node if n.op_type == "Sub")
    second = model.find_consumers(first.output[0])[0]
    second.input[0], first.input[0] = "image", second.output[0]
    node(model, "conv0").input[0] = first.output[0]
    assert message(model) == (
        "input image: goes through Mul, Sub; the network must begin with "
        "Sub(offset, 0 to 255) and Mul(scale, a power of two)"
    )


def test_refuses_a_shape_that_is_not_fixed() -> None:
    model = SMALL.build()
    model.graph.input[0].type.tensor_type.shape.dim[2].ClearField("dim_value")
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    with pytest.raises(UserError) as caught:
        check(model)
    assert str(caught.value) == (
        "input image: shape [1, 2, 0, 5], must be [1, channels, height, width], [1, channels, "
        "length] or [1, length]"
    )


def test_refuses_a_network_that_ends_in_a_sign() -> None:
    model = SMALL.build()
    one = node(model, "last").output[0]
    node(model, "last").output[0] = "sums"
    model.set_initializer("one", np.ones((), np.float32))
    model.graph.node.append(
        helper.make_node("BipolarQuant", ["sums", "one"], [one], name="end", domain=QONNX)
    )
    assert message(model) == (
        "node end (BipolarQuant): is the last node; the network must end with a dense layer"
    )


def test_refuses_foreign_nodes_before_any_pass() -> None:
    model = SMALL.build()
    last = node(model, "last")
    last.domain, last.op_type = "com.example", "Mystery"
    with pytest.raises(UserError) as caught:
        check_domains(model)
    assert str(caught.value) == (
        f"node last (Mystery): is not supported; supported are {', '.join(SUPPORTED)}"
    )


def test_refuses_weights_that_are_not_finite() -> None:
    model = SMALL.build()
    quantizer = model.find_producer(node(model, "conv1").input[1])
    weights = model.get_initializer(quantizer.input[0]).copy()
    weights.flat[3] = np.nan
    model.set_initializer(quantizer.input[0], weights)
    assert message(model) == (
        f"node {quantizer.name} ({quantizer.op_type}): {quantizer.input[0]} holds a value that is "
        "not finite"
    )
