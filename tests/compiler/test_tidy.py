import numpy as np
import pytest
from onnx import helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw import onnx_file
from irnet_hw.compiler.passes.tidy import Tidy
from tests.compiler.graphs import Network, images
from tests.compiler.passes import kinds, logits, upto


def test_keeps_names_and_values() -> None:
    network = Network()
    model = network.build()
    names = set(model.get_all_tensor_names())
    tidied = upto(model, Tidy)
    # The one Gemm has become a MatMul and an Add.
    new = {"last_weights_t", "logits_product"}
    assert set(tidied.get_all_tensor_names()) - names <= new
    pixels = images(network)
    assert np.array_equal(logits(tidied, pixels), logits(model, pixels))


def test_names_nodes_apart() -> None:
    tidied = upto(Network().build(), Tidy)
    names = [node.name for node in tidied.graph.node]
    assert all(names)
    assert len(set(names)) == len(names)
    assert "conv1" in names


def test_drops_what_does_nothing_and_puts_constants_second() -> None:
    model = Network().build()
    graph = model.graph
    scale = next(node for node in graph.node if node.name == "conv1_mul")
    scale.input[0], scale.input[1] = scale.input[1], scale.input[0]
    layer = next(node for node in graph.node if node.name == "conv1")
    graph.node.insert(
        list(graph.node).index(layer) + 1,
        helper.make_node("Identity", [layer.output[0]], ["again"], name="identity"),
    )
    model.find_consumers(layer.output[0])[1].input[0] = "again"
    tidied = upto(model, Tidy)
    assert "Identity" not in kinds(tidied)
    scale = next(node for node in tidied.graph.node if node.name == "conv1_mul")
    assert scale.input[1] == "conv1_gamma"


def test_folds_constants_and_takes_quantizers_of_older_exporters() -> None:
    model = Network().build()
    for node in model.graph.node:
        if node.op_type in ("Quant", "BipolarQuant"):
            node.domain = "onnx.brevitas"
    for tensor in [t for t in model.graph.initializer if t.name == "unit"]:
        model.graph.initializer.remove(tensor)
        value = numpy_helper.from_array(numpy_helper.to_array(tensor), "value")
        model.graph.node.insert(0, helper.make_node("Constant", [], ["unit"], value=value))
    onnx_file.check(model.model)
    tidied = upto(ModelWrapper(model.model), Tidy)
    assert "Constant" not in kinds(tidied)
    assert {node.domain for node in tidied.graph.node} == {"", "qonnx.custom_op.general"}


def test_drops_a_flattening_of_what_is_flat() -> None:
    model = Network().build()
    graph = model.graph
    last = next(node for node in graph.node if node.name == "last")
    flat = last.input[0]
    again = helper.make_node("Flatten", [flat], ["again"], name="again", axis=1)
    graph.node.insert(list(graph.node).index(last), again)
    last.input[0] = "again"
    model.set_tensor_shape("again", model.get_tensor_shape(flat))
    tidied = upto(model, Tidy)
    assert kinds(tidied).count("Flatten") == 1


@pytest.mark.parametrize("training", [False, True])
def test_drops_a_dropout_unless_it_is_training(training: bool) -> None:
    model = Network().build()
    graph = model.graph
    last = next(node for node in graph.node if node.name == "last")
    before = last.input[0]
    for name, value in (("ratio", np.float32(0.5)), ("training", np.array(training))):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    dropout = helper.make_node("Dropout", [before, "ratio", "training"], ["dropped"], name="drop")
    graph.node.insert(list(graph.node).index(last), dropout)
    last.input[0] = "dropped"
    model.set_tensor_shape("dropped", model.get_tensor_shape(before))
    assert ("Dropout" in kinds(upto(model, Tidy))) == training
