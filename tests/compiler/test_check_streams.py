"""Which networks with streams check accepts and refuses."""

from collections.abc import Callable

import numpy as np
import pytest
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.passes.check import check
from irnet_hw.compiler.passes.node_checks import check_sum
from irnet_hw.compiler.passes.residual_streams import IntegerStreams
from irnet_hw.compiler.passes.tidy import Tidy
from irnet_hw.errors import UserError
from tests.compiler.graphs import QONNX
from tests.compiler.passes import upto
from tests.compiler.residual_graphs import Residual
from tests.compiler.test_check import message, node, set_attribute, set_constant

NETWORK = Residual(image=(4, 4, 1), widths=(2, 4))


def insert(model: ModelWrapper, name: str, kind: str, *inputs: str, **attributes) -> None:
    """Put a node in front of the named one."""
    follower = node(model, name)
    entry = follower.input[0]
    new = helper.make_node(kind, [entry, *inputs], ["new"], name="new", **attributes)
    model.graph.node.insert(list(model.graph.node).index(follower), new)
    follower.input[0] = "new"


def drop(model: ModelWrapper, name: str) -> None:
    """Remove a node."""
    gone = node(model, name)
    for follower in model.find_consumers(gone.output[0]):
        follower.input[list(follower.input).index(gone.output[0])] = gone.input[0]
    model.graph.node.remove(gone)


def output_of(model: ModelWrapper, name: str) -> str:
    return node(model, name).output[0]


def add_two_streams(model: ModelWrapper) -> None:
    insert(model, "unit0_half", "Add", output_of(model, "stem_stream"))


def share_weights(model: ModelWrapper) -> None:
    node(model, "last").input[1] = output_of(model, "unit0_conv0_quant")


def end_in_a_stream(model: ModelWrapper) -> None:
    model.graph.node.remove(node(model, "last"))
    node(model, "mean_stream").output[0] = "logits"
    model.set_tensor_shape("logits", [1, 4])


def set_integers(model: ModelWrapper, name: str, values: list[int]) -> None:
    model.set_initializer(name, np.array(values, np.int64))


def take_the_sign_of_sums(model: ModelWrapper) -> None:
    set_constant(model, "one", 1)
    insert(model, "mean_half", "BipolarQuant", "one", domain=QONNX)


def sum_twice(model: ModelWrapper) -> None:
    """Add the sums of the second unit's convolution to its own rounded ones."""
    drop(model, "unit1_slice2")
    drop(model, "unit1_slice3")
    node(model, "unit1_pad").input[0] = output_of(model, "unit1_conv0")


def pad_what_is_flat(model: ModelWrapper) -> None:
    set_integers(model, "pads", [0, 1, 0, 1])
    insert(model, "last", "Pad", "pads")
    model.set_tensor_shape("new", [1, 6])


def flatten_for_two(model: ModelWrapper) -> None:
    insert(model, "pool", "Flatten")
    model.set_tensor_shape("new", [1, 16])
    nodes = model.graph.node
    other = helper.make_node("MatMul", ["new", "last_weight"], ["loose"], name="loose")
    nodes.insert(list(nodes).index(node(model, "pool")), other)
    model.set_tensor_shape("loose", [1, 3])


def leave_a_branch(model: ModelWrapper) -> None:
    stream = output_of(model, "stem_stream")
    model.graph.node.append(
        helper.make_node("BipolarQuant", [stream, "one"], ["loose"], name="loose", domain=QONNX)
    )
    set_constant(model, "one", 1)
    model.set_tensor_shape("loose", model.get_tensor_shape(stream))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda model: set_attribute(model, "stem_stream", "rounding_mode", "ROUND"),
            "node stem_stream (Quant): rounding_mode = ROUND, must be FLOOR",
        ),
        (
            lambda model: set_attribute(model, "stem_stream", "narrow", 1),
            "node stem_stream (Quant): narrow = 1, must be 0",
        ),
        (
            lambda model: set_attribute(model, "stem_stream", "signed", 0),
            "node stem_stream (Quant): signed = 0, must be 1",
        ),
        (
            lambda model: set_constant(model, "stem_step", 0.3),
            "node stem_stream (Quant): scale 0.3, must be one power of two, 2^-126 to 2^103",
        ),
        (
            lambda model: set_constant(model, "stem_step", [[[[0.5]], [[0.25]]]]),
            "node stem_stream (Quant): scale 0.25, 0.5, must be one power of two, 2^-126 to 2^103",
        ),
        (
            lambda model: set_constant(model, "stem_stream_zero", 1),
            "node stem_stream (Quant): zero point 1, must be 0",
        ),
        (
            lambda model: set_constant(model, "stem_stream_bits", 9),
            "node stem_stream (Quant): 9 bits, must be 2 to 8",
        ),
        (
            lambda model: insert(model, "stem_mul", "MaxPool", kernel_shape=[1, 1], strides=[1, 1]),
            "node new (MaxPool): between stem and stem_stream only Mul, Add, Sub, Div are "
            "supported, because more than their sign is used",
        ),
        (
            lambda model: insert(
                model, "unit0_0_sign", "MaxPool", kernel_shape=[1, 1], strides=[1, 1]
            ),
            "node new (MaxPool): reads a stream, stem_stream_7_out; nodes that do must be one "
            "of Conv, MatMul, Gemm, ReduceSum, Add, BipolarQuant, Slice, Pad, Flatten, Reshape",
        ),
        (
            lambda model: drop(model, "unit1_stream") or drop(model, "pool"),
            "node Flatten_0 (Flatten): between unit1_conv0 and its BipolarQuant or Quant only "
            "MaxPool, Mul, Add, Sub, Div, BatchNormalization, Clip are supported",
        ),
        (
            lambda model: drop(model, "stem_stream"),
            "node unit0_join (Add): adds unit0_add_12_out (sums of unit0_conv0) and "
            "stem_half_6_out (sums of stem); must add one stream, made by Quant, to the sums of a "
            "layer",
        ),
        (
            add_two_streams,
            "node new (Add): adds unit0_join_13_out (sums of unit0_conv0, to which "
            "stem_stream_7_out is added) and stem_stream_7_out (a stream); must add one stream, "
            "made by Quant, to the sums of a layer",
        ),
        (
            lambda model: drop(model, "unit0_stream"),
            "node unit1_0_sign (BipolarQuant): takes the sign of the sum of unit0_conv0 and "
            "stem_stream_7_out; a Quant must round it first",
        ),
        (
            lambda model: set_constant(model, "stem_half", [1, 2]),
            "node stem_half (Add): stem_half of shape [2], must be one value or one per channel, "
            "[1, 2, 1, 1]",
        ),
        (
            share_weights,
            "node unit0_conv0_quant (BipolarQuant): is read by node unit0_conv0 (Conv), node last "
            "(Gemm); every layer needs its own weights",
        ),
        (
            end_in_a_stream,
            "node mean_stream (Quant): is the last node; the network must end with a dense layer",
        ),
        (
            lambda model: set_integers(model, "unit1_starts2", [1]),
            "node unit1_slice2 (Slice): takes axis 2 from 1 to 9223372036854775807 in steps of 2; "
            "must take rows or columns, axis 2 or 3, from 0 to the end in steps of 1 or more",
        ),
        (
            lambda model: (
                set_integers(model, "unit1_pads", [0, 1, 0, 0, 0, 1, 0, 0])
                or set_attribute(model, "unit1_pad", "mode", "edge")
            ),
            "node unit1_pad (Pad): pads by [0, 1, 0, 0, 0, 1, 0, 0] in mode edge with 0; must be "
            "mode constant with 0, and only channels, axis 1 of 4",
        ),
        (
            lambda model: (
                set_integers(model, "axes", [3])
                or model.set_tensor_shape(output_of(model, "pool"), [1, 4, 2, 1])
            ),
            "node pool (ReduceSum): sums axes [3] of 4, must sum all pixels, axes [2, 3] of 4",
        ),
        (
            take_the_sign_of_sums,
            "node new (BipolarQuant): takes the sign of the sums of pool; a Quant must round them "
            "first",
        ),
        (
            sum_twice,
            "node unit1_pad (Pad): between unit1_conv0 and its BipolarQuant or Quant only MaxPool, "
            "Mul, Add, Sub, Div, BatchNormalization, Clip are supported",
        ),
        (
            pad_what_is_flat,
            "node new (Pad): pads by [0, 1, 0, 1] in mode constant with 0; must be mode constant "
            "with 0, and only channels, axis 1 of 4",
        ),
        (
            flatten_for_two,
            "node new (Flatten): must be followed by one MatMul or Gemm",
        ),
        (
            leave_a_branch,
            "tensor loose: is read by no node; all tensors must lead to the output",
        ),
    ],
)
def test_refuses(change: Callable[[ModelWrapper], None], expected: str) -> None:
    model = NETWORK.build()
    change(model)
    assert message(model) == expected


def test_refuses_sums_that_several_nodes_read() -> None:
    model = NETWORK.build()
    read, other = output_of(model, "unit1_conv0"), output_of(model, "unit1_mul")
    node(model, "unit1_add").input[1] = read
    assert message(model) == (
        f"node unit1_add (Add): adds {other} (sums of unit1_conv0) and {read} (sums of "
        "unit1_conv0); must add one stream, made by Quant, to the sums of a layer"
    )


def test_refuses_sums_of_pixels_that_are_not_flat() -> None:
    model = NETWORK.build()
    flatten = next(n for n in model.graph.node if n.op_type == "Flatten")
    node(model, "mean_mul").input[0] = flatten.input[0]
    flatten.input[0] = output_of(model, "mean_stream")
    node(model, "last").input[0] = flatten.output[0]
    nodes = model.graph.node
    nodes.remove(flatten)
    nodes.insert(list(nodes).index(node(model, "last")), flatten)
    for name in ("gamma", "beta"):
        value = model.get_initializer(f"mean_{name}")
        set_constant(model, f"mean_{name}", value.reshape(1, 4, 1, 1))
    for name in ("mul", "add", "half", "stream"):
        model.set_tensor_shape(output_of(model, f"mean_{name}"), [1, 4, 1, 1])
    with pytest.raises(UserError) as caught:
        check(model)
    assert str(caught.value) == (
        "node mean_stream (Quant): rounds the sums of pool; they must be flattened first"
    )


def refused_later(model: ModelWrapper) -> str:
    """The message of the pass that makes streams integer."""
    check(upto(model, Tidy))
    with pytest.raises(UserError) as caught:
        upto(model, IntegerStreams)
    return str(caught.value)


EXACTLY = (
    "before a Quant all results must be exact in float32, which is so up to 16777216 steps of a "
    "power of two, 2^-126 or more, and up to 2^127"
)


@pytest.mark.parametrize(
    ("value", "reach"),
    [(0.1, "241591914 steps of 7.45058e-09"), (2.0**-140, "18 steps of 7.17465e-43")],
)
def test_refuses_what_float32_rounds(value: float, reach: str) -> None:
    model = NETWORK.build()
    set_constant(model, "unit0_conv0_scale", 1)
    set_constant(model, "unit0_gamma", value)
    assert refused_later(model) == (
        f"node unit0_mul (Mul): takes up to {reach} in channel 0; {EXACTLY}"
    )


def test_refuses_a_division_that_is_not_exact() -> None:
    model = NETWORK.build()
    insert(model, "stem_mul", "Div", "three")
    set_constant(model, "three", 3)
    model.set_tensor_shape("new", model.get_tensor_shape(output_of(model, "stem")))
    assert refused_later(model) == (
        "node new (Div): takes values that are not multiples of a power of two in channel 0; "
        + EXACTLY
    )


def test_refuses_a_stream_finer_than_the_one_it_is_added_to() -> None:
    model = NETWORK.build()
    stream = output_of(model, "stem_stream")
    set_constant(model, "stem_step", 2.0**-9)
    assert refused_later(model) == (
        f"node unit0_stream (Quant): adds the integers of {stream} times 0.25 of its steps of "
        "0.0078125; must be one power of two for all channels, 1 to 256"
    )


def test_refuses_to_sum_more_pixels_than_float32_can() -> None:
    model = NETWORK.build()
    pool = node(model, "pool")
    model.set_tensor_shape(pool.input[0], [1, 4, 256, 256])
    check_sum(model, pool)
    model.set_tensor_shape(pool.input[0], [1, 4, 257, 256])
    with pytest.raises(UserError) as caught:
        check_sum(model, pool)
    assert str(caught.value) == ("node pool (ReduceSum): sums 65792 pixels, must be at most 65536")


@pytest.mark.parametrize(
    ("name", "inputs", "expected"),
    [
        ("unit1_slice2", [], "its bounds must be inputs, as since opset 10"),
        ("unit1_slice2", ["loose", "unit1_ends2"], "loose must be constant"),
        ("unit1_pad", [], "must have an input of pads for all axes, as in opset 13"),
        (
            "unit1_pad",
            ["unit1_pads", "", "axes"],
            "must have an input of pads for all axes, as in opset 13",
        ),
        ("pool", ["loose"], "loose must be constant"),
        (
            "unit0_mul",
            ["stem_stream_7_out"],
            "reads unit0_conv0_10_out and stem_stream_7_out; only an Add, of sums and a stream, "
            "may read two tensors",
        ),
    ],
)
def test_refuses_other_inputs(name: str, inputs: list[str], expected: str) -> None:
    model = NETWORK.build()
    changed = node(model, name)
    del changed.input[1:]
    changed.input.extend(inputs)
    with pytest.raises(UserError) as caught:
        check(model)
    assert str(caught.value) == f"node {name} ({changed.op_type}): {expected}"
