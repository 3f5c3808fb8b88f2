import json

import numpy as np
import pytest
from qonnx.core.datatype import DataType

from irnet_hw import spec
from irnet_hw.export.file import set_metadata, to_bytes, to_qonnx
from irnet_hw.export.network import deploy
from irnet_hw.quant import libra
from tests.export.networks import BOUNDARIES, SHAPE, tiny_network


@pytest.fixture(scope="module")
def network():
    return deploy(tiny_network(), SHAPE)


@pytest.fixture(scope="module")
def model(network):
    return to_qonnx(network)


def chain(model):
    """Return the nodes from the image to the logits."""
    nodes, tensor = [], "image"
    while tensor != "logits":
        (node,) = model.find_consumers(tensor)
        nodes.append(node)
        (tensor,) = node.output
    return nodes


def constants(model, node):
    return [model.get_initializer(name) for name in node.input[1:]]


def test_nodes_in_the_order_that_the_compiler_reads(model):
    types = [node.op_type for node in chain(model)]
    affine = ["Mul", "Add", "BipolarQuant"]
    assert types == [
        *("Sub", "Mul"),
        *("Conv", *affine),
        *("Conv", "MaxPool", *affine),
        *("Conv", "MaxPool", *affine),
        *("Flatten", "Gemm"),
    ]
    off_chain = [node.op_type for node in model.graph.node if node not in chain(model)]
    assert sorted(off_chain) == ["BipolarQuant", "BipolarQuant", "Quant", "Quant"]


def test_names_and_types_of_input_and_output(model):
    assert [value.name for value in model.graph.input] == ["image"]
    assert [value.name for value in model.graph.output] == ["logits"]
    assert spec.image_shape(model) == (8, 8, 1)
    assert model.get_tensor_shape("logits") == [1, 10]
    assert model.get_tensor_datatype("image") == DataType["UINT8"]


def test_boundaries_bear_the_modules_names(model):
    signs = [node for node in chain(model) if node.op_type == "BipolarQuant"]
    assert [node.output[0] for node in signs] == BOUNDARIES
    assert all((constants(model, node)[0] == 1).all() for node in signs)


def test_constants_have_the_shapes_of_channels(model):
    affine = [node for node in chain(model) if node.op_type in ("Mul", "Add")][1:]
    shapes = [constants(model, node)[0].shape for node in affine]
    assert shapes == [(1, channels, 1, 1) for channels in (8, 8, 8, 8, 16, 16)]


def test_file_holds_the_balanced_weights(model):
    trained = tiny_network()
    turned = 0
    for name in ("block1", "block2"):
        raw = trained.get_submodule(name).conv.weight.detach()
        conv = model.find_consumers(f"{name}.binarise")[0]
        quantizer = model.find_producer(conv.input[1])
        weight, scale = (model.get_initializer(tensor) for tensor in quantizer.input)
        binary, expected = libra(raw)
        assert np.array_equal(np.sign(weight), binary)
        assert np.array_equal(scale, expected)
        turned += np.count_nonzero(np.sign(raw.numpy()) != np.sign(weight))
    assert turned > 200, "the raw signs would do as well: this network tests nothing"


def test_same_network_gives_the_same_bytes(model):
    again = to_qonnx(deploy(tiny_network(), SHAPE))
    assert to_bytes(again) == to_bytes(model)
    other = to_qonnx(deploy(tiny_network(1), SHAPE))
    assert to_bytes(other) != to_bytes(model)


def test_file_says_nothing_of_the_machine(network):
    """Neither where the sources lie nor who traced them, which exporters like to note."""
    model = to_qonnx(network).model
    for constant in model.graph.initializer:
        constant.ClearField("raw_data")
    assert "/" not in str(model)
    assert '.py"' not in str(model)


def test_metadata_comes_back(network, tmp_path):
    model = to_qonnx(network)
    set_metadata(model, {"name": "tiny", "labels": ["a", "b"]})
    (tmp_path / "model.onnx").write_bytes(to_bytes(model))
    loaded = spec.load(tmp_path / "model.onnx")
    assert spec.metadata(loaded) == {"name": "tiny", "labels": ["a", "b"]}
    assert json.loads(loaded.get_metadata_prop("irnet_hw"))["name"] == "tiny"
