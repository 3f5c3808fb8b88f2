import json

import numpy as np
import pytest
from hypothesis import given, settings

from irnet_hw import form
from irnet_hw.artifact.tail import Tail
from irnet_hw.compiler.emission.tail import exact, same, tail_of
from irnet_hw.errors import UserError
from irnet_hw.runtime.tail import run
from tests.compiler.tails import ENTRY, QONNX, Chain, by_qonnx, chains


def written(tail):
    """Return a tail that was written as JSON and read again."""
    return form.load(Tail, json.loads(json.dumps(form.plain(tail))), "tail")


@settings(max_examples=100, deadline=None)
@given(chains())
def test_random_chains_give_what_qonnx_gives(drawn):
    """Bit for bit, except for probabilities, which depend on the processor, and the sign of a 0.

    That of onnxruntime's PRelu depends on the number of values.
    """
    chain, values = drawn
    model = chain.model()
    tail = tail_of(model, ENTRY)
    assert written(tail) == tail
    expected, found = by_qonnx(model, values), run(written(tail), values)
    assert found.dtype == expected.dtype == tail.type
    assert tail.shape == expected.shape[1:]
    if chain.exact:
        assert (found + 0).tobytes() == (expected + 0).tobytes()
        assert same(model, ENTRY, tail, values)


def batch(shape, count=3):
    return np.random.default_rng(0).integers(-99, 99, (count, *shape)).astype(np.float32)


def test_a_tail_may_begin_inside_a_network():
    chain = Chain((1, 3, 2, 2)).node("Relu")
    middle = chain.tensor
    chain.node("Mul", chain.constant(np.full((3, 1, 1), 0.1))).node("Flatten", shape=(1, 12))
    tail = tail_of(chain.model(), middle)
    assert [step.op for step in tail.steps] == ["Mul", "Reshape"]
    assert (tail.entry, tail.shape, tail.type) == ((1, 3, 2, 2), (1, 12), "float32")
    assert same(chain.model(), middle, tail, batch((1, 3, 2, 2)))


def test_a_network_may_end_where_its_tail_begins():
    chain = Chain((1, 4)).node("Neg")
    tail = tail_of(chain.model(), chain.tensor)
    assert tail == Tail((1, 4), (), chain.tensor, (1, 4), "float32")
    assert same(chain.model(), chain.tensor, tail, batch((1, 4)))


def test_constants_may_be_made_by_nodes():
    chain = Chain((1, 4))
    quantised = Chain.node(Chain((2,)), "BipolarQuant", "constant1", domain=QONNX).nodes[0]
    quantised.input[0], quantised.output[0] = "constant0", "made"
    chain.constant([0.25, -3, 1, -1]), chain.constant(0.1)
    chain.nodes.append(quantised)
    tail = tail_of(chain.node("Add", "made").model(), ENTRY)
    (step,) = tail.steps
    assert step.inputs == (None, exact(np.array([0.1, -0.1, 0.1, -0.1], np.float32)))


def test_a_wrong_tail_is_noticed():
    model = Chain((1, 3)).node("LeakyRelu", alpha=0.5).model()
    values = batch((1, 3))
    tail = tail_of(Chain((1, 3)).node("LeakyRelu", alpha=0.25).model(), ENTRY)
    assert same(model, ENTRY, tail_of(model, ENTRY), values)
    assert not same(model, ENTRY, tail, values)


@pytest.mark.parametrize("opset", [9, 11, 13, 17, 20])
def test_a_mean_of_one_element_is_that_element(opset):
    chain = Chain((1, 5, 1, 1), opset).node("GlobalAveragePool")
    tail = tail_of(chain.model(), ENTRY)
    assert tail.steps == ()
    assert same(chain.model(), ENTRY, tail, batch((1, 5, 1, 1)))


def branched():
    chain = Chain((1, 4)).node("Relu")
    middle = chain.tensor
    chain.node("Neg").node("Add", middle)
    return chain


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        (Chain((1, 4)).node("Erf"), "node node0 (Erf): is not supported after the last layer, "),
        (Chain((1, 4, 2, 2)).node("GlobalAveragePool", shape=(1, 4, 1, 1)), "node node0 (GlobalA"),
        (branched(), "tensor Relu0_0: 2 nodes read it; from integers to the output Add2_0, the "),
        (Chain((3, 4)).node("Relu"), "tensor integers: shape [3, 4], must begin with 1, the batch"),
        (Chain((1, 4)).node("Dropout", "", "constant0"), "node node0 (Dropout): is in training"),
        (
            Chain((1, 4)).topk_values(),
            "node node0 (TopK): must give the places, its second output, and not the values; ",
        ),
        (Chain((1, 4)).topk(1, 2, sorted=0), "node node0 (TopK): its results have no order, must"),
        (
            Chain((1, 4)).topk(1, 2).cast(),
            "node node1 (Cast): is not supported after the last layer",
        ),
    ],
)
def test_what_is_refused_by_name(chain, said):
    if "training" in said:
        chain.constant(True, np.bool_)
        chain.nodes[0].input[1] = chain.constant(0.5)
    with pytest.raises(UserError) as caught:
        tail_of(chain.model(), ENTRY)
    assert str(caught.value).startswith(said)
