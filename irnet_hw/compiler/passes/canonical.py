"""Canonical: writes what exporters express in several ways in one way, with the same results.

Only nodes whose float32 results stay the same, whatever the image, are replaced here. The one
exception are biases inside layers: :mod:`irnet_hw.compiler.passes.integers` says where their place
counts.
"""

import json

import numpy as np
from onnx import NodeProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.quant_constant_folding import FoldTransposeIntoQuantInit

from irnet_hw.compiler.graph import add_tensor, attribute, fresh, readers, replace, shape
from irnet_hw.compiler.onnx_ops import ELEMENTWISE, LAYERS
from irnet_hw.onnx_file import QUANTIZERS
from irnet_hw.runner import node_result

FLOAT32 = DataType["FLOAT32"]
#: Key of the graph's metadata for the Adds that the file has inside layers, as their biases.
BIASES_KEY = "irnet_hw_biases"


def split_biases(model: ModelWrapper) -> list[str]:
    """Return the outputs of the Adds that were biases of layers."""
    return list(json.loads(model.get_metadata_prop(BIASES_KEY) or "[]"))


class Canonical(Transformation):  # type: ignore[misc]
    """Replace nodes by others with the same results."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model."""
        _known_shapes(model)
        biases = split_biases(model)
        _fold_quantizers(model)
        model = model.transform(FoldConstants(exclude_op_types=list(QUANTIZERS)))
        for node in list(model.graph.node):
            _constants_second(model, node)
            if node.op_type == "Gemm":
                biases += _split_gemm(model, node)
            elif node.op_type == "Conv":
                biases += _split_bias(model, node)
        model.set_metadata_prop(BIASES_KEY, json.dumps(biases))
        for node in list(model.graph.node):
            if node.op_type == "Pad":
                _pad_in_convolution(model, node)
            elif node.op_type == "Unsqueeze":
                _mean_of_signal(model, node)
        for node in list(model.graph.node):
            if node.op_type in ("Conv", "MaxPool", "AveragePool"):
                _written_out(model, node)
            if node.op_type == "MaxPool" and len(node.output) == 1:
                _pool_behind_quantizer(model, node)
        model = model.transform(InferShapes()).transform(FoldTransposeIntoQuantInit())
        return model.transform(FoldConstants(exclude_op_types=list(QUANTIZERS))), False


def _known_shapes(model: ModelWrapper) -> None:
    """Make the results of Shape constants: the sizes of an image are known."""
    for node in list(model.graph.node):
        sizes = model.get_tensor_shape(node.input[0]) if node.op_type == "Shape" else None
        if sizes is not None and all(sizes):
            start, end = attribute(node, "start", 0), attribute(node, "end", len(sizes))
            model.set_initializer(node.output[0], np.array(sizes[start:end], np.int64))
            model.graph.node.remove(node)


def _fold_quantizers(model: ModelWrapper) -> None:
    """Make results of quantizers constants, but for those of weights: biases, for example."""
    for node in list(model.graph.node):
        fixed = all(model.get_initializer(name) is not None for name in node.input)
        result = node.output[0]
        as_weights = any(
            each.op_type in (*LAYERS, "Gemm") and each.input[1] == result
            for each in readers(model, result)
        )
        if node.op_type in QUANTIZERS and fixed and not as_weights:
            model.set_initializer(result, node_result(model, node))
            model.graph.node.remove(node)


def _constants_second(model: ModelWrapper, node: NodeProto) -> None:
    if node.op_type in ("Mul", "Add") and model.get_initializer(node.input[0]) is not None:
        node.input[0], node.input[1] = node.input[1], node.input[0]


def _split_gemm(model: ModelWrapper, node: NodeProto) -> list[str]:
    """Write a Gemm as MatMul, and Add if it has a bias."""
    plain = [attribute(node, name, 1.0) == 1.0 for name in ("alpha", "beta")]
    if not all(plain) or attribute(node, "transA", 0):
        return []
    x, weight, *bias = node.input
    new = []
    if attribute(node, "transB", 0):
        rows, columns = shape(model, weight)
        turned = add_tensor(model, f"{weight}_t", (columns, rows), FLOAT32)
        new.append(helper.make_node("Transpose", [weight], [turned], perm=[1, 0]))
        weight = turned
    product = node.output[0]
    has_bias = bool(bias and bias[0])
    if has_bias:
        product = add_tensor(model, f"{product}_product", shape(model, product), FLOAT32)
    new.append(helper.make_node("MatMul", [x, weight], [product], name=node.name))
    if has_bias:
        inputs = [product, bias[0]]
        new.append(helper.make_node("Add", inputs, [node.output[0]], name=f"{node.name}_bias"))
    replace(model, [node], new)
    return [node.output[0]] if has_bias else []


def _split_bias(model: ModelWrapper, node: NodeProto) -> list[str]:
    """Write a convolution's bias as an Add behind it."""
    if len(node.input) < 3 or not node.input[2]:
        return []
    value = model.get_initializer(node.input[2])
    if value is None:
        return []
    sizes = shape(model, node.output[0])
    name = fresh(model, f"{node.input[2]}_spread")
    model.set_initializer(name, value.reshape(1, -1, *[1] * (len(sizes) - 2)))
    product = add_tensor(model, f"{node.output[0]}_product", sizes, FLOAT32)
    add = helper.make_node("Add", [product, name], [node.output[0]], name=f"{node.name}_bias")
    del node.input[2]
    node.output[0] = product
    replace(model, [node], [node, add])
    return [str(add.output[0])]


def _pad_in_convolution(model: ModelWrapper, node: NodeProto) -> None:
    """Let convolutions pad, where a Pad pads nothing but an image's borders with 0."""
    following = readers(model, node.output[0])
    pads = attribute(node, "pads", None)
    if pads is None:
        if len(node.input) > 3 and node.input[3]:
            return
        found = model.get_initializer(node.input[1]) if len(node.input) > 1 else None
        pads = None if found is None else found.astype(int).tolist()
    value = attribute(node, "value", 0.0)
    if len(node.input) > 2 and node.input[2]:
        given = model.get_initializer(node.input[2])
        value = None if given is None else float(given.item())
    if pads is None or value != 0 or attribute(node, "mode", "constant") != "constant":
        return
    rank = len(pads) // 2
    starts, ends = pads[2:rank], pads[rank + 2 :]
    borders = any(pads[:2]) or any(pads[rank : rank + 2]) or min(pads) < 0
    if borders or not following or any(each.op_type != "Conv" for each in following):
        return
    for each in following:
        _written_out(model, each)
        own = list(attribute(each, "pads", [0] * 2 * (rank - 2)))
        sums = [a + b for a, b in zip(own, [*starts, *ends], strict=True)]
        _set(each, "pads", sums)
        each.input[0] = node.input[0]
    model.graph.node.remove(node)


def _pool_behind_quantizer(model: ModelWrapper, pool: NodeProto) -> None:
    """Pool a sum of two results behind its quantizer, where the codes are what is pooled.

    The greatest value stays the greatest behind whatever does not fall.
    """
    tensor, adds = pool.input[0], False
    while (maker := model.find_producer(tensor)) is not None and maker.op_type in ELEMENTWISE:
        moving = [name for name in maker.input if name and model.get_initializer(name) is None]
        adds = len(moving) > 1
        if adds:
            break
        tensor = moving[0]
    behind: list[NodeProto] = []
    while adds and (not behind or behind[-1].op_type not in QUANTIZERS):
        found = readers(model, (behind or [pool])[-1].output[0])
        if len(found) != 1 or not _never_falls(model, found[0]):
            return
        behind.append(found[0])
    if not behind:
        return
    sizes, result = shape(model, pool.input[0]), behind[-1].output[0]
    source = pool.input[0]
    for node in behind:
        node.input[0] = source
        node.output[0] = add_tensor(model, f"{node.output[0]}_unpooled", sizes, FLOAT32)
        source = node.output[0]
    moved = helper.make_node("Identity", [], [])
    moved.CopyFrom(pool)
    moved.input[0], moved.output[0] = source, result
    model.graph.node.remove(pool)
    model.graph.node.insert(list(model.graph.node).index(behind[-1]) + 1, moved)


def _never_falls(model: ModelWrapper, node: NodeProto) -> bool:
    """Return whether a node's result, also in float32, does not fall where its input rises."""
    values = [model.get_initializer(name) for name in node.input[1:] if name]
    if any(value is None for value in values):
        return False
    if node.op_type in (*QUANTIZERS, "Mul", "Div", "BatchNormalization"):
        return bool(np.all(values[0] > 0))
    return node.op_type in ("Add", "Sub", "Relu", "Clip", "Min", "Max", "Floor", "Ceil", "Round")


def _mean_of_signal(model: ModelWrapper, node: NodeProto) -> None:
    """Take the mean of a signal as it is, and not as an image of one row."""
    run = [node]
    for kind in ("ReduceMean", "Squeeze"):
        following = readers(model, run[-1].output[0])
        if len(following) != 1 or following[0].op_type != kind:
            return
        run.append(following[0])
    before, *between, after = (
        shape(model, name) for name in (node.input[0], *(each.output[0] for each in run))
    )
    flat = [before[:2] + (1,) * (len(each) - 2) for each in (between[1], after)]
    ranks = [len(each) for each in (before, between[0], after)]
    if ranks != [3, 4, 3] or [between[1], after] != flat:
        return
    new = helper.make_node(
        "GlobalAveragePool", [node.input[0]], [run[-1].output[0]], name=run[1].name
    )
    replace(model, run, [new])


def _written_out(model: ModelWrapper, node: NodeProto) -> None:
    """Write kernel_shape and pads as numbers."""
    sizes = shape(model, node.input[0])[2:]
    kernel = attribute(node, "kernel_shape", None)
    if kernel is None:
        kernel = shape(model, node.input[1])[2:]
        _set(node, "kernel_shape", list(kernel))
    auto = attribute(node, "auto_pad", "NOTSET")
    if auto == "NOTSET":
        return
    steps = attribute(node, "strides", [1] * len(sizes))
    dilations = attribute(node, "dilations", [1] * len(sizes))
    starts, ends = [], []
    for size, kernel_size, step, dilation in zip(sizes, kernel, steps, dilations, strict=True):
        reach = (kernel_size - 1) * dilation + 1
        total = max(0, (-(-size // step) - 1) * step + reach - size) if auto != "VALID" else 0
        less, more = total // 2, total - total // 2
        starts.append(more if auto == "SAME_LOWER" else less)
        ends.append(less if auto == "SAME_LOWER" else more)
    _set(node, "pads", [*starts, *ends])
    _set(node, "auto_pad", "NOTSET")


def _set(node: NodeProto, name: str, value: object) -> None:
    for entry in [entry for entry in node.attribute if entry.name == name]:
        node.attribute.remove(entry)
    node.attribute.append(helper.make_attribute(name, value))
