"""Damages ONNX files at random, field by field, as a careless tool or an attacker might."""

import copy
import random

import numpy as np
from google.protobuf.message import Message
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

#: Numbers, texts and bytes that have a meaning somewhere.
INTS = (0, 1, -1, 2, 3, 7, 8, 10, 11, 13, 16, 255, 2**16, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-45, 2.0**-149, 2.0**127, 3e38, np.inf, -np.inf, np.nan)
TEXTS = (
    "",
    "x",
    "image",
    "logits",
    "ai.onnx",
    "\n\x1b[31m",
    "n" * 3000,
    "Conv",
    "If",
    "FLOOR",
    "é",
)
OPS = (
    *("Add", "BatchNormalization", "BipolarQuant", "Cast", "Clip", "ConstantOfShape", "Conv"),
    *("Div", "Dropout", "Expand", "Flatten", "Gemm", "Identity", "MatMul", "MaxPool", "Mul", "Pad"),
    *("Quant", "Range", "ReduceSum", "Relu", "Reshape", "Shape", "Sign", "Slice", "Softmax", "Sub"),
    *("Tile", "TopK", "Transpose", "Unsqueeze"),
)
DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "onnx.brevitas", "qonnx.custom_op.general", "com.example")


def mutant(data: bytes, seed: int) -> bytes:
    """Return a file that differs in one to three places from a right one."""
    rng = random.Random(seed)
    if rng.random() < 0.15:
        return _bytes(rng, bytearray(data))
    model = ModelProto()
    model.ParseFromString(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        change = rng.choice((_field, _field, _field, _parts, _values, _wire, _node, _special))
        change(rng, model)
    return model.SerializeToString()


def _bytes(rng: random.Random, data: bytearray) -> bytes:
    kind = rng.randrange(3)
    if kind == 0:
        return bytes(data[: rng.randrange(len(data))])
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(data))
        if kind == 1:
            data[at] ^= 1 << rng.randrange(8)
        else:
            data[at : at + rng.randrange(4)] = rng.randbytes(rng.randrange(4))
    return bytes(data)


def _messages(message: Message) -> list[Message]:
    found = [message]
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            repeated = field.label == field.LABEL_REPEATED
            for part in value if repeated else [value]:
                found += _messages(part)
    return found


def _any(rng: random.Random, field) -> object:
    if field.type == field.TYPE_STRING:
        return rng.choice(TEXTS)
    if field.type == field.TYPE_BYTES:
        return rng.choice((b"", b"\xff\xfe", b"FLOOR", bytes(64)))
    if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE):
        return rng.choice(FLOATS)
    if field.type == field.TYPE_ENUM:
        return rng.choice([value.number for value in field.enum_type.values])
    limit = 2**31 if field.type == field.TYPE_INT32 else 2**63
    unsigned = field.type in (field.TYPE_UINT64, field.TYPE_UINT32)
    return rng.choice([i for i in INTS if -limit <= i < limit and not (unsigned and i < 0)])


def _field(rng: random.Random, model: ModelProto) -> None:
    """Set, clear, double or drop a field of a message."""
    message = rng.choice(_messages(model))
    field = rng.choice(message.DESCRIPTOR.fields)
    if field.type == field.TYPE_MESSAGE:
        if field.label != field.LABEL_REPEATED:
            message.ClearField(field.name)
        return
    if field.label != field.LABEL_REPEATED:
        if rng.random() < 0.2:
            message.ClearField(field.name)
        else:
            setattr(message, field.name, _any(rng, field))
        return
    values = getattr(message, field.name)
    kind = rng.randrange(3)
    if kind == 0 or not values:
        values.append(_any(rng, field))
    elif kind == 1:
        del values[rng.randrange(len(values))]
    else:
        values[rng.randrange(len(values))] = _any(rng, field)


def _parts(rng: random.Random, model: ModelProto) -> None:
    """Drop, double or move a message in a list."""
    lists = [
        value
        for message in _messages(model)
        for field, value in message.ListFields()
        if field.type == field.TYPE_MESSAGE and field.label == field.LABEL_REPEATED
    ]
    parts = rng.choice(lists)
    at = rng.randrange(len(parts))
    part = copy.deepcopy(parts[at])
    if rng.random() < 0.6:
        del parts[at]
    if rng.random() < 0.6:
        parts.insert(rng.randrange(len(parts) + 1), part)


def _values(rng: random.Random, model: ModelProto) -> None:
    """Give an initializer other values, another type or other dimensions."""
    tensor = rng.choice(model.graph.initializer)
    try:
        array = numpy_helper.to_array(tensor).copy()
    except ValueError:
        return
    kind = rng.randrange(4)
    if kind == 0 and array.size and array.dtype == np.float32:
        array.flat[rng.randrange(array.size)] = rng.choice(FLOATS)
    elif kind == 1:
        array = array.astype(rng.choice((np.float64, np.int64, np.float16, np.bool_, np.uint8)))
    elif kind == 2:
        array = array.reshape(rng.choice(([-1], [1, -1], [*array.shape, 1], [1, *array.shape])))
    else:
        array = np.resize(array, rng.choice(([], [0], [1], [2, 3], [array.size + 1])))
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _wire(rng: random.Random, model: ModelProto) -> None:
    """Let a node read or write another tensor, drop an operand, or add one."""
    nodes = model.graph.node
    node = rng.choice(nodes)
    names = [name for other in nodes for name in (*other.input, *other.output)]
    ends = rng.choice((node.input, node.input, node.output))
    kind = rng.randrange(3)
    if kind == 0 or not ends:
        ends.append(rng.choice(names))
    elif kind == 1:
        del ends[rng.randrange(len(ends))]
    else:
        ends[rng.randrange(len(ends))] = rng.choice((*names, ""))


def _node(rng: random.Random, model: ModelProto) -> None:
    """Make a node another op's or domain's, or change an attribute."""
    node: NodeProto = rng.choice(model.graph.node)
    kind = rng.randrange(4)
    if kind == 0:
        node.op_type = rng.choice(OPS)
    elif kind == 1:
        node.domain = rng.choice(DOMAINS)
    elif kind == 2 and node.attribute:
        entry = rng.choice(node.attribute)
        value = rng.choice(
            (1, 0, -1, 9, [1], [1, 2, 3], [0, 0], [-1, -1], 1.5, [0.5], "x", [2**40])
        )
        entry.CopyFrom(helper.make_attribute(entry.name, value))
    else:
        name = rng.choice(("axis", "epsilon", "group", "to", "ceil_mode", "signed", "pads", "mode"))
        value = rng.choice((1, 0, -1, 9, [1, 1], [0] * 4, 1.5, "constant", np.inf))
        node.attribute.append(helper.make_attribute(name, value))


def _special(rng: random.Random, model: ModelProto) -> None:
    """Bring in what hardly any network has."""
    graph = model.graph
    node, tensor = rng.choice(graph.node), rng.choice(graph.initializer)
    kind = rng.randrange(10)
    if kind == 0:
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=rng.choice(("/etc/passwd", "../x", "x")))
    elif kind == 1:
        inner = helper.make_graph([copy.deepcopy(node)], "inner", [], list(graph.output))
        node.attribute.append(helper.make_attribute(rng.choice(("body", "then_branch")), inner))
    elif kind == 2:
        model.functions.add(name="f", domain="x", input=["a"], output=["b"])
    elif kind == 3:
        graph.sparse_initializer.add().values.CopyFrom(tensor)
    elif kind == 4:
        text = rng.choice(
            ("[" * 10**5, '{"a":' * 10**4, "1" * 10**4, "{}", "[]", "x", '{"name":"\\ud800"}')
        )
        graph.metadata_props.add(key="irnet_hw", value=text)
    elif kind == 5:
        info = rng.choice((*graph.input, *graph.output, *graph.value_info))
        dims = info.type.tensor_type.shape.dim
        if dims:
            dim = rng.choice(dims)
            dim.Clear()
            if rng.random() < 0.8:
                dim.dim_value = rng.choice(INTS)
            else:
                dim.dim_param = "N"
    elif kind == 6:
        kinds = ("INT4", "UINT8", "FLOAT32", "BIPOLAR", "INT", "SCALEDINT<8>", "x", "INT99999999")
        entry = graph.quantization_annotation.add(tensor_name=rng.choice(node.output or [""]))
        entry.quant_parameter_tensor_names.add(key="finn_datatype", value=rng.choice(kinds))
    elif kind == 7:
        shape = helper.make_node("Constant", [], ["huge_shape"], value_ints=[2**20, 2**20])
        huge = helper.make_node("ConstantOfShape", ["huge_shape"], ["huge"])
        graph.node.insert(0, huge)
        graph.node.insert(0, shape)
        node.input.append("huge")
    elif kind == 8:
        op = rng.choice(("RandomNormal", "RandomUniform"))
        graph.node.insert(0, helper.make_node(op, [], ["noise"], shape=[1]))
        if len(node.input) > 1:
            node.input[1] = "noise"
    else:
        entry = rng.choice(node.attribute or [AttributeProto()])
        entry.type = rng.choice(AttributeProto.AttributeType.values())
