"""Takes the tail, from the accelerator's integers to the output, out of a QONNX graph."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, helper
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.artifact.tail import OPS, Constant, Step, Tail, fault
from irnet_hw.compiler.graph import attribute, shape
from irnet_hw.compiler.onnx_ops import RESHAPING
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import label
from irnet_hw.runner import Runner, Tensors, constants_of, inferred
from irnet_hw.runtime import tail as runtime

_HELP = "; export the network without it, and compute the rest from the accelerator's outputs"
#: They give their first input's elements, in the same order.
_RESHAPES = ("Dropout", "Identity", *RESHAPING)
#: They do so if there is just one element to reduce.
_MEANS = ("GlobalAveragePool", "ReduceMean")
_LOWEST, _HIGHEST = (float(each) for each in (np.finfo(np.float32).min, np.finfo(np.float32).max))


def tail_of(network: ModelWrapper, entry: str) -> Tail:
    """Return the tail of a network.

    Args:
        network: the QONNX model, for one image.
        entry: the tensor where the tail begins, whose first axis is the batch.

    Raises:
        UserError: the nodes from there to the output do not form a chain, or one of them is not
            supported; names the node.
    """
    network = inferred(network)
    constants = constants_of(network)
    output = network.graph.output[0].name
    if shape(network, entry)[:1] != (1,):
        raise UserError(
            f"tensor {entry}: shape {list(shape(network, entry))}, must begin with 1, the batch"
        )
    steps: list[Step] = []
    tensor = entry
    while tensor != output:
        nodes = [node for node in network.graph.node if tensor in node.input]
        if len(nodes) != 1:
            raise UserError(
                f"tensor {tensor}: {len(nodes)} nodes read it; from {entry} to the output "
                f"{output}, the network must be a chain"
            )
        (node,) = nodes
        steps += _steps(_Node(network, node, tensor, constants))
        # Of TopK's two results, the places are the last.
        tensor = node.output[-1] if node.op_type == "TopK" else node.output[0]
    kind: Literal["float32", "int64"] = "float32"
    if any(OPS[step.op].type == "int64" for step in steps):
        kind = "int64"
    found = Tail(shape(network, entry), tuple(steps), output, shape(network, output), kind)
    wrong = fault(found)
    if wrong:
        raise UserError(f"output {output}: {wrong}{_HELP}")
    return found


def same(network: ModelWrapper, entry: str, tail: Tail, values: npt.NDArray[np.float32]) -> bool:
    """Return whether a tail gives what qonnx's executor gives.

    Args:
        network: the QONNX model, for one image.
        entry: the tensor where the tail begins.
        tail: of the network, from there.
        values: float32 [N, ...]: for each of N images the tensor ``entry`` without its axis for the
            batch.

    Raises:
        UserError: a node can't be run on the values.
    """
    network = inferred(network)
    output = network.graph.output[0].name
    needed, kept = {output}, []
    for node in reversed(network.graph.node):
        if needed.intersection(node.output) and entry not in node.output:
            needed.update(node.input)
            kept.append(node)
    kind = helper.make_tensor_value_info(entry, 1, tail.entry)
    del network.graph.node[:], network.graph.input[:]
    network.graph.node.extend(reversed(kept))
    network.graph.input.append(kind)
    for info in [info for info in network.graph.value_info if info.name == entry]:
        network.graph.value_info.remove(info)
    if entry == output:
        expected: npt.NDArray[Any] = values
    else:
        expected = Runner(network).run(values.reshape(-1, *tail.entry[1:]))[output]
    found = runtime.run(tail, values.reshape(-1, *tail.entry))
    return bool(runtime.equal(tail, found, expected.reshape(found.shape)).all())


class _Node:
    """A node of the tail: what it reads and says."""

    def __init__(
        self, network: ModelWrapper, node: NodeProto, tensor: str, constants: Tensors
    ) -> None:
        self.network, self.node, self.tensor, self.constants = network, node, tensor, constants
        self.opset = int(network.get_opset_imports().get(node.domain, 1))

    def attribute(self, name: str, default: Any) -> Any:
        return attribute(self.node, name, default)

    def refuse(self, why: str) -> UserError:
        return UserError(f"{label(self.node)}: {why}{_HELP}")

    @property
    def before(self) -> tuple[int, ...]:
        """The shape of what comes from the step before."""
        return shape(self.network, self.tensor)

    @property
    def after(self) -> tuple[int, ...]:
        """The shape of what the node gives."""
        return shape(self.network, self.node.output[0])

    def constant(self, index: int) -> npt.NDArray[Any] | None:
        """Return an input that must be a constant, or None where the node lacks it."""
        name = self.node.input[index] if index < len(self.node.input) else ""
        if name and name not in self.constants:
            raise self.refuse(f"its input {name} must be a constant")
        return self.constants[name] if name else None

    def inputs(self, count: int) -> tuple[Constant | None, ...]:
        """Return inputs of a step: None for what comes from the step before."""
        return tuple(
            None if name == self.tensor else self._float(name, self.constant(index))
            for index, name in enumerate(self.node.input[:count])
        )

    def _float(self, name: str, value: npt.NDArray[Any] | None) -> Constant:
        if value is None or value.dtype != np.float32:
            kind = "missing" if value is None else value.dtype
            raise self.refuse(f"its input {name} is {kind}, must be float32")
        return exact(value)

    def axis(self, default: int) -> int:
        """Return the attribute axis, counted from 0."""
        axis = int(self.attribute("axis", default))
        return axis + len(self.before) if axis < 0 else axis


def exact(value: npt.NDArray[np.float32]) -> Constant:
    """Return a float32 array as a tail holds it."""
    return Constant(tuple(value.shape), tuple(float(each) for each in value.ravel()))


def _steps(node: _Node) -> list[Step]:
    """Return the steps that do what a node does."""
    kind = node.node.op_type
    if node.node.input[0] != node.tensor and kind not in _BINARY:
        raise node.refuse(f"its first input must be {node.tensor}")
    if kind in _RESHAPES or (kind in _MEANS and prod(node.before) == prod(node.after)):
        if kind == "Dropout" and np.any(node.constant(2)):
            raise node.refuse("is in training mode; export the network with .eval()")
        return _reshaped(node.before, node.after)
    make = _MAKE.get(kind)
    if make is None:
        known = sorted({*_RESHAPES, *_MAKE})
        raise node.refuse(f"is not supported after the last layer, must be {' or '.join(known)}")
    return make(node)


def _reshaped(before: tuple[int, ...], after: tuple[int, ...]) -> list[Step]:
    return [] if before == after else [Step("Reshape", {"shape": list(after)}, (None,))]


def _plain(inputs: int) -> Callable[[_Node], list[Step]]:
    return lambda node: [Step(node.node.op_type, {}, node.inputs(inputs))]


def _with_alpha(default: float) -> Callable[[_Node], list[Step]]:
    return lambda node: [
        Step(node.node.op_type, {"alpha": float(node.attribute("alpha", default))}, (None,))
    ]


def _hard_sigmoid(node: _Node) -> list[Step]:
    bounds = {
        name: float(node.attribute(name, default))
        for name, default in (("alpha", 0.2), ("beta", 0.5))
    }
    return [Step("HardSigmoid", bounds, (None,))]


def _clip(node: _Node) -> list[Step]:
    bounds = []
    for index, (name, default) in enumerate((("min", _LOWEST), ("max", _HIGHEST)), 1):
        value = node.constant(index)
        found = node.attribute(name, default) if value is None else value.item()
        bounds.append(Constant((), (float(found),)))
    return [Step("Clip", {}, (None, *bounds))]


def _batch_normalization(node: _Node) -> list[Step]:
    if node.attribute("training_mode", 0):
        raise node.refuse("is in training mode; export the network with .eval()")
    epsilon = float(node.attribute("epsilon", 1e-5))
    return [Step("BatchNormalization", {"epsilon": epsilon}, node.inputs(5))]


def _quant(node: _Node) -> list[Step]:
    bits = node.constant(3)
    if bits is None or bits.size != 1 or bits.item() != int(bits.item()):
        raise node.refuse("its bits must be one integer")
    attributes: Mapping[str, Any] = {
        "signed": bool(node.attribute("signed", 1)),
        "narrow": bool(node.attribute("narrow", 1)),
        "rounding_mode": str(node.attribute("rounding_mode", "ROUND")).upper(),
    }
    return [Step("Quant", attributes, node.inputs(4))]


def _transpose(node: _Node) -> list[Step]:
    reverse = range(len(node.before))[::-1]
    perm = [int(axis) for axis in node.attribute("perm", reverse)]
    return [Step("Transpose", {"perm": perm}, (None,))]


def _softmax(node: _Node) -> list[Step]:
    if node.opset >= 13:
        return [Step(node.node.op_type, {"axis": node.axis(-1)}, (None,))]
    # Before opset 13, it is along all axes from this one on.
    before, axis = node.before, node.axis(1)
    flat = (*before[:axis], prod(before[axis:]))
    return [
        *_reshaped(before, flat),
        Step(node.node.op_type, {"axis": axis}, (None,)),
        *_reshaped(flat, before),
    ]


def _topk(node: _Node) -> list[Step]:
    values, places = node.node.output
    if places not in _read(node.network) or values in _read(node.network):
        raise node.refuse("must give the places, its second output, and not the values")
    k = node.constant(1) if node.opset >= 10 else np.array(node.attribute("k", 1))
    if k is None or k.size != 1:
        raise node.refuse("its k must be one integer")
    if k.item() > 1 and not node.attribute("sorted", 1):
        raise node.refuse("its results have no order, must be sorted (sorted = 1)")
    largest = bool(node.attribute("largest", 1))
    return [Step("TopK", {"axis": node.axis(-1), "k": int(k.item()), "largest": largest}, (None,))]


def _read(network: ModelWrapper) -> set[str]:
    """Return the tensors that a node reads, and the output."""
    return {network.graph.output[0].name}.union(*(node.input for node in network.graph.node))


def _argmax(node: _Node) -> list[Step]:
    axis, last = node.axis(0), bool(node.attribute("select_last_index", 0))
    one = (*node.before[:axis], 1, *node.before[axis + 1 :])
    return [Step("ArgMax", {"axis": axis, "last": last}, (None,)), *_reshaped(one, node.after)]


_BINARY = ("Add", "Sub", "Mul", "Div")
_MAKE: dict[str, Callable[[_Node], list[Step]]] = {
    **{name: _plain(2) for name in (*_BINARY, "BipolarQuant", "PRelu")},
    **{name: _plain(1) for name in ("Neg", "Relu", "Abs", "Exp", "Sigmoid", "Tanh", "Softplus")},
    "HardSigmoid": _hard_sigmoid,
    "LeakyRelu": _with_alpha(0.01),
    "Elu": _with_alpha(1.0),
    "Clip": _clip,
    "BatchNormalization": _batch_normalization,
    "Quant": _quant,
    "Transpose": _transpose,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "TopK": _topk,
    "ArgMax": _argmax,
}
