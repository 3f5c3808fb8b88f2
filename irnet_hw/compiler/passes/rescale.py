"""Rescale: moves scales that are not powers of two out of sums, behind the layer.

Float32 depends on the order of additions if their summands are not multiples of a power of two. So
a file with such scales before a sum has no single result. With them behind it, sums are exact, and
the file has one. That file, not the given one, then is the specification, and the build says so.

The scales that are moved are those of weights, of a quantizer that a layer or an average reads, of
pixels that no quantizer precedes, and the division of a mean. A scale stops where it can't pass,
such as at a second one, and :mod:`~irnet_hw.compiler.passes.integers` then refuses what reads it.

An addition of two results is one sum of two, whose order does not matter. So nothing moves if what
is behind it is a function of an integer sum of the codes, as the file has it.
Scales that are powers of two stay where they are: a network that has only these is not changed.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.transformation.infer_shapes import InferShapes

from irnet_hw.compiler.graph import (
    Floats,
    add_tensor,
    attribute,
    constant,
    fresh,
    readers,
    reduced_axes,
    replace,
    shape,
)
from irnet_hw.compiler.numbers.codes import dyadic_unit, is_power_of_two
from irnet_hw.compiler.numbers.function import moving_input
from irnet_hw.compiler.numbers.pairs import Side, of_sum
from irnet_hw.compiler.numbers.weights import LARGEST, common_unit, maker, values
from irnet_hw.compiler.onnx_ops import ELEMENTWISE, LAYERS, MEANS, RESHAPING, SUMMING
from irnet_hw.compiler.passes.problems import Problems
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import QUANTIZERS, label
from irnet_hw.read import shown

#: Multiplying before these or behind them gives the same.
PASSING = ("MaxPool", *RESHAPING, "Identity")
#: What a first layer's input may go through without a quantizer.
AFFINE = ("Mul", "Div", "Sub", "Add")
#: How far a pixel's value may be from a straight line, of the greatest one.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Moved:
    """A scale or bias that was moved behind a layer.

    Attributes:
        what: "the weights' scale", or the like.
        where: the layer.
        value: the scale.
    """

    what: str
    where: str
    value: str

    def __str__(self) -> str:
        return f"{self.what} {self.value} behind {self.where}"


#: Key of the graph's metadata for what was moved.
MOVED_KEY = "irnet_hw_moved"
#: Key of the graph's metadata for the range of what the file's first layer reads, if the pixels'
#: scale was moved.
PIXELS_KEY = "irnet_hw_pixels"


def moved(model: ModelWrapper) -> list[str]:
    """Return what was moved behind layers."""
    return list(json.loads(model.get_metadata_prop(MOVED_KEY) or "[]"))


class Rescale(Transformation):  # type: ignore[misc]
    """Move scales that are not powers of two behind layers.

    Args:
        collect: go on behind nodes whose scale can't be moved, and keep why; None: raise at once.
    """

    def __init__(self, collect: Problems | None = None) -> None:
        super().__init__()
        self._collect = collect

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model, whose metadata says what was moved."""
        changed = ModelWrapper(model.model, make_deepcopy=True)
        found = [str(each) for each in rescale(changed, self._collect)]
        if changed.model == model.model:
            return model, False
        changed.set_metadata_prop(MOVED_KEY, json.dumps(found))
        return changed.transform(InferShapes()), False


def rescale(model: ModelWrapper, collect: Problems | None = None) -> list[Moved]:
    """Move scales that are not powers of two behind layers, in place.

    Args:
        model: a tidied network.
        collect: see :class:`Rescale`.

    Returns:
        what was moved; empty if nothing had to be.

    Raises:
        UserError: names the node whose scale can't be moved.
    """
    found: list[Moved] = []

    def each(step: Callable[[ModelWrapper, NodeProto], list[Moved]], *kinds: str) -> None:
        for node in list(model.graph.node):
            if node.op_type not in kinds:
                continue
            try:
                found.extend(step(model, node))
            except UserError as error:
                if collect is None:
                    raise
                if node.output[0] not in collect.behind:
                    collect.found.append(error)
                    collect.behind.add(node.output[0])

    each(_weights, *LAYERS)
    each(_activations, *QUANTIZERS)
    each(_before_mean, *MEANS)
    each(_mean, *MEANS)
    each(_pixels, *LAYERS)
    return found


def _moves(model: ModelWrapper, node: NodeProto) -> bool:
    """Return whether a quantizer quantizes what depends on the image."""
    return model.get_initializer(node.input[0]) is None


# ------------------------------------------------------------------ weights


def _weights(model: ModelWrapper, layer: NodeProto) -> list[Moved]:
    found = values(model, layer)
    per_output = found.T if layer.op_type == "MatMul" else found
    units = np.array([dyadic_unit(row) for row in per_output])
    flat = per_output.reshape(len(per_output), -1).astype(np.float64)
    few = bool(np.all(np.abs(flat).max(axis=1) / units <= LARGEST))
    # The last layer's outputs must have one scale.
    if few and (common_unit(flat, units) is not None or _read_by_others(model, layer)):
        return []
    scales = _scales(model, layer, flat)
    if scales is None:
        return []  # refused where the weights are read
    integers = np.rint(flat / scales[:, np.newaxis])
    whole = integers.reshape(per_output.shape)
    name = fresh(model, f"{layer.input[1]}_integers")
    stored = whole.T if layer.op_type == "MatMul" else whole
    model.set_initializer(name, np.ascontiguousarray(stored, dtype=np.float32))
    quantizer = maker(model, layer)
    layer.input[1] = name
    if quantizer is not None and not readers(model, quantizer.output[0]):
        model.graph.node.remove(quantizer)
    single = np.all(scales == scales[0])
    rank = len(shape(model, layer.output[0]))
    value = scales[:1] if single else scales.reshape(1, -1, *[1] * (rank - 2))
    _behind(model, layer, value.astype(np.float32))
    return [Moved("the weights' scale", shown(layer.name), _listed(scales))]


def _read_by_others(model: ModelWrapper, layer: NodeProto) -> bool:
    """Return whether another layer follows, in whatever way."""
    waiting, seen = [layer.output[0]], set()
    while waiting:
        for node in readers(model, waiting.pop()):
            if node.op_type in LAYERS:
                return True
            if node.output[0] not in seen:
                seen.add(node.output[0])
                waiting.append(node.output[0])
    return False


def _scales(
    model: ModelWrapper, layer: NodeProto, flat: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64] | None:
    """Return a scale for each output such that its weights are small multiples of it."""
    quantizer = maker(model, layer)
    if quantizer is not None:
        scale = np.asarray(constant(model, quantizer.input[1]), np.float64)
        raw = shape(model, quantizer.input[0])
        if scale.size == 1:
            return np.full(len(flat), abs(float(scale.item())))
        spread = np.broadcast_to(scale, raw)
        turned = spread.T if layer.op_type == "MatMul" else spread
        each = np.abs(turned.reshape(len(flat), -1))
        if np.any(each != each[:, :1]):
            raise UserError(
                f"{label(quantizer)}: scale of shape {list(scale.shape)}, must be one for all "
                "weights, or one for each output channel"
            )
        return each[:, 0]
    found = []
    for row in flat:
        most = float(np.abs(row).max()) or 1.0
        for step in (most / count for count in range(1, int(LARGEST))):
            if np.allclose(row / step, np.rint(row / step), rtol=0, atol=1e-4):
                found.append(step)
                break
        else:
            return None
    return np.array(found)


# ------------------------------------------------------------------ activations


def _activations(model: ModelWrapper, quantizer: NodeProto) -> list[Moved]:
    """Split a quantizer's scale from it, and move that behind the layers that read it."""
    if not _moves(model, quantizer) or not _summed(model, quantizer.output[0]):
        return []
    scale = model.get_initializer(quantizer.input[1])
    if scale is None:
        raise UserError(f"{label(quantizer)}: {shown(quantizer.input[1])} must be constant")
    if np.any(scale != scale.reshape(-1)[0]):
        raise UserError(
            f"{label(quantizer)}: scale of shape {list(scale.shape)}, must be one for all channels"
        )
    value = float(scale.reshape(-1)[0])
    if value == 0:
        raise UserError(f"{label(quantizer)}: scale 0, must be another number")
    if is_power_of_two(value):
        return []
    result = quantizer.output[0]
    whole = add_tensor(model, f"{result}_whole", *_like(model, result))
    scale_name, one = (fresh(model, f"{result}_{end}") for end in ("scale", "one"))
    model.set_initializer(scale_name, np.array(value, np.float32))
    model.set_initializer(one, np.array(1.0, np.float32))
    last = helper.make_node("Mul", [whole, scale_name], [result], name=f"{quantizer.name}_multiply")
    new = [quantizer, last]
    if quantizer.op_type == "Quant":  # a sign does not depend on the scale
        divided = add_tensor(model, f"{result}_divided", *_like(model, quantizer.input[0]))
        inputs = [quantizer.input[0], scale_name]
        new.insert(0, helper.make_node("Div", inputs, [divided], name=f"{quantizer.name}_divide"))
        quantizer.input[0] = divided
    quantizer.input[1], quantizer.output[0] = one, whole
    replace(model, [quantizer], new)
    return [Moved("the scale of its input", *each) for each in _push(model, last)]


def _summed(model: ModelWrapper, tensor: str) -> bool:
    """Return whether a layer, a pooling or an addition sums a tensor."""
    for node in readers(model, tensor):
        if node.op_type in PASSING or node.op_type == "Concat":
            if _summed(model, node.output[0]):
                return True
        elif node.op_type in (*LAYERS, *SUMMING) or _added(model, node):
            return True
    return False


def _added(model: ModelWrapper, node: NodeProto) -> bool:
    """Return whether a node adds two results, or a function of its input is added to another."""
    if _adds_results(model, node):
        return True
    if node.op_type not in ELEMENTWISE or node.op_type in QUANTIZERS:
        return False
    return any(_added(model, each) for each in readers(model, node.output[0]))


def _adds_results(model: ModelWrapper, node: NodeProto) -> bool:
    """Return whether a node adds two tensors that depend on the image."""
    return node.op_type == "Add" and all(model.get_initializer(n) is None for n in node.input)


def _common_scale(model: ModelWrapper, node: NodeProto, scaling: NodeProto) -> Floats | None:
    """Take the scaling from all inputs of a Concat or an Add, if all have the same one.

    Scales may be powers of two times each other. The powers of two stay.

    Returns:
        the least scale, which must then be put behind the node; None if they are not like that.
    """
    if node.op_type != "Concat" and (not _adds_results(model, node) or _of_codes(model, node)):
        return None
    makers = [model.find_producer(name) for name in node.input]
    scales = []
    for each in makers:
        if each is None or each.op_type != scaling.op_type:
            return None
        value = model.get_initializer(each.input[1])
        if value is None or value.size != 1:
            return None
        scales.append(float(value.item()))
    least = min(scales, key=abs)
    ratios = [scale / least for scale in scales]
    if scaling.op_type != "Mul" and set(ratios) != {1.0}:
        return None
    if not all(ratio > 0 and is_power_of_two(ratio) for ratio in ratios):
        return None
    for i, (each, ratio) in enumerate(zip(makers, ratios, strict=True)):
        before = node.input[i]
        node.input[i] = each.input[0]
        if ratio != 1:
            node.input[i] = _multiplied(model, node, each.input[0], ratio)
        if each.output[0] != scaling.output[0] and not readers(model, before):
            model.graph.node.remove(each)
    return np.array(least, np.float32)


def _multiplied(model: ModelWrapper, node: NodeProto, tensor: str, ratio: float) -> str:
    """Multiply a tensor in front of a node."""
    name = fresh(model, f"{tensor}_ratio")
    model.set_initializer(name, np.array(ratio, np.float32))
    product = add_tensor(model, f"{tensor}_times", *_like(model, tensor))
    new = helper.make_node(
        "Mul", [tensor, name], [product], name=fresh(model, f"{product}_multiply")
    )
    model.graph.node.insert(list(model.graph.node).index(node), new)
    return product


def _of_codes(model: ModelWrapper, add: NodeProto) -> bool:
    """Return whether quantizers give the same for all codes of one integer sum of two streams.

    Their scales then need not move: the order of additions does not matter.
    """
    sides = [_side(model, name) for name in add.input]
    chains = _to_quantizers(model, add.output[0])
    if None in sides or chains is None:
        return False
    channels = shape(model, add.output[0])[1]
    first, second = (each for each in sides if each is not None)
    return all(of_sum(model, (first, second), chain, channels) is not None for chain in chains)


def _side(model: ModelWrapper, tensor: str) -> Side | None:
    """Return a tensor as a scaling of a quantizer's codes; None if it is anything else."""
    scaling = model.find_producer(tensor)
    node = scaling
    while node is not None and (node is scaling or node.op_type in PASSING):
        node = model.find_producer(node.input[0])
    if node is None:
        return None
    datatype = DataType["BIPOLAR"]
    if node.op_type == "Quant":
        bits = int(constant(model, node.input[3]).item())
        if not 2 <= bits <= LARGEST.bit_length() or np.any(constant(model, node.input[2])):
            return None
        datatype = DataType[f"{'INT' if attribute(node, 'signed', 1) else 'UINT'}{bits}"]
    elif node.op_type != "BipolarQuant":
        return None
    step = 2 if node.op_type == "BipolarQuant" else 1
    codes = np.arange(int(datatype.min()), int(datatype.max()) + 1, step)
    return Side(codes, datatype, 1.0, (scaling,))


def _to_quantizers(model: ModelWrapper, tensor: str) -> list[list[NodeProto]] | None:
    """Return the nodes from a tensor to each quantizer; None if something else is between."""
    found = []
    for node in readers(model, tensor):
        if node.op_type in QUANTIZERS:
            found.append([node])
            continue
        several = sum(model.get_initializer(name) is None for name in node.input if name) != 1
        if several or node.op_type not in (*ELEMENTWISE, *RESHAPING):
            return None
        behind = _to_quantizers(model, node.output[0])
        if behind is None:
            return None
        found += [[node, *nodes] for nodes in behind]
    return found or None


def _push(model: ModelWrapper, scaling: NodeProto) -> list[tuple[str, str]]:
    """Move a scaling behind what reads it, as far as that has the same or exact results.

    Returns:
        the layers it was moved behind, and the scale.
    """
    before, result, scale = scaling.input[0], scaling.output[0], scaling.input[1]
    moved: list[tuple[str, str]] = []
    stay = []
    for node in readers(model, result):
        summing = node.op_type in (*LAYERS, *SUMMING)
        turns = node.op_type == "MaxPool" and np.any(constant(model, scale) < 0)
        value = np.asarray(constant(model, scale), np.float32)
        common = _common_scale(model, node, scaling)
        if common is not None:
            value = common
            if node.op_type == "Add":
                moved.append((shown(node.name), f"{common.item():g}"))
        elif turns or (node.op_type not in PASSING and not summing):
            stay.append(node)
            continue
        for i, name in enumerate(node.input):
            if name == result:
                node.input[i] = before
        if summing:
            moved.append((shown(node.name), f"{value.item():g}"))
        behind = _behind(model, node, value, scaling.op_type)
        if node.op_type not in LAYERS:
            moved += _push(model, behind)
    if not stay and result != model.graph.output[0].name:
        model.graph.node.remove(scaling)
    return moved


def _before_mean(model: ModelWrapper, node: NodeProto) -> list[Moved]:
    """Move scales, biases and batch norms behind a mean of what a layer gives.

    The mean is then one of integers. The mean of s k + b is s times that of k, plus b.
    """
    if not _of_pixels(model, node):
        return []
    chain: list[NodeProto] = []
    tensor = node.input[0]
    while True:
        maker = model.find_producer(tensor)
        if maker is None or len(readers(model, tensor)) != 1:
            return []
        if maker.op_type in LAYERS:
            break
        if not _affine(model, maker):
            return []
        chain.insert(0, maker)
        tensor = moving_input(model, maker)
    if not chain or any(attribute(node, "pads", [0])):
        return []
    rank = len(shape(model, node.output[0]))
    sizes = shape(model, node.output[0])
    mean = add_tensor(model, f"{tensor}_mean", *_like(model, node.output[0]))
    result = node.output[0]
    node.input[0], node.output[0] = tensor, mean
    at = list(model.graph.node).index(chain[0])
    moved = helper.make_node("Identity", [], [])
    moved.CopyFrom(node)
    model.graph.node.remove(node)
    model.graph.node.insert(at, moved)
    for each in chain:
        entry = moving_input(model, each)
        for i, name in enumerate(each.input):
            if name == entry:
                each.input[i] = mean
            elif each.op_type != "BatchNormalization" and rank == 2:
                value = constant(model, name)
                each.input[i] = fresh(model, f"{name}_flat")
                model.set_initializer(each.input[i], value.reshape(1, -1))
        mean = each.output[0]
        model.set_tensor_shape(mean, list(sizes))
    chain[-1].output[0] = result
    kinds = " and ".join(dict.fromkeys(each.op_type for each in chain))
    return [Moved("the", shown(moved.name), kinds)]


def _of_pixels(model: ModelWrapper, mean: NodeProto) -> bool:
    """Return whether a mean is one of pixels of a channel; others are refused where it is built."""
    axes = list(range(2, len(shape(model, mean.input[0]))))
    return mean.op_type != "ReduceMean" or reduced_axes(model, mean) == axes


def _affine(model: ModelWrapper, node: NodeProto) -> bool:
    """Return whether a node multiplies by and adds constants, of all or of each channel."""
    if node.op_type not in (*AFFINE, "BatchNormalization"):
        return False
    entry, *others = node.input
    if node.op_type in ("Mul", "Add") and model.get_initializer(entry) is not None:
        entry, *others = reversed(node.input)
    values = [model.get_initializer(name) for name in others]
    if model.get_initializer(entry) is not None or any(value is None for value in values):
        return False
    rank = len(shape(model, entry))
    return node.op_type == "BatchNormalization" or all(
        prod(([1] * (rank - np.ndim(value)) + list(np.shape(value)))[2:]) == 1 for value in values
    )


def _mean(model: ModelWrapper, node: NodeProto) -> list[Moved]:
    """Move a mean's division behind what reads it, if that is a layer or the network's end."""
    if not _of_pixels(model, node):
        return []
    sizes = shape(model, node.input[0])
    pixels = prod(sizes[2:])
    kept = bool(attribute(node, "keepdims", 1))
    if node.op_type == "AveragePool" and tuple(attribute(node, "kernel_shape", [])) != sizes[2:]:
        return []
    if not pixels & (pixels - 1) or len(sizes) < 3 or _quantized_behind(model, node.output[0]):
        return []
    axes = fresh(model, f"{node.output[0]}_axes")
    model.set_initializer(axes, np.arange(2, len(sizes), dtype=np.int64))
    inputs = [node.input[0], axes]
    old_axes = model.get_opset_imports().get("", 13) < 13
    more = {"axes": list(range(2, len(sizes)))} if old_axes else {}
    new = helper.make_node(
        "ReduceSum",
        inputs[: 1 if old_axes else 2],
        [node.output[0]],
        name=node.name,
        keepdims=int(kept),
        **more,
    )
    replace(model, [node], [new])
    written = model.find_producer(node.output[0])  # the graph holds a copy of the new node
    division = _behind(model, written, np.array(pixels, np.float32), "Div")
    moved = _push(model, division) or [(shown(node.name), str(pixels))]
    return [Moved("the division of a mean", *each) for each in moved]


def _quantized_behind(model: ModelWrapper, tensor: str) -> bool:
    """Return whether a quantizer reads a tensor before any layer does."""
    found = readers(model, tensor)
    if not found or any(node.op_type in LAYERS for node in found):
        return False
    return any(
        node.op_type in QUANTIZERS or _quantized_behind(model, node.output[0]) for node in found
    )


# ------------------------------------------------------------------ pixels


def _pixels(model: ModelWrapper, layer: NodeProto) -> list[Moved]:
    """Move what pixels are scaled by behind a first layer that reads them unquantized."""
    image = model.graph.input[0].name
    tensor = image
    affine: list[NodeProto] = []
    passing: list[NodeProto] = []
    while True:
        found = readers(model, tensor)
        if len(found) != 1:
            return []
        (node,) = found
        if node.op_type in AFFINE and not passing and _constant_of(model, node) is not None:
            affine.append(node)
        elif node.op_type in PASSING and node.op_type != "MaxPool":
            passing.append(node)
        else:
            break
        tensor = node.output[0]
    if node.output[0] != layer.output[0] or not affine:
        return []
    constants = [value for each in affine if (value := _constant_of(model, each)) is not None]
    pixels = np.arange(256, dtype=np.float32)
    x = pixels
    for each, value in zip(affine, constants, strict=True):
        x = _apply(each, x, value)
    if not np.all(np.isfinite(x)) or np.abs(x).max() / dyadic_unit(x) < 512:
        return []  # refused later, or integers already
    slope = (float(x[255]) - float(x[0])) / 255
    zero = -float(x[0]) / slope if slope else 0.0
    half = round(zero * 2) / 2
    line = slope * (np.arange(256) - half)
    if not slope or np.abs(line - x).max() > ROUNDING * np.abs(x).max() or not 0 <= half <= 255:
        raise UserError(
            f"{label(node)}: reads pixels that were not quantized, of {len(np.unique(x))} values "
            f"from {x.min():g} to {x.max():g}, which are not multiples of one scale; put a "
            "quantizer of 8 bits before it (QuantIdentity), or subtract a whole number of pixel "
            "steps"
        )
    model.set_metadata_prop(PIXELS_KEY, json.dumps([float(x.min()), float(x.max())]))
    multipliers = [
        (each, value)
        for each, value in zip(affine, constants, strict=True)
        if each.op_type in ("Mul", "Div")
    ]
    for each in affine:
        model.graph.node.remove(each)
    first = image
    new = []
    if half:
        offset = fresh(model, f"{image}_offset")
        model.set_initializer(offset, np.array(half, np.float32))
        first = add_tensor(model, f"{image}_centred", *_like(model, image))
        new.append(helper.make_node("Sub", [image, offset], [first], name="centre_pixels"))
    reader = passing[0] if passing else node
    for i, name in enumerate(reader.input):
        if name == affine[-1].output[0]:
            reader.input[i] = first
    at = list(model.graph.node).index(reader)
    for each in new:
        model.graph.node.insert(at, each)
    for each, value in reversed(multipliers):
        _behind(model, node, value, each.op_type)
    scales = " and ".join(
        f"{'/' if each.op_type == 'Div' else ''}{float(value.reshape(-1)[0]):g}"
        for each, value in multipliers
    )
    return [Moved("the pixels' scale", shown(node.name), scales)]


def _constant_of(model: ModelWrapper, node: NodeProto) -> Floats | None:
    """Return the single constant of an operation on the image; None if there is not exactly one."""
    if model.get_initializer(node.input[0]) is not None and node.op_type in ("Sub", "Div"):
        return None
    found = [model.get_initializer(name) for name in node.input]
    values = [value for value in found if value is not None]
    if len(values) != 1 or len(np.unique(values[0])) != 1:
        return None
    return np.asarray(values[0].reshape(-1)[:1], np.float32).reshape(())


def _apply(node: NodeProto, x: Floats, value: Floats) -> Floats:
    found = {
        "Mul": lambda: x * value,
        "Div": lambda: x / value,
        "Sub": lambda: x - value,
        "Add": lambda: x + value,
    }[node.op_type]()
    return np.asarray(found, np.float32)


# ------------------------------------------------------------------ parts


def _behind(
    model: ModelWrapper, node: NodeProto, value: npt.NDArray[np.float32], kind: str = "Mul"
) -> NodeProto:
    """Put a multiplication or division right behind a node."""
    nodes, result = model.graph.node, node.output[0]
    at = list(nodes).index(node) + 1
    product = add_tensor(model, f"{result}_exact", *_like(model, result))
    name = fresh(model, f"{result}_{kind.lower()}")
    model.set_initializer(name, value)
    node.output[0] = product
    new = helper.make_node(kind, [product, name], [result], name=f"{node.name}_{kind.lower()}")
    if any(each.name == new.name for each in model.graph.node):
        new.name = fresh(model, new.name)
    nodes.insert(at, new)
    return nodes[at]


def _like(model: ModelWrapper, tensor: str) -> tuple[tuple[int, ...], object]:
    return shape(model, tensor), model.get_tensor_datatype(tensor)


def _listed(values: npt.NDArray[np.float64]) -> str:
    least, most = float(values.min()), float(values.max())
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"
