"""Check: refuses networks that can't become hardware, before anything else is tried.

One walk from the image to the logits gives every tensor its kind: pixels, signs, a stream of
integers times a step, or the sums that a layer computes from these. Sums become signs through
operations that are monotone in each channel, or a stream through exact operations, perhaps with
another stream added. The sums of the last dense layer are the logits.
"""

from dataclasses import dataclass

import numpy as np
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from irnet_hw.compiler.graph import constant, readers, shape
from irnet_hw.compiler.numbers.affine import EXACT_OPS
from irnet_hw.compiler.numbers.subsample import SUBSAMPLING, channel_padding, slice_steps
from irnet_hw.compiler.passes.node_checks import (
    CONVOLUTIONS,
    DENSE,
    FLATTENING,
    LAYERS,
    MONOTONE,
    UNITS_TEXT,
    check_convolution,
    check_dense,
    check_flatten,
    check_monotone,
    check_pool,
    check_quantizer,
    check_sum,
    check_unit,
    check_weights,
    listed,
    power_of_two,
    scalar,
)
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import QUANTIZERS, label
from irnet_hw.spec import image_shape

#: The domains of ONNX's own ops.
ONNX_DOMAINS = ("", "ai.onnx")
SUPPORTED = (
    *LAYERS,
    "MaxPool",
    "ReduceSum",
    *MONOTONE,
    *QUANTIZERS,
    *SUBSAMPLING,
    *FLATTENING,
)


@dataclass(frozen=True)
class Pixels:
    """The image minus its offset, times its scale."""

    step: float


@dataclass(frozen=True)
class Signs:
    """+1 and -1."""

    step: float = 1.0


@dataclass(frozen=True)
class Stream:
    """The output of a Quant: integers times a step."""

    step: float


@dataclass(frozen=True)
class Sums:
    """The output of a layer or a ReduceSum, perhaps after further operations.

    Attributes:
        nodes: the layer, and the operations so far.
        skip: the stream that one of them added.
    """

    nodes: tuple[NodeProto, ...]
    skip: str | None = None

    @property
    def layer(self) -> NodeProto:
        """The layer or ReduceSum."""
        return self.nodes[0]

    def then(self, node: NodeProto) -> "Sums":
        """Return the sums after a further operation."""
        return Sums((*self.nodes, node), self.skip)


Kind = Pixels | Signs | Stream | Sums
#: The name of each kind in messages, and the ops that may read it.
_READERS = {
    Pixels: ("the image", (*LAYERS, *FLATTENING)),
    Signs: ("signs", (*LAYERS, "MaxPool", *FLATTENING)),
    Stream: (
        "a stream",
        (*LAYERS, "ReduceSum", "Add", "BipolarQuant", *SUBSAMPLING, *FLATTENING),
    ),
    Sums: ("sums", ("MaxPool", *MONOTONE, *QUANTIZERS)),
}


def check_domains(model: ModelWrapper) -> None:
    """Refuse a network with nodes that are neither ONNX ops nor QONNX quantizers.

    This comes before all passes: shape inference fails on nodes that it does not know.

    Raises:
        UserError: names the node, its op, and the supported ops.
    """
    for node in model.graph.node:
        if node.domain not in ONNX_DOMAINS and node.op_type not in QUANTIZERS:
            raise _unsupported(node)


class Check(Transformation):  # type: ignore[misc]
    """Refuse a tidied network that is not supported; change nothing."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the same model."""
        check(model)
        return model, False


def check(model: ModelWrapper) -> None:
    """Refuse a tidied network that is not supported.

    Raises:
        UserError: names the node, its op, and the supported ops.
    """
    image_shape(model)
    for info in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        shape(model, info.name)
    nodes = [node for node in model.graph.node if not _makes_weights(model, node)]
    for node in nodes:
        if node.op_type not in SUPPORTED:
            raise _unsupported(node)
    output = model.graph.output[0].name
    first, pixels = _check_input(model)
    kinds: dict[str, Kind] = {first: pixels}
    for node in nodes:
        if node.output[0] == first or model.graph.input[0].name in node.input:
            continue
        kinds[node.output[0]] = _kind(model, node, kinds)
    for tensor, kind in kinds.items():
        _check_readers(model, tensor, kind)
    _check_output(model, model.find_producer(output), kinds[output])


def reaches_only_a_sign(model: ModelWrapper, quant: NodeProto) -> bool:
    """Return whether only the sign of a Quant's output is used, and it adds no stream.

    Then it is one more monotone operation between a layer and its sign.
    """
    found = readers(model, quant.output[0])
    if len(found) != 1 or found[0].op_type not in ("BipolarQuant", "MultiThreshold"):
        return False
    node = quant
    while node.op_type in (*MONOTONE, "MaxPool", "Quant"):
        if len(node.input) > 1 and model.find_producer(node.input[1]) is not None:
            return False
        node = model.find_producer(node.input[0])
    return node.op_type in LAYERS


def _makes_weights(model: ModelWrapper, node: NodeProto) -> bool:
    return node.op_type in QUANTIZERS and all(
        model.get_initializer(name) is not None for name in node.input if name
    )


def _unsupported(node: NodeProto) -> UserError:
    return UserError(f"{label(node)}: is not supported; supported are {', '.join(SUPPORTED)}")


def _check_input(model: ModelWrapper) -> tuple[str, Pixels]:
    """Check the offset and scale of the image; return the tensor behind them and its kind."""
    wanted = "the network must begin with Sub(offset, 0 to 255) and Mul(scale, a power of two)"
    tensor = model.graph.input[0].name
    found: list[NodeProto] = []
    while len(found) < 2 and len(following := readers(model, tensor)) == 1:
        found += following
        tensor = following[0].output[0]
    if [node.op_type for node in found] != ["Sub", "Mul"]:
        ops = ", ".join(node.op_type for node in found or following)
        raise UserError(f"input {model.graph.input[0].name}: goes through {ops}; {wanted}")
    offset, scale = (scalar(model, node) for node in found)
    if not (offset.is_integer() and 0 <= offset <= 255):
        raise UserError(f"{label(found[0])}: offset {offset}, must be an integer from 0 to 255")
    if not power_of_two(np.array(scale)):
        raise UserError(f"{label(found[1])}: scale {scale}, must be a power of two, {UNITS_TEXT}")
    return tensor, Pixels(scale)


def _kind(model: ModelWrapper, node: NodeProto, kinds: dict[str, Kind]) -> Kind:
    """Check a node, and return the kind of its output."""
    if any(name for name in node.output[1:]):
        raise UserError(f"{label(node)}: has {len(node.output)} outputs, must have 1")
    moving = [name for name in node.input if name in kinds]
    if not moving:
        raise UserError(f"{label(node)}: reads neither the image nor a result computed from it")
    if node.op_type == "Add" and len(moving) == 2:
        return _join(model, node, kinds)
    if node.input[0] != moving[0]:
        raise UserError(f"{label(node)}: {moving[0]} must be its first input")
    if len(moving) > 1:
        raise UserError(
            f"{label(node)}: reads {' and '.join(moving)}; only an Add, of sums and a stream, may "
            "read two tensors"
        )
    kind = kinds[moving[0]]
    called, allowed = _READERS[type(kind)]
    if isinstance(kind, Sums):
        return _sums(model, node, kind)
    if node.op_type not in allowed:
        raise UserError(
            f"{label(node)}: reads {called}, {moving[0]}; nodes that do must be one of "
            f"{', '.join(allowed)}"
        )
    if node.op_type in LAYERS:
        _check_layer(model, node, kind)
        return Sums((node,))
    if node.op_type in FLATTENING:
        check_flatten(model, node)
        if [reader.op_type in DENSE for reader in readers(model, node.output[0])] != [True]:
            raise UserError(f"{label(node)}: must be followed by one {' or '.join(DENSE)}")
        return kind
    if node.op_type == "MaxPool":
        check_pool(node)
    elif node.op_type == "ReduceSum":
        check_sum(model, node)
        return Sums((node,))
    elif node.op_type == "BipolarQuant":
        _check_sign(model, node)
        return Signs()
    elif node.op_type == "Slice":
        slice_steps(model, node)
    elif node.op_type == "Pad":
        channel_padding(model, node)
    return kind


def _check_layer(model: ModelWrapper, node: NodeProto, reads: Kind) -> None:
    check_weights(model, node)
    assert not isinstance(reads, Sums)
    check_unit(model, node, reads.step)
    if node.op_type in CONVOLUTIONS:
        check_convolution(model, node, isinstance(reads, Signs))
    else:
        check_dense(model, node, reads.step)


def _sums(model: ModelWrapper, node: NodeProto, sums: Sums) -> Kind:
    """Return the kind of a node's output if it reads sums."""
    if node.op_type == "BipolarQuant":
        _check_sign(model, node)
        if sums.skip is not None:
            raise UserError(
                f"{label(node)}: takes the sign of the sum of {sums.layer.name} and {sums.skip}; "
                "a Quant must round it first"
            )
        if sums.layer.op_type not in LAYERS:
            raise UserError(
                f"{label(node)}: takes the sign of the sums of {sums.layer.name}; a Quant must "
                "round them first"
            )
        return Signs()
    if node.op_type == "Quant":
        return _rounded(model, node, sums)
    if node.op_type == "MaxPool":
        check_pool(node)
    elif node.op_type in MONOTONE:
        check_monotone(model, node)
    elif node.op_type in FLATTENING and sums.layer.op_type == "ReduceSum":
        check_flatten(model, node)
    else:
        raise UserError(
            f"{label(node)}: between {sums.layer.name} and its BipolarQuant or Quant only "
            f"MaxPool, {', '.join(MONOTONE)} are supported"
        )
    return sums.then(node)


def _rounded(model: ModelWrapper, node: NodeProto, sums: Sums) -> Kind:
    """Return the kind of a Quant's output: a stream, or sums on the way to a sign."""
    step = check_quantizer(model, node)
    if reaches_only_a_sign(model, node):
        return sums.then(node)
    for between in sums.nodes[1:]:
        if between.op_type not in (*EXACT_OPS, *FLATTENING):
            raise UserError(
                f"{label(between)}: between {sums.layer.name} and {node.name} only "
                f"{', '.join(EXACT_OPS)} are supported, because more than their sign is used"
            )
    if sums.layer.op_type == "ReduceSum" and len(shape(model, node.output[0])) != 2:
        raise UserError(
            f"{label(node)}: rounds the sums of {sums.layer.name}; they must be flattened first"
        )
    return Stream(step)


def _join(model: ModelWrapper, node: NodeProto, kinds: dict[str, Kind]) -> Kind:
    """Return the sums from an Add of sums and a stream."""
    a, b = node.input[:2]
    sums, skip = (kinds[a], kinds[b]) if isinstance(kinds[a], Sums) else (kinds[b], kinds[a])
    if not isinstance(sums, Sums) or not isinstance(skip, Stream) or sums.skip is not None:
        first, second = (_called(name, kinds[name]) for name in (a, b))
        raise UserError(
            f"{label(node)}: adds {first} and {second}; must add one stream, made by Quant, to the "
            "sums of a layer"
        )
    if shape(model, a) != shape(model, b):
        raise UserError(
            f"{label(node)}: adds tensors of shapes {list(shape(model, a))} and "
            f"{list(shape(model, b))}, which must be the same"
        )
    return Sums((*sums.nodes, node), b if isinstance(kinds[a], Sums) else a)


def _called(tensor: str, kind: Kind) -> str:
    """Return the name of a tensor in messages."""
    if isinstance(kind, Sums):
        more = f", to which {kind.skip} is added" if kind.skip is not None else ""
        return f"{tensor} (sums of {kind.layer.name}{more})"
    return f"{tensor} ({_READERS[type(kind)][0]})"


def _check_sign(model: ModelWrapper, node: NodeProto) -> None:
    scale = constant(model, node.input[1])
    if not np.all(scale == 1):
        raise UserError(f"{label(node)}: scale {listed(scale)}, must be 1")


def _check_readers(model: ModelWrapper, tensor: str, kind: Kind) -> None:
    """Check that a tensor has one reader, or several if its kind can be forked."""
    found = readers(model, tensor)
    if tensor == model.graph.output[0].name:
        if found:
            raise UserError(
                f"tensor {tensor}: is the output and must not be read by a node as well"
            )
    elif not found:
        raise UserError(f"tensor {tensor}: is read by no node; all tensors must lead to the output")
    elif len(found) > 1 and isinstance(kind, Pixels | Sums):
        raise UserError(
            f"tensor {tensor}: is read by {', '.join(map(label, found))}; "
            "only signs and streams may have several readers"
        )


def _check_output(model: ModelWrapper, last: NodeProto, kind: Kind) -> None:
    if not isinstance(kind, Sums):
        raise UserError(f"{label(last)}: is the last node; the network must end with a dense layer")
    layer, *rest = kind.nodes
    if layer.op_type not in DENSE:
        raise UserError(f"{label(layer)}: is the last layer, must be {' or '.join(DENSE)}")
    for node in rest:
        if node.op_type not in ("Add", "Mul") or len(node.input) != 2:
            raise UserError(f"{label(node)}: after the last layer only Add and Mul are supported")
        value = model.get_initializer(node.input[1])
        if value is None:
            raise UserError(f"{label(node)}: adds {kind.skip} to the logits, must be a constant")
        if node.op_type == "Mul" and not (value.size == 1 and power_of_two(value)):
            raise UserError(
                f"{label(node)}: scale {listed(value)} of the logits, must be one power of two, "
                f"{UNITS_TEXT}"
            )
    maker = model.find_producer(layer.input[1])
    scale = constant(model, maker.input[1])
    if len(np.unique(scale)) != 1:
        raise UserError(f"{label(maker)}: scale {listed(scale)}, must be one for all logits")
