"""Pass 2: what can't become hardware is refused here, before anything else is tried.

The graph is walked once from the image to the logits. It has to be one chain: the input's
offset and scale, then layers, each a convolution or a dense layer followed by operations that
are monotone in each channel and by a sign; the last layer ends in the logits.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import attribute, constant, label, shape
from irnet_hw.compiler.tidy import QUANTIZERS
from irnet_hw.errors import UserError
from irnet_hw.spec import image_shape

CONVOLUTIONS = ("Conv",)
DENSE = ("MatMul", "Gemm")
LAYERS = (*CONVOLUTIONS, *DENSE)
#: Operations whose float32 evaluation is monotone in each channel.
MONOTONE = ("Mul", "Add", "Sub", "Div", "BatchNormalization", "Clip")
FLATTENING = ("Flatten", "Reshape")
#: What ONNX's own ops may name as their domain.
ONNX_DOMAINS = ("", "ai.onnx")
#: Float32 is exact for integers up to 2^24: half for an accumulator and half for a bias.
EXACT = 2**23
SUPPORTED = (*LAYERS, "MaxPool", *MONOTONE, "BipolarQuant", *FLATTENING)


def check_domains(model: ModelWrapper) -> None:
    """Refuse a network with nodes that are neither ONNX's nor QONNX's quantizers.

    This comes before all passes: what infers shapes fails on nodes that it does not know.

    Raises:
        UserError: names the node, its op, and what is supported.
    """
    for node in model.graph.node:
        if node.domain not in ONNX_DOMAINS and node.op_type not in QUANTIZERS:
            raise _unsupported(node)


def check(model: ModelWrapper) -> None:
    """Refuse a tidied network that is not supported.

    Raises:
        UserError: names the node, its op, and what is supported.
    """
    image_shape(model)
    for info in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        shape(model, info.name)
    nodes = list(_chain(model))
    rest, unit = _check_input(model, nodes)
    first = True
    while rest:
        rest = _check_layer(model, rest, first, unit)
        first, unit = False, 1.0


def _chain(model: ModelWrapper) -> Iterator[NodeProto]:
    """Yield the nodes between input and output, in order; all others must make weights."""
    current = model.graph.input[0].name
    for node in model.graph.node:
        moving = [name for name in node.input if name and model.get_initializer(name) is None]
        if node.op_type in QUANTIZERS and not moving:
            continue
        if node.op_type == "Quant":
            raise UserError(
                f"{label(node)}: rounds the activations {node.output[0]}; networks whose "
                "activations are all signs, made by BipolarQuant, are supported"
            )
        if node.op_type not in SUPPORTED:
            raise _unsupported(node)
    while current != model.graph.output[0].name:
        readers = model.find_consumers(current) or []
        if len(readers) != 1:
            names = ", ".join(label(reader) for reader in readers) or "nothing"
            raise UserError(
                f"tensor {current}: is read by {names}; a network without branches is needed"
            )
        node = readers[0]
        if current != node.input[0]:
            raise UserError(f"{label(node)}: {current} must be its first input")
        for name in node.input[1:]:
            maker = model.find_producer(name)
            if name and maker is not None and maker.op_type not in QUANTIZERS:
                raise UserError(
                    f"{label(node)}: joins two branches, {current} and {name}; "
                    "a network without branches is needed"
                )
        if any(name for name in node.output[1:]):
            raise UserError(f"{label(node)}: has {len(node.output)} outputs, must have 1")
        yield node
        current = node.output[0]
    if model.find_consumers(current):
        raise UserError(f"tensor {current}: is the output and must not be read by a node as well")


def _unsupported(node: NodeProto) -> UserError:
    return UserError(f"{label(node)}: is not supported; supported are {', '.join(SUPPORTED)}")


def _check_input(model: ModelWrapper, nodes: list[NodeProto]) -> tuple[list[NodeProto], float]:
    """Check the offset and scale of the image; return the nodes after them and the scale."""
    wanted = "the network must begin with Sub(offset, 0 to 255) and Mul(scale, a power of two)"
    if len(nodes) < 2 or [node.op_type for node in nodes[:2]] != ["Sub", "Mul"]:
        found = ", ".join(node.op_type for node in nodes[:2])
        raise UserError(f"input {model.graph.input[0].name}: goes through {found}; {wanted}")
    offset, scale = (_scalar(model, node) for node in nodes[:2])
    if not (offset.is_integer() and 0 <= offset <= 255):
        raise UserError(f"{label(nodes[0])}: offset {offset}, must be an integer from 0 to 255")
    if not power_of_two(np.array(scale)):
        raise UserError(f"{label(nodes[1])}: scale {scale}, must be a power of two")
    return nodes[2:], scale


def _check_layer(
    model: ModelWrapper, nodes: list[NodeProto], first: bool, unit: float
) -> list[NodeProto]:
    """Check one layer up to its sign or the logits; return the nodes of the next one.

    Args:
        model: the network.
        nodes: from this layer on.
        first: whether the layer reads the image.
        unit: the scale of the layer's input.
    """
    layer, *rest = nodes
    if layer.op_type in FLATTENING:
        _check_flatten(model, layer)
        if not rest or rest[0].op_type not in DENSE:
            raise UserError(f"{label(layer)}: must be followed by {' or '.join(DENSE)}")
        layer, *rest = rest
    if layer.op_type not in LAYERS:
        raise UserError(f"{label(layer)}: a layer must begin with {', '.join(LAYERS)} here")
    _check_weights(model, layer)
    if layer.op_type in CONVOLUTIONS:
        _check_convolution(model, layer, first)
    else:
        _check_dense(model, layer, unit)
    for i, node in enumerate(rest):
        if node.op_type == "BipolarQuant":
            return _check_sign(model, node, rest[i + 1 :])
        if node.op_type == "MaxPool":
            _check_pool(node)
        elif node.op_type in MONOTONE:
            _check_monotone(model, node)
        else:
            raise UserError(
                f"{label(node)}: between {layer.name} and its sign only MaxPool, "
                f"{', '.join(MONOTONE)} are supported"
            )
    _check_logits(model, layer, rest)
    return []


def _check_sign(model: ModelWrapper, node: NodeProto, rest: list[NodeProto]) -> list[NodeProto]:
    scale = constant(model, node.input[1])
    if not np.all(scale == 1):
        raise UserError(f"{label(node)}: scale {_values(scale)}, must be 1")
    while rest and rest[0].op_type == "MaxPool":
        _check_pool(rest[0])
        rest = rest[1:]
    if not rest:
        raise UserError(f"{label(node)}: is the last node; the network must end with a dense layer")
    return rest


def _check_logits(model: ModelWrapper, layer: NodeProto, rest: list[NodeProto]) -> None:
    if layer.op_type not in DENSE:
        raise UserError(f"{label(layer)}: is the last layer, must be {' or '.join(DENSE)}")
    for node in rest:
        if node.op_type not in ("Add", "Mul"):
            raise UserError(f"{label(node)}: after the last layer only Add and Mul are supported")
        value = constant(model, node.input[1])
        if node.op_type == "Mul" and not (value.size == 1 and power_of_two(value)):
            raise UserError(
                f"{label(node)}: scale {_values(value)} of the logits, must be one power of two"
            )
    maker = model.find_producer(layer.input[1])
    scale = constant(model, maker.input[1])
    if len(np.unique(scale)) != 1:
        raise UserError(f"{label(maker)}: scale {_values(scale)}, must be one for all logits")


def _check_weights(model: ModelWrapper, layer: NodeProto) -> None:
    """Check that the weights are 1 bit, or 2 to 8 bits, with powers of two as scales."""
    maker = model.find_producer(layer.input[1])
    if maker is None or maker.op_type not in QUANTIZERS:
        raise UserError(f"{label(layer)}: its weights must come from Quant or BipolarQuant")
    for name in maker.input:
        if model.get_initializer(name) is None:
            raise UserError(f"{label(maker)}: {name} must be constant")
    raw = constant(model, maker.input[0])
    if not np.all(np.isfinite(raw)):
        raise UserError(f"{label(maker)}: {maker.input[0]} holds a value that is not finite")
    scale = constant(model, maker.input[1])
    if not power_of_two(scale):
        raise UserError(f"{label(maker)}: scale {_values(scale)}, must be powers of two")
    sizes = raw.shape
    axis = 1 if layer.op_type == "MatMul" or not attribute(layer, "transB", 0) else 0
    if layer.op_type in CONVOLUTIONS:
        axis = 0
    per_output = [1] * len(sizes)
    per_output[axis] = sizes[axis]
    found, wanted = shape(model, layer.input[0])[1], sizes[1 if axis == 0 else 0]
    if found != wanted:
        raise UserError(f"{label(layer)}: its input has {found} channels, its weights {wanted}")
    padded = [1] * (len(sizes) - scale.ndim) + list(scale.shape)
    if scale.size != 1 and padded != per_output:
        raise UserError(
            f"{label(maker)}: scale of shape {list(scale.shape)}, must be one for all weights "
            f"or one an output channel, {per_output}"
        )
    if maker.op_type == "Quant":
        zero, bits = constant(model, maker.input[2]), constant(model, maker.input[3])
        if np.any(zero != 0):
            raise UserError(f"{label(maker)}: zero point {_values(zero)}, must be 0")
        if bits.size != 1 or not 2 <= bits.item() <= 8 or bits.item() % 1:
            raise UserError(f"{label(maker)}: {_values(bits)} bits, must be 2 to 8")
        if not attribute(maker, "signed", 1):
            raise UserError(f"{label(maker)}: unsigned, must be signed")


def _check_convolution(model: ModelWrapper, node: NodeProto, first: bool) -> None:
    if len(node.input) > 2 and node.input[2]:
        raise UserError(f"{label(node)}: has a bias; it must be an Add node of its own")
    if len(shape(model, node.input[1])) != 4:
        raise UserError(f"{label(node)}: must have two dimensions in space")
    _check_plain(node, group=1, auto_pad="NOTSET", dilations=[1, 1])
    padded = any(attribute(node, "pads", [0, 0, 0, 0]))
    maker = model.find_producer(node.input[1])
    if padded and not first and maker.op_type == "Quant":
        raise UserError(
            f"{label(node)}: zero padding of 1-bit activations needs 1-bit weights "
            "(BipolarQuant), and its weights come from Quant"
        )


def _check_dense(model: ModelWrapper, node: NodeProto, unit: float) -> None:
    if len(shape(model, node.input[0])) != 2:
        raise UserError(f"{label(node)}: its input must be flattened before")
    if node.op_type == "Gemm":
        _check_plain(node, alpha=1.0, beta=1.0, transA=0)
        if len(node.input) > 2 and node.input[2]:
            _check_bias(model, node, unit)


def _check_bias(model: ModelWrapper, node: NodeProto, unit: float) -> None:
    """Check that a Gemm's bias is whole in units of the accumulator.

    Gemm may add the bias before or between the products: only then every order gives the same.
    """
    bias = model.get_initializer(node.input[2])
    if bias is None:
        raise UserError(f"{label(node)}: bias {node.input[2]} must be constant")
    scale = constant(model, model.find_producer(node.input[1]).input[1])
    units = bias.astype(np.float64) / (scale.reshape(-1).astype(np.float64) * unit)
    if not np.all(units % 1 == 0) or np.any(np.abs(units) >= EXACT):
        raise UserError(
            f"{label(node)}: bias {_values(bias)}, must be multiples of the accumulator's scale "
            f"{_values(scale * unit)}, below {EXACT} times it"
        )


def _check_flatten(model: ModelWrapper, node: NodeProto) -> None:
    before, after = shape(model, node.input[0]), shape(model, node.output[0])
    if after != (1, math.prod(before)):
        raise UserError(
            f"{label(node)}: makes {list(after)} of {list(before)}, "
            f"must make {[1, math.prod(before)]}"
        )
    if node.op_type == "Reshape" and constant(model, node.input[1]).flat[0] not in (0, -1):
        raise UserError(
            f"{label(node)}: shape {constant(model, node.input[1]).tolist()}, must begin with 0 or "
            "-1, for the network is run on batches of images too"
        )


def _check_pool(node: NodeProto) -> None:
    kernel = list(attribute(node, "kernel_shape", []))
    if len(kernel) != 2:
        raise UserError(f"{label(node)}: kernel_shape = {kernel}, must have two sizes")
    strides = list(attribute(node, "strides", [1, 1]))
    if strides != kernel:
        raise UserError(f"{label(node)}: strides = {strides}, must be kernel_shape = {kernel}")
    _check_plain(node, auto_pad="NOTSET", pads=[0, 0, 0, 0], dilations=[1, 1], ceil_mode=0)


def _check_monotone(model: ModelWrapper, node: NodeProto) -> None:
    channels = shape(model, node.output[0])[1]
    rank = len(shape(model, node.output[0]))
    if node.op_type == "BatchNormalization":
        _check_plain(node, training_mode=0)
    for name in node.input[1:]:
        if not name:
            continue
        value = model.get_initializer(name)
        if value is None:
            raise UserError(f"{label(node)}: {name} must be constant")
        if not np.all(np.isfinite(value)):
            raise UserError(f"{label(node)}: {name} holds a value that is not finite")
        if node.op_type == "Div" and np.any(value == 0):
            raise UserError(f"{label(node)}: {name} divides by 0")
        sizes = (channels,) if node.op_type == "BatchNormalization" else (1, channels)
        per_channel = [*sizes, *[1] * (rank - 2)] if len(sizes) == 2 else [channels]
        padded = [1] * (len(per_channel) - value.ndim) + list(value.shape)
        if value.size != 1 and padded != per_channel:
            raise UserError(
                f"{label(node)}: {name} of shape {list(value.shape)}, must be one value "
                f"or one a channel, {per_channel}"
            )


def _check_plain(node: NodeProto, **wanted: object) -> None:
    """Check that attributes have their usual values, or are absent."""
    for name, value in wanted.items():
        found = attribute(node, name, value)
        found = list(found) if isinstance(value, list) else found
        if found != value:
            raise UserError(f"{label(node)}: {name} = {found}, must be {value}")


def power_of_two(values: npt.NDArray[Any]) -> bool:
    """Return whether all values are positive powers of two."""
    return bool(np.all(np.isfinite(values)) and np.all(np.frexp(values)[0] == 0.5))


def _scalar(model: ModelWrapper, node: NodeProto) -> float:
    value = model.get_initializer(node.input[1])
    if value is None or value.size != 1:
        raise UserError(f"{label(node)}: its second input must be one constant number")
    return float(value.item())


def _values(values: npt.NDArray[Any]) -> str:
    """Return a few values for a message."""
    flat = [f"{value:g}" for value in np.unique(values)[:4]]
    return ", ".join(flat) + (", ..." if np.unique(values).size > 4 else "")
