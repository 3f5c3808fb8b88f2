import json

import numpy as np
import pytest
from qonnx.core.datatype import DataType

from irnet_hw import spec
from irnet_hw.export.file import set_metadata, to_bytes, to_qonnx
from irnet_hw.export.network import deploy
from irnet_hw.quant import libra
from tests.export.networks import BOUNDARIES, SHAPE, tiny_network, tiny_residual


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


@pytest.fixture(scope="module")
def residual():
    return to_qonnx(deploy(tiny_residual(), SHAPE))


def path(model, tensor, last):
    """Return the operations between two tensors, following first inputs."""
    operations = []
    while last != tensor:
        node = model.find_producer(last)
        operations.append(node.op_type)
        last = node.input[0]
    return operations[::-1]


def test_nodes_of_a_residual_unit(residual):
    affine = ["Mul", "Add"]
    assert path(residual, "image", "stem.clip") == ["Sub", "Mul", "Conv", *affine, "Add", "Quant"]
    binary = path(residual, "stem.clip", "stage0.0.clip")
    assert binary == ["BipolarQuant", "Conv", *affine, "Add", "Add", "Quant"]
    join = next(node for node in residual.find_consumers("stem.clip") if node.op_type == "Add")
    assert residual.find_producer(join.input[0]).op_type == "Add"
    assert (
        residual.find_producer(residual.find_producer("stage0.0.clip").input[0]).input[0]
        == (join.output[0])
    )
    assert path(residual, "stage1.1.clip", "logits") == [
        *("ReduceSum", "Flatten", *affine, "Add", "Quant", "Gemm")
    ]


def test_shortcut_of_option_a(residual):
    join = residual.find_producer(residual.find_producer("stage1.0.clip").input[0])
    join = residual.find_producer(join.input[0])
    pad = residual.find_producer(join.input[1])
    assert path(residual, "stage0.1.clip", pad.output[0]) == ["Slice", "Slice", "Pad"]
    assert constants(residual, pad)[0].tolist() == [0, 4, 0, 0, 0, 4, 0, 0]
    rows, columns = (node for node in residual.graph.node if node.op_type == "Slice")
    for axis, node in ((2, rows), (3, columns)):
        start, _, axes, steps = constants(residual, node)
        assert (start.tolist(), axes.tolist(), steps.tolist()) == ([0], [axis], [2])


def test_streams_are_quant_nodes_that_floor(residual):
    for name, step in (("stem.clip", 2**-7), ("stage1.1.clip", 2**-7), ("stream", 2**-5)):
        node = residual.find_producer(name)
        assert [value.item() for value in constants(residual, node)] == [step, 0, 8]
        attributes = {entry.name: entry.s or entry.i for entry in node.attribute}
        assert attributes == {"narrow": 0, "signed": 1, "rounding_mode": b"FLOOR"}
        half = residual.find_producer(node.input[0])
        assert constants(residual, half)[0].item() == step / 2


def test_affine_constants_of_streams_are_dyadic(residual):
    for name in ("stem.clip", "stage0.0.clip", "stream"):
        add = residual.find_producer(residual.find_producer(name).input[0])
        while residual.find_producer(add.input[0]).op_type != "Mul":
            add = residual.find_producer(add.input[0])
        mul = residual.find_producer(add.input[0])
        (scale,), (shift,) = constants(residual, mul), constants(residual, add)
        mantissas = np.frexp(scale)[0] * 2**11
        assert np.array_equal(mantissas, np.round(mantissas))
        assert scale.shape == shift.shape
        assert scale.shape[0] == 1


def test_same_network_gives_the_same_bytes(model):
    again = to_qonnx(deploy(tiny_network(), SHAPE))
    assert to_bytes(again) == to_bytes(model)
    other = to_qonnx(deploy(tiny_network(1), SHAPE))
    assert to_bytes(other) != to_bytes(model)


def test_file_says_nothing_of_the_machine(network):
    """Exporters tend to record source paths and stack traces; the file must have neither."""
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
