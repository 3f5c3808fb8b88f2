"""What comes of the accelerator's integers; that steps are the file's, tests/compiler tests."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from irnet_hw.artifact.tail import Constant, Step, Tail
from irnet_hw.runtime.tail import equal, outputs, predictions, run
from tests.manifests import changed
from tests.report import example

TOP = Step("TopK", {"axis": 1, "k": 2, "largest": True}, (None,))


def accelerator(shape, scale, tail):
    return changed(example.manifest(), {"output.shape": shape, "output.scale": scale, "tail": tail})


def test_integers_become_float32_in_the_order_of_the_file():
    """The stream has the channels last, the file has them first."""
    integers = np.arange(2 * 2 * 3 * 4).reshape(2, 2, 3, 4)
    built = accelerator((2, 3, 4), 0.5, Tail((1, 4, 2, 3), (), "out", (1, 4, 2, 3), "float32"))
    found = outputs(built, integers)
    assert found.dtype == np.float32
    assert np.array_equal(found, integers.transpose(0, 3, 1, 2) * 0.5)
    signal = accelerator((6, 1, 4), 0.5, Tail((1, 4, 6), (), "out", (1, 4, 6), "float32"))
    found = outputs(signal, integers.reshape(2, 6, 1, 4))
    assert np.array_equal(found, integers.reshape(2, 6, 4).transpose(0, 2, 1) * 0.5)


def test_classes_are_those_of_the_greatest_scores_or_those_that_the_network_names():
    integers = np.array([[1, 7, 7], [-5, -5, -9]])
    plain = Tail((1, 3), (), "out", (1, 3), "float32")
    scores = outputs(accelerator((3,), 1.0, plain), integers)
    assert predictions(scores).tolist() == [1, 0]
    named = replace(plain, steps=(TOP,), shape=(1, 2), type="int64")
    places = outputs(accelerator((3,), 1.0, named), integers)
    assert places.dtype == np.int64
    assert places.tolist() == [[1, 2], [0, 1]]  # of equal ones, the lower comes first
    assert predictions(places).tolist() == [1, 0]
    one = Step("ArgMax", {"axis": 1, "last": True}, (None,))
    named = replace(plain, steps=(one, Step("Reshape", {"shape": [1]}, (None,))), shape=(1,))
    numbers = outputs(accelerator((3,), 1.0, replace(named, type="int64")), integers)
    assert numbers.tolist() == predictions(numbers).tolist() == [2, 1]


def test_a_scale_for_each_channel_is_one_multiplication():
    scales = np.array([0.1, 3.0, -0.7], np.float32)
    vector = Constant((3,), tuple(map(float, scales)))
    tail = Tail((1, 3), (Step("Mul", {}, (None, vector)),), "out", (1, 3), "float32")
    integers = np.arange(-9, 9).reshape(6, 3)
    found = outputs(accelerator((3,), 1.0, tail), integers)
    assert found.tobytes() == (integers.astype(np.float32) * scales).tobytes()


@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax", "Sigmoid", "Tanh", "Softplus", "Elu"])
@pytest.mark.parametrize("classes", [1, 2, 10, 16, 17, 100, 1000])
def test_probabilities_are_onnxruntimes(kind, classes):
    attributes = {"Softmax": {"axis": 1}, "LogSoftmax": {"axis": 1}, "Elu": {"alpha": 0.7}}.get(
        kind, {}
    )
    values = helper.make_tensor_value_info("x", TensorProto.FLOAT, [200, classes])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [200, classes])
    node = helper.make_node(kind, ["x"], ["y"], **attributes)
    graph = helper.make_graph([node], "probabilities", [values], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    step = Step(kind, attributes, (None,))
    tail = Tail((1, classes), (step,), "y", (1, classes), "float32")
    for spread in (0.1, 1, 30):
        x = np.random.default_rng(0).normal(size=(200, classes)).astype(np.float32) * spread
        x = x.astype(np.float32)
        (expected,) = session.run(None, {"x": x})
        found = run(tail, x[:, np.newaxis])
        assert equal(tail, found, expected).all()
        assert np.abs(found - expected).max() <= 2.0**-21 * max(1, np.abs(expected).max())
        moved = expected + np.float32(2.0**-15) * np.maximum(np.abs(expected), 1)
        assert not equal(tail, found, moved).any()
        assert not equal(replace(tail, steps=()), found, moved).any()
