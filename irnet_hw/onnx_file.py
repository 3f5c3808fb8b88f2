"""What an ONNX file must be before anything is done with it.

Files come from other exporters and over networks, and most of the libraries that read them trust
them. So everything those rely on is checked here, once, in the order in which it may be looked at:
what Protocol Buffers let pass, what :func:`onnx.checker.check_model` and strict shape inference
refuse, and what neither of them looks at.
"""

import contextlib
import os
import resource
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from qonnx.core.datatype import DataType

from irnet_hw.errors import UserError
from irnet_hw.read import file_bytes, shown

#: The domain of qonnx's ops, and those that older exporters write in its place.
QONNX_DOMAIN = "qonnx.custom_op.general"
FORMER_DOMAINS = ("onnx.brevitas", "finn.custom_op.general")
QUANTIZERS = ("Quant", "BipolarQuant")
#: More than any network that fits a board has; what walks graphs takes the square of it in time.
MOST_NODES = 10_000
#: The most elements of one tensor: half a gigabyte of float32.
MOST_ELEMENTS = 2**27
#: ONNX's own checks take less than a second of a processor's time.
APART_SECONDS = 60
#: Sizes and offsets in attributes of convolutions and poolings stay below this.
MOST_SIZE = 2**16

#: Ops whose result is not bounded by the sizes of their inputs, but by the values in them.
_GROWING = ("ConstantOfShape", "Expand", "OneHot", "Pad", "Range", "Resize", "Tile", "Upsample")
#: Exporters compute sizes, such as those of a Pad, by these.
_OF_SIZES = (
    *("Constant", "ConstantOfShape", "Concat", "Reshape", "Slice", "Transpose", "Cast", "Gather"),
    *("Squeeze", "Unsqueeze"),
)
#: The most elements of what is computed of sizes.
_MOST_SIZES = 64
_RANDOM = (
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
)
#: What tensors may hold.
_NUMBERS = (
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.FLOAT16,
    TensorProto.INT64,
    TensorProto.INT32,
    TensorProto.INT16,
    TensorProto.INT8,
    TensorProto.UINT64,
    TensorProto.UINT32,
    TensorProto.UINT16,
    TensorProto.UINT8,
    TensorProto.BOOL,
)
_INTEGERS = (TensorProto.INT64, TensorProto.INT32)
#: Names of the inputs of the quantizers, and the attributes that they must have and may have.
_QUANTIZER_INPUTS = {"Quant": ("x", "scale", "zero point", "bits"), "BipolarQuant": ("x", "scale")}
_FLAGS = ("signed", "narrow")
_ROUNDING = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")
#: The least value in attributes that hold sizes or offsets.
_LEAST = {"kernel_shape": 1, "strides": 1, "dilations": 1, "pads": 0, "group": 1}


def label(node: NodeProto) -> str:
    """Return a node's description for messages."""
    return f"node {shown(node.name) or 'without a name'} ({shown(node.op_type)})"


def read(path: Path) -> ModelProto:
    """Read an ONNX file and check it; see :func:`check`.

    Raises:
        UserError: the file is missing, is not an ONNX file, is truncated or damaged, or
            :func:`check` refuses it; names the file.
    """
    data = file_bytes(path)
    try:
        proto = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise UserError(f"{path}: is not an ONNX file, or it is damaged or truncated") from error
    try:
        check(proto)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return proto


def check(proto: ModelProto) -> None:
    """Refuse a file that is not valid ONNX, or that can't be looked at safely.

    Names that older exporters and ONNX itself allow for one domain become one of them.

    Raises:
        UserError: names the part of the file and what is wrong with it.
    """
    graph = proto.graph
    _check_texts(proto, "file")
    # Inputs with an initializer let a caller replace its value, which nobody does here.
    constants = {tensor.name for tensor in graph.initializer}
    for info in [info for info in graph.input if info.name in constants]:
        graph.input.remove(info)
    # qonnx looks for metadata in the graph, ONNX's own helpers write it to the model.
    graph.metadata_props.extend(proto.metadata_props)
    del proto.metadata_props[:]
    if not graph.node or len(graph.input) != 1 or len(graph.output) != 1:
        raise UserError(
            f"has {len(graph.node)} nodes, {len(graph.input)} inputs and "
            f"{len(graph.output)} outputs; a network with 1 input and 1 output is needed"
        )
    _check_extent(proto)
    _check_unique(proto)
    _check_kind(graph.input[0], (TensorProto.FLOAT,))
    _check_kind(graph.output[0], (TensorProto.FLOAT, TensorProto.INT64))  # INT64: classes' numbers
    for info in graph.value_info:
        _check_kind(info, _NUMBERS)
    for tensor in graph.initializer:
        _check_tensor(f"initializer {tensor.name}", tensor)
    _use_one_domain(proto)
    _mend_reshapes(proto)
    _fix_batch(proto)
    for node in graph.node:
        _check_node(node)
    _check_annotations(proto)
    _check_opset(proto)
    _fold_sizes(proto)
    _check_by_onnx(proto)


def _check_texts(message: Message, where: str) -> None:
    """Check that all texts are UTF-8, which Protocol Buffers leave to the reader."""
    for field in message.DESCRIPTOR.fields:
        repeated = field.label == field.LABEL_REPEATED
        if field.type == field.TYPE_STRING:
            for text in _texts(message, field.name):
                if isinstance(text, bytes):
                    raise UserError(
                        f"{where}: its {field.name} is {text!r}, which is not UTF-8; "
                        "the file is damaged"
                    )
        elif field.type == field.TYPE_MESSAGE:
            if repeated:
                for number, part in enumerate(getattr(message, field.name)):
                    _check_texts(part, f"{field.name} {number}")
            elif message.HasField(field.name):
                _check_texts(getattr(message, field.name), field.name)


def _texts(message: Message, name: str) -> list[str | bytes]:
    """Return the texts of a field; those that are not UTF-8 as bytes."""
    try:
        value = getattr(message, name)
        return [value] if isinstance(value, str | bytes) else list(value)
    except UnicodeDecodeError as error:  # depends on the implementation of Protocol Buffers
        return [error.object]


def _check_extent(proto: ModelProto) -> None:
    """Check that the file holds one graph with all of its numbers, and no more."""
    graph = proto.graph
    if len(graph.node) > MOST_NODES:
        raise UserError(f"has {len(graph.node)} nodes, must have at most {MOST_NODES}")
    for what, parts in (
        ("functions", proto.functions),
        ("training information", proto.training_info),
        ("sparse initializers", graph.sparse_initializer),
    ):
        if parts:
            raise UserError(f"has {what}, which is not supported; export the network without them")


def _check_unique(proto: ModelProto) -> None:
    """Check that nothing is said twice, because readers differ in which of the two they take."""
    graph = proto.graph
    outputs = [name for node in graph.node for name in node.output if name]
    made = [*(info.name for info in graph.input), *(t.name for t in graph.initializer), *outputs]
    infos = (*graph.input, *graph.value_info, *graph.output)
    for what, names in (
        ("tensor {} is made", made),
        ("tensor {} is described", [info.name for info in infos]),
        ("tensor {} is annotated", [a.tensor_name for a in graph.quantization_annotation]),
        ("opset {} is imported", [o.domain.removeprefix("ai.onnx") for o in proto.opset_import]),
        ("metadata {} is given", [entry.key for entry in graph.metadata_props]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                raise UserError(f"{what.format(name)} {count} times, must be once")
    if "" in made:
        raise UserError("has an input or initializer without a name")


def _check_kind(info: onnx.ValueInfoProto, allowed: tuple[int, ...]) -> None:
    """Check that a tensor's description says of which numbers it is."""
    tensor = info.type.HasField("tensor_type")
    kind = info.type.tensor_type.elem_type
    if not tensor or kind not in allowed:
        found = _kind(kind) if tensor else "no tensor type"
        wanted = ", ".join(map(_kind, allowed))
        raise UserError(f"tensor {info.name}: is of {found}, must be {wanted}")


def _kind(kind: int) -> str:
    found = dict(zip(TensorProto.DataType.values(), TensorProto.DataType.keys(), strict=True))
    return str(found.get(kind, f"type {kind}"))


def _check_tensor(what: str, tensor: TensorProto) -> None:
    """Check that a tensor is in the file, is as large as it says, and holds finite numbers."""
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise UserError(
            f"{what}: lies in another file; save the model with all data in one file "
            "(onnx.save_model, save_as_external_data=False)"
        )
    kind = tensor.data_type
    if kind not in _NUMBERS:
        wanted = ", ".join(map(_kind, _NUMBERS))
        raise UserError(f"{what}: is of {_kind(kind)}, must be one of {wanted}")
    if any(size < 0 for size in tensor.dims) or prod(tensor.dims) > MOST_ELEMENTS:
        raise UserError(
            f"{what}: has dimensions {_few(tensor.dims)}, must have at most {MOST_ELEMENTS} "
            "elements"
        )
    try:
        array = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise UserError(
            f"{what}: does not hold the {prod(tensor.dims)} elements of {_kind(kind)} that it "
            f"should; the file is damaged"
        ) from error
    if array.shape != tuple(tensor.dims):
        raise UserError(
            f"{what}: has {array.size} elements, its dimensions are {_few(tensor.dims)}"
        )
    _check_finite(what, array)


def _check_finite(what: str, values: Any) -> None:
    array = np.asarray(values)
    wrong = array[~np.isfinite(array)]
    if wrong.size:
        raise UserError(f"{what}: holds {wrong.flat[0]}, must be finite")


def _few(values: Iterable[Any], most: int = 8) -> str:
    """Return the first ones of a list for a message."""
    found = list(values)
    more = ", ..." if len(found) > most else ""
    return f"[{', '.join(map(str, found[:most]))}{more}]"


def _use_one_domain(proto: ModelProto) -> None:
    """Write "" for ONNX's own domain, and QONNX's for those that it had before."""
    opsets = proto.opset_import
    for entry in opsets:
        if entry.domain == "ai.onnx":
            entry.domain = ""
        if entry.version < 1:
            raise UserError(f"opset {entry.domain}: version {entry.version}, must be 1 or more")
    for node in proto.graph.node:
        if node.domain == "ai.onnx":
            node.domain = ""
        if node.op_type in QUANTIZERS and node.domain in FORMER_DOMAINS:
            node.domain = QONNX_DOMAIN
    used = {node.domain: None for node in proto.graph.node if node.domain}
    for domain in used.keys() - {entry.domain for entry in opsets}:
        opsets.append(helper.make_opsetid(domain, 1))


def _mend_reshapes(proto: ModelProto) -> None:
    """Let a Reshape to [0, -1] keep the images, as its writer meant.

    Exporters set allowzero for shapes without a 0. If the shape is changed to take any number of
    images, the 0 in it would mean an empty tensor, which ONNX does not allow together with -1.
    """
    shapes = {tensor.name: tensor for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type != "Reshape" or len(node.input) < 2 or node.input[1] not in shapes:
            continue
        sizes = numpy_helper.to_array(shapes[node.input[1]]).reshape(-1).tolist()
        for entry in [entry for entry in node.attribute if entry.name == "allowzero" and entry.i]:
            if 0 in sizes and -1 in sizes:
                node.attribute.remove(entry)


def _fix_batch(proto: ModelProto) -> None:
    """Make a batch of any size one of 1 image."""
    graph = proto.graph
    dims = graph.input[0].type.tensor_type.shape.dim
    if not dims or dims[0].HasField("dim_value"):
        return
    dims[0].dim_value = 1
    for dim in graph.output[0].type.tensor_type.shape.dim[:1]:
        dim.dim_value = 1
    del graph.value_info[:]  # they are inferred again


def _fold_sizes(proto: ModelProto) -> None:
    """Make sizes constants that nodes compute of constants, because shapes depend on them."""
    graph = proto.graph
    known: dict[str, Any] = {}
    for tensor in graph.initializer:
        if prod(tensor.dims) <= _MOST_SIZES and tensor.data_type in _INTEGERS:
            known[tensor.name] = numpy_helper.to_array(tensor)
    for node in list(graph.node):
        names = [name for name in dict.fromkeys(node.input) if name]
        fits = node.op_type in _OF_SIZES and not node.domain and len(node.output) == 1
        if not fits or not known.keys() >= set(names):
            continue
        if node.op_type == "ConstantOfShape" and prod(known[names[0]].tolist()) > _MOST_SIZES:
            continue
        alone = helper.make_graph(
            [node],
            "sizes",
            [],
            [helper.make_tensor_value_info(node.output[0], TensorProto.UNDEFINED, None)],
            [numpy_helper.from_array(known[name], name) for name in names],
        )
        model = helper.make_model(alone, opset_imports=proto.opset_import)
        try:
            (found,) = ReferenceEvaluator(model).run(None, {})
        except Exception:
            continue  # what is wrong with it, ONNX says below
        array = np.asarray(found)
        if array.size <= _MOST_SIZES and array.dtype in (np.int64, np.int32):
            known[node.output[0]] = array
            graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
            graph.node.remove(node)


def _check_node(node: NodeProto) -> None:
    """Check what qonnx and its executor rely on, and ONNX's checker does not look at."""
    if not node.op_type:
        raise UserError(f"{label(node)}: must have an op_type")
    if not any(node.output):
        raise UserError(f"{label(node)}: has no output")
    if node.op_type in _RANDOM and not node.domain:
        raise UserError(f"{label(node)}: gives other numbers in every run, which is not supported")
    for name, count in Counter(entry.name for entry in node.attribute).items():
        if count > 1:
            raise UserError(f"{label(node)}: has {count} attributes {name}, must have one")
    for entry in node.attribute:
        what = f"{label(node)}: attribute {entry.name}"
        if entry.ref_attr_name:
            raise UserError(f"{what}: refers to that of a function, and there is none")
        if entry.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) or entry.HasField("g"):
            raise UserError(f"{what}: is a graph; branches and loops are not supported")
        if entry.HasField("sparse_tensor") or entry.sparse_tensors:
            raise UserError(f"{what}: is a sparse tensor, which is not supported")
        for tensor in (*([entry.t] if entry.HasField("t") else []), *entry.tensors):
            _check_tensor(what, tensor)
        _check_finite(what, [entry.f, *entry.floats])
        if entry.name in _LEAST and entry.type in (AttributeProto.INT, AttributeProto.INTS):
            values = entry.ints if entry.type == AttributeProto.INTS else [entry.i]
            if not all(_LEAST[entry.name] <= value < MOST_SIZE for value in values):
                raise UserError(
                    f"{what}: {_few(values)}, must be {_LEAST[entry.name]} to {MOST_SIZE - 1}"
                )
    if node.op_type in QUANTIZERS:
        _check_quantizer(node)


def _check_quantizer(node: NodeProto) -> None:
    if node.domain != QONNX_DOMAIN:
        raise UserError(f"{label(node)}: is of domain {node.domain!r}, must be {QONNX_DOMAIN}")
    wanted = _QUANTIZER_INPUTS[node.op_type]
    if len(node.input) != len(wanted) or not all(node.input) or len(node.output) != 1:
        raise UserError(
            f"{label(node)}: has {sum(map(bool, node.input))} inputs and {len(node.output)} "
            f"outputs, must have {len(wanted)} inputs ({', '.join(wanted)}) and 1 output"
        )
    if node.op_type != "Quant":
        return
    found = {entry.name: entry for entry in node.attribute}
    for name in _FLAGS:
        entry = found.get(name)
        if entry is None or entry.type != AttributeProto.INT or entry.i not in (0, 1):
            raise UserError(f"{label(node)}: attribute {name}: must be there, as integer 0 or 1")
    rounding = found.get("rounding_mode")
    if rounding is not None and (
        rounding.type != AttributeProto.STRING
        or rounding.s.decode(errors="replace").upper() not in _ROUNDING
    ):
        raise UserError(
            f"{label(node)}: attribute rounding_mode: {rounding.s!r}, must be one of "
            f"{', '.join(_ROUNDING)}"
        )


def _check_annotations(proto: ModelProto) -> None:
    """Check that qonnx knows the types that tensors are annotated with."""
    for annotation in proto.graph.quantization_annotation:
        for entry in annotation.quant_parameter_tensor_names:
            if entry.key != "finn_datatype":
                continue
            try:
                DataType[entry.value]
            except (KeyError, ValueError, AssertionError, IndexError) as error:
                raise UserError(
                    f"tensor {annotation.tensor_name}: is annotated with type {entry.value}, which "
                    "QONNX does not have"
                ) from error


def _check_opset(proto: ModelProto) -> None:
    known = onnx.defs.onnx_opset_version()
    for entry in proto.opset_import:
        if not entry.domain and entry.version > known:
            raise UserError(f"opset: version {entry.version}, must be at most {known}")


def _check_by_onnx(proto: ModelProto) -> None:
    """Check that ONNX takes it, that shapes fit, and that no tensor is of a senseless size."""
    plain = ModelProto()
    plain.CopyFrom(proto)
    for node in plain.graph.node:
        if node.op_type in QUANTIZERS:  # they keep the shape
            node.op_type, node.domain = "Identity", ""
            del node.input[1:], node.attribute[:]

    def inferred() -> bytes:
        with _blamed("is not valid ONNX"):
            onnx.checker.check_model(proto)
        with _blamed("its shapes or types don't fit"):
            found = onnx.shape_inference.infer_shapes(plain, True, True, True)
        return bytes(found.SerializeToString())

    graph = ModelProto.FromString(_apart(inferred)).graph
    known = set()
    for info in (*graph.input, *graph.value_info, *graph.output):
        dims = info.type.tensor_type.shape.dim
        sizes = [dim.dim_value for dim in dims]
        if any(size < 0 for size in sizes) or prod(max(1, size) for size in sizes) > MOST_ELEMENTS:
            raise UserError(
                f"tensor {info.name}: has dimensions {_few(sizes)}, must have at most "
                f"{MOST_ELEMENTS} elements"
            )
        if info.type.tensor_type.HasField("shape") and all(d.HasField("dim_value") for d in dims):
            known.add(info.name)
    for node in graph.node:
        if node.op_type in _GROWING and not node.domain and not known.issuperset(node.output):
            raise UserError(f"{label(node)}: the shape of its result is not known beforehand")


@contextlib.contextmanager
def _blamed(wrong: str) -> Iterator[None]:
    """Raise a UserError that begins with ``wrong`` if ONNX's library refuses what it is given."""
    try:
        yield
    except Exception as error:
        raise UserError(f"{wrong}: {_first_line(error)}") from error


def _apart(action: Callable[[], bytes]) -> bytes:
    """Return what an action of ONNX's library gives, which ends the process for some damaged files.

    It runs in a process of its own, with a limit on the processor's time.

    Raises:
        UserError: it raises one, or ends the process.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            resource.setrlimit(resource.RLIMIT_CPU, (APART_SECONDS, APART_SECONDS))
            try:
                result, status = action(), 0
            except UserError as error:
                result = str(error).encode()
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(result)
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        result = pipe.read()
    _, ended = os.waitpid(child, 0)
    if ended:
        raise UserError(
            result.decode(errors="replace") or "is not valid ONNX: its library fails on it"
        )
    return result


def _first_line(error: Exception) -> str:
    """Return what a library says, without the lines on where it was."""
    lines: Iterator[str] = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)
