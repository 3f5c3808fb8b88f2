"""Files that are damaged, odd or hostile: each is refused by name, or is the network it was."""

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from irnet_hw import spec
from irnet_hw.compiler.finn_quiet import quiet
from irnet_hw.compiler.front import check_domains
from irnet_hw.compiler.passes.integers import Integers
from irnet_hw.compiler.passes.rescale import Rescale
from irnet_hw.compiler.passes.tidy import Tidy
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import QONNX_DOMAIN
from tests.compiler.graphs import Conv, Dense, Network
from tests.compiler.mutants import mutant
from tests.compiler.residual_graphs import Residual

NETWORK = Network(image=(4, 4, 1), layers=(Conv(2, bits=8), Conv(2)), classes=2)


def refused(change, tmp_path):
    """Return the message about a network that a function has changed."""
    proto = NETWORK.build().model
    change(proto)
    (tmp_path / "bad.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(UserError) as error:
        spec.load(tmp_path / "bad.onnx")
    path, message = str(error.value).split(": ", 1)
    assert path == str(tmp_path / "bad.onnx")
    return message


def node(proto, name):
    return next(node for node in proto.graph.node if node.name == name)


def tensor(proto, name):
    return next(tensor for tensor in proto.graph.initializer if tensor.name == name)


def outside(proto):
    found = tensor(proto, "conv0_raw")
    found.data_location = TensorProto.EXTERNAL
    found.external_data.add(key="location", value="/etc/passwd")


def branch(proto):
    inner = helper.make_graph([], "inner", [], list(proto.graph.output))
    node(proto, "conv1").attribute.append(helper.make_attribute("body", inner))


def huge(proto):
    sizes = numpy_helper.from_array(np.array([2**20, 2**20]), "sizes")
    proto.graph.initializer.append(sizes)
    proto.graph.node.insert(0, helper.make_node("ConstantOfShape", ["sizes"], ["huge"]))


def without_signed(proto):
    quantizer = node(proto, "conv0_quant")
    del quantizer.attribute[[entry.name for entry in quantizer.attribute].index("signed")]


def set_values(proto, name, value):
    found = tensor(proto, name)
    found.CopyFrom(numpy_helper.from_array(np.array(value, np.float32), name))


def annotate(proto):
    entry = proto.graph.quantization_annotation.add(tensor_name="image")
    entry.quant_parameter_tensor_names.add(key="finn_datatype", value="INT0.5")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda proto: set_values(proto, "conv1_beta", [[[[1]], [[np.nan]]]]),
            "initializer conv1_beta: holds nan, must be finite",
        ),
        (
            lambda proto: set_values(proto, "conv1_raw", np.full((2, 2, 3, 3), -np.inf)),
            "initializer conv1_raw: holds -inf, must be finite",
        ),
        (outside, "initializer conv0_raw: lies in another file; "),
        (branch, "node conv1 (Conv): attribute body: is a graph; "),
        (huge, "tensor huge: has dimensions [1048576, 1048576], must have at most 134217728 "),
        (
            lambda proto: tensor(proto, "unit").ClearField("raw_data"),
            "initializer unit: does not hold the 1 elements of FLOAT ",
        ),
        (
            lambda proto: proto.graph.initializer.append(tensor(proto, "unit")),
            "tensor unit is made 2 times, must be once",
        ),
        (
            lambda proto: proto.graph.value_info.append(proto.graph.output[0]),
            "tensor logits is described 2 times, must be once",
        ),
        (
            lambda proto: setattr(proto.graph.output[0].type.tensor_type, "elem_type", 11),
            "tensor logits: is of DOUBLE, must be FLOAT",
        ),
        (
            lambda proto: node(proto, "conv0_quant").input.pop(),
            "node conv0_quant (Quant): has 3 inputs and 1 outputs, must have 4 inputs ",
        ),
        (without_signed, "node conv0_quant (Quant): attribute signed: must be there, "),
        (
            lambda proto: setattr(node(proto, "conv1_sign"), "domain", "com.example"),
            "node conv1_sign (BipolarQuant): is of domain 'com.example', must be ",
        ),
        (
            lambda proto: node(proto, "conv1_mul").input.pop(),
            "is not valid ONNX: Node(conv1_mul) with schema(::Mul:13) has input size 1 ",
        ),
        (
            lambda proto: setattr(proto.graph.node[0], "op_type", "RandomNormalLike"),
            "node without a name (RandomNormalLike): gives other numbers in every run",
        ),
        (
            lambda proto: node(proto, "conv1").attribute.append(
                AttributeProto(name="auto_pad", type=AttributeProto.TENSORS)
            ),
            "is not valid ONNX: ",
        ),
        (
            lambda proto: proto.graph.input[0].type.tensor_type.shape.dim.pop(),
            "its shapes or types don't fit: ",
        ),
        (
            lambda proto: proto.graph.metadata_props.add(key="irnet_hw", value="[" * 10**5),
            "metadata irnet_hw: ",
        ),
        (annotate, "tensor image: is annotated with type INT0.5, which QONNX does not have"),
        (
            lambda proto: proto.opset_import.append(helper.make_opsetid("ai.onnx", 7)),
            "opset  is imported 2 times, must be once",
        ),
    ],
)
def test_refuses(change, message, tmp_path):
    assert refused(change, tmp_path).startswith(message)


def test_names_that_are_not_utf8(tmp_path):
    data = NETWORK.build().model.SerializeToString()
    (tmp_path / "bad.onnx").write_bytes(data.replace(b"conv1_gamma", b"conv1_gamm\xff"))
    with pytest.raises(UserError, match="which is not UTF-8; the file is damaged"):
        spec.load(tmp_path / "bad.onnx")


def test_what_ends_the_process_in_onnx_is_refused(tmp_path):
    """Shape inference of a Slice of such a tensor ends in an assertion of the C++ library."""
    proto = Residual(image=(4, 4, 1), widths=(2, 4)).build().model
    before = node(proto, "unit1_slice2").input[0]
    for info in proto.graph.value_info:
        if info.name == before:
            info.type.tensor_type.shape.dim[2].dim_value = -1
    (tmp_path / "bad.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(UserError, match="is not valid ONNX: its library fails on it"):
        spec.load(tmp_path / "bad.onnx")


def test_takes_what_older_exporters_write(tmp_path):
    proto = NETWORK.build().model
    right = proto.SerializeToString()
    for each in proto.graph.node:
        each.domain = "onnx.brevitas" if each.domain == QONNX_DOMAIN else "ai.onnx"
    for entry in proto.opset_import:
        entry.domain = "onnx.brevitas" if entry.domain == QONNX_DOMAIN else "ai.onnx"
    for constant in proto.graph.initializer:
        kind = helper.make_tensor_value_info(constant.name, constant.data_type, constant.dims)
        proto.graph.input.append(kind)
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1), dtype=np.uint8)
    logits = []
    for data in (right, proto.SerializeToString()):
        (tmp_path / "model.onnx").write_bytes(data)
        logits += spec.run(spec.load(tmp_path / "model.onnx"), images).values()
    assert np.array_equal(*logits)


@pytest.mark.slow
@pytest.mark.parametrize(
    "network",
    [
        NETWORK,
        Network(
            image=(4, 4, 2),
            layers=(Conv(4, bits=8, norm="batch"), Conv(3, 1, 0), Dense(5)),
            last="MatMul",
        ),
        Residual(image=(4, 4, 1), widths=(2, 4)),
    ],
    ids=["plain", "batch norm", "residual"],
)
def test_random_damages(network, tmp_path):
    """None ends in anything but a message that names the file, or a network that runs."""
    data = network.build().model.SerializeToString()
    ends = {True: 0, False: 0}
    for seed in range(60):
        path = tmp_path / "mutant.onnx"
        path.write_bytes(mutant(data, seed))
        try:
            model = spec.load(path)
        except UserError as error:
            assert str(error).startswith(f"{path}: "), seed
            ends[False] += 1
            continue
        try:
            with quiet():
                check_domains(model)
                images = np.zeros((1, *spec.image_shape(model)), np.uint8)
                spec.run(model, images)
                model.transform(Tidy()).transform(Rescale()).transform(Integers())
            ends[True] += 1
        except UserError:
            ends[False] += 1
    assert min(ends.values()) > 5, ends


def test_the_damages_are_the_same_in_every_run():
    data = NETWORK.build().model.SerializeToString()
    assert [mutant(data, seed) for seed in range(30)] == [mutant(data, seed) for seed in range(30)]
    assert onnx.load_model_from_string(data).graph.node
