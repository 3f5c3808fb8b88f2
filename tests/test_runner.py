import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import qonnx_make_model

from irnet_hw.export.file import to_qonnx
from irnet_hw.export.network import deploy
from irnet_hw.runner import Runner
from tests.compiler.graphs import Conv, Dense, Network, images
from tests.export.networks import SHAPE, tiny_network, tiny_residual


def pixels(count, shape, seed=0):
    height, width, channels = shape
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, channels, height, width)).astype(np.float32)


def by_qonnx(model, x, names):
    """Return tensors from qonnx's own execution, image by image."""
    model, entry = model.transform(InferShapes()), model.graph.input[0].name
    runs = [execute_onnx(model, {entry: x[i : i + 1]}, True) for i in range(len(x))]
    return {name: np.concatenate([run[name] for run in runs]) for name in names}


def depending(model):
    """Return all tensors that depend on the image."""
    found = [model.graph.input[0].name]
    for node in model.graph.node:
        if set(found) & set(node.input):
            found += node.output
    return found[1:]


@pytest.mark.parametrize("make", [tiny_network, tiny_residual])
def test_every_inner_tensor_is_that_of_qonnx(make):
    model, x = to_qonnx(deploy(make(), SHAPE)), pixels(3, SHAPE)
    names = depending(model)
    found, expected = Runner(model, names[:-1]).run(x), by_qonnx(model, x, names)
    assert len(names) > 15
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert tensor.dtype == np.float32
        assert np.array_equal(tensor, expected[name]), name


@pytest.mark.parametrize(
    "network",
    [
        Network(layers=(Conv(4, bits=8, norm="batch"), Conv(3, 1, 0), Dense(5)), last="MatMul"),
        Network(layers=(Dense(7, bits=4), Dense(5)), bias=False, last_bits=1),
        Network(layers=(Conv(4, stride=2, pool_after=2),), zero=0),
    ],
)
def test_networks_of_other_exporters(network):
    model, x = network.build(), images(network).transpose(0, 3, 1, 2).astype(np.float32)
    output = model.graph.output[0].name
    assert np.array_equal(Runner(model).run(x)[output], by_qonnx(model, x, [output])[output])


def test_batches_of_any_size_one_after_the_other():
    model = to_qonnx(deploy(tiny_residual(), SHAPE))
    x, runner = pixels(7, SHAPE), Runner(model, ["stem.clip"])
    whole = runner.run(x)
    for name in ("stem.clip", "logits"):
        parts = [runner.run(part)[name] for part in (x[:3], x[3:6], x[6:])]
        assert np.array_equal(np.concatenate(parts), whole[name])


def test_annotated_tensors_are_rounded_as_qonnx_does():
    model = Network(layers=(Conv(4, bits=8),)).build()
    first = model.graph.node[0]
    before = first.output[0]
    model.graph.node.insert(
        1, helper.make_node("Add", [before, "little"], ["almost"], name="almost")
    )
    for node in list(model.graph.node)[2:]:
        for i, name in enumerate(node.input):
            if name == before:
                node.input[i] = "almost"
    model.set_initializer("little", np.float32(1e-3))
    model.set_tensor_datatype("almost", DataType["INT9"])
    shape = model.get_tensor_shape(model.graph.input[0].name)
    model.set_tensor_shape("almost", shape)
    x = pixels(2, (shape[2], shape[3], shape[1]))
    with pytest.warns(UserWarning, match="almost can't be represented"):
        found = Runner(model, ["almost"]).run(x)["almost"]
    assert np.array_equal(found, np.round(found))


def graph_of(nodes, constants, shape, output, kind=TensorProto.FLOAT):
    """A network from "image" to "out"."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", kind, output)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return ModelWrapper(qonnx_make_model(graph, opset_imports=[helper.make_opsetid("", 13)]))


def node(op, *names, **attributes):
    *inputs, output = names
    return helper.make_node(op, inputs, [output], name=output, **attributes)


FIXED = np.array([1, 12], np.int64)
WEIGHTS = np.arange(36, dtype=np.float32)


@pytest.mark.parametrize(
    ("nodes", "constants", "shape", "output"),
    [
        pytest.param(
            [
                node("Reshape", "image", "fixed", "row"),
                node("Reshape", "raw", "sizes", "weights"),
                node("MatMul", "row", "weights", "out"),
            ],
            {"fixed": FIXED, "raw": WEIGHTS, "sizes": np.array([12, 3], np.int64)},
            [1, 3, 2, 2],
            [1, 3],
            id="a Reshape to [1, 12], and one of weights",
        ),
        pytest.param(
            [
                node("Reshape", "raw", "fixed", "weights"),
                node("Reshape", "image", "fixed", "row"),
                node("Add", "row", "weights", "out"),
            ],
            {"fixed": FIXED, "raw": WEIGHTS[:12]},
            [1, 3, 2, 2],
            [1, 12],
            id="one shape for an image and a constant",
        ),
        pytest.param(
            [
                node("Transpose", "image", "turned", perm=[1, 0]),
                node("Reshape", "turned", "fixed", "row"),
                node("Add", "row", "raw", "out"),
            ],
            {"fixed": FIXED, "raw": WEIGHTS[:12]},
            [1, 12],
            [1, 12],
            id="the batch is not always the first axis",
        ),
        pytest.param(
            [node("Softmax", "image", "out", axis=0)], {}, [1, 5], [1, 5], id="along the batch"
        ),
        pytest.param([node("Relu", "image", "out")], {}, [1, 5], [0, 0], id="an unknown shape"),
    ],
)
def test_batches_are_as_one_by_one(nodes, constants, shape, output):
    model = graph_of(nodes, constants, shape, output)
    x = np.random.default_rng(0).integers(-9, 9, (4, *shape[1:])).astype(np.float32)
    expected = np.maximum(x, 0) if 0 in output else by_qonnx(model, x, ["out"])["out"]
    assert np.array_equal(Runner(model).run(x)["out"], expected)


def test_results_without_an_axis_for_the_batch_get_one():
    nodes = [
        node("Squeeze", "image", "row"),
        helper.make_node("TopK", ["row", "k"], ["values", "out"], name="top"),
    ]
    constants = {"k": np.array([2], np.int64)}
    model = graph_of(nodes, constants, [1, 5], [2], TensorProto.INT64)
    x = np.array([[1, 5, 5, 0, 2], [9, 1, 2, 8, 3]], np.float32)
    found = Runner(model).run(x)["out"]
    assert found.dtype == np.int64
    assert found.tolist() == [[1, 2], [0, 3]]
    assert Runner(model).run(x[:1])["out"].tolist() == [[1, 2]]
    for batch in (x, x[:1]):
        assert Runner(model, ["k"]).run(batch)["k"].tolist() == [2]
