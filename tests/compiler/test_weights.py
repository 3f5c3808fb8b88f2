"""A layer's weights as integers, against the file's own convolution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.compiler.graph import attribute
from irnet_hw.compiler.numbers.weights import common_unit, weights
from irnet_hw.compiler.passes.tidy import Tidy
from irnet_hw.errors import UserError
from irnet_hw.runner import Runner
from tests.compiler.given import Given


def layer_of(net: Given) -> tuple[object, object]:
    model = net.model().transform(Tidy())
    return model, next(node for node in model.graph.node if node.op_type in ("Conv", "MatMul"))


@given(
    rank=st.integers(1, 2),
    group=st.sampled_from([1, 2, 4]),
    kernel=st.integers(1, 3),
    dilation=st.integers(1, 3),
    bits=st.sampled_from([1, 2, 4]),
    scale=st.sampled_from([1.0, 0.5, "each"]),
)
def test_groups_and_dilation_become_zeros(
    rank: int, group: int, kernel: int, dilation: int, bits: int, scale: object
) -> None:
    net = Given(1, 4, *[9] * rank)
    outputs = 8
    scale = 2.0 ** np.arange(-4, 4) if scale == "each" else scale
    net.conv(outputs, kernel, dilation=dilation, group=group, bits=bits, scale=scale)
    model, layer = layer_of(net)
    found = weights(model, layer)
    assert attribute(layer, "group", 1) == group
    full = found.integers * found.unit.reshape(-1, 1, 1, 1)
    x = np.random.default_rng(0).integers(-9, 9, (1, 4, 9, 9 if rank == 2 else 1))
    rows, columns = full.shape[2:]
    windows = np.lib.stride_tricks.sliding_window_view(x[0], (rows, columns), (1, 2))
    expected = np.einsum("cyxij,ocij->oyx", windows, full)
    image = x.astype(np.float32).reshape(model.get_tensor_shape("image"))
    (right,) = Runner(model).run(image).values()
    assert np.array_equal(right.reshape(expected.shape), expected)


@pytest.mark.parametrize("form", ["Gemm", "MatMul"])
@pytest.mark.parametrize("scale", [0.25, [0.5, 2.0, 1.0]], ids=str)
def test_a_dense_layer_is_one_row_per_output(form: str, scale: object) -> None:
    model, layer = layer_of(Given(1, 5).dense(3, form, bits=4, scale=scale))
    found = weights(model, layer)
    assert found.integers.shape == (3, 5, 1, 1)
    (right,) = Runner(model).run(np.eye(5, dtype=np.float32)).values()
    assert np.array_equal((found.integers[:, :, 0, 0] * found.unit[:, np.newaxis]).T, right)


def test_the_last_layer_has_one_unit_if_its_weights_stay_small() -> None:
    model, layer = layer_of(Given(1, 4).dense(2, scale=[1.0, 0.25]))
    assert weights(model, layer).unit.tolist() == [1.0, 0.25]
    one = weights(model, layer, np.inf)
    assert one.unit.tolist() == [0.25, 0.25]
    assert np.abs(one.integers[0]).max() == 4
    # A bias in sixteenths fits; one in 2^-20ths would make weights too wide.
    assert weights(model, layer, 2.0**-4).unit.tolist() == [2.0**-4] * 2
    assert weights(model, layer, 2.0**-20).unit.tolist() == [0.25, 0.25]


def test_outputs_without_weights_take_any_unit() -> None:
    values = np.array([[0.0, 0.0], [0.5, -1.5]])
    assert common_unit(values, np.array([1.0, 0.5])) == 0.5
    assert common_unit(values[:1], np.array([1.0])) == 1.0
    assert common_unit(np.array([[1.0], [2.0**-7]]), np.array([1.0, 2.0**-7])) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1 / 3, "its weights take 26 bits in some output channel, must take at most 8; "),
        (np.nan, "its weights hold a value that is not finite"),
        (2.0**-149, "its weights take 33 bits in some output channel, must take at most 8; "),
    ],
    ids=str,
)
def test_what_is_refused(value: float, message: str) -> None:
    net = Given(1, 2).node("MatMul", shape=[1, 2])
    net.nodes[0].input.append(net.constant([[value, 1.0], [0.5, 1.0]]))
    model, layer = layer_of(net)
    with pytest.raises(UserError) as caught:
        weights(model, layer)
    assert str(caught.value).startswith(f"node matmul0 (MatMul): {message}")


def test_weights_that_depend_on_the_image_are_refused() -> None:
    net = Given(1, 3).node("MatMul", shape=[1, 3])
    net.nodes[0].input.append("other")
    net.nodes.insert(0, net.nodes[0].__class__())
    net.nodes[0].op_type, net.nodes[0].name = "MatMul", "product"
    net.nodes[0].input.extend([net.constant(np.ones((3, 1))), "image"])
    net.nodes[0].output.append("other")
    model = net.model()
    with pytest.raises(UserError) as caught:
        weights(model, model.graph.node[1])
    assert str(caught.value).startswith("node matmul0 (MatMul): its weights, ")
    assert str(caught.value).endswith(", must be constant")
