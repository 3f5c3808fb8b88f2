"""Run a QONNX network like qonnx, node by node in float32, but prepare it only once.

qonnx's own execution prepares every node again on each run, which takes seconds for a hundred
nodes, and keeps all tensors. This runner gives bit-identical results, because it executes each
node like qonnx: ONNX's own ops with onnxruntime, the others with qonnx's Python code.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import NodeProto, helper
from qonnx.core.execute_custom_node import execute_custom_node
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import is_custom_op
from qonnx.transformation.change_batchsize import ChangeBatchSize
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import get_preferred_qonnx_opset, sanitize_quant_values

from irnet_hw.errors import UserError
from irnet_hw.onnx_file import label
from irnet_hw.read import shown

Tensors = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class _Step:
    """A node: the function that runs it and adds its outputs, and the tensors to drop after it."""

    run: Callable[[Tensors], None]
    unread: list[str]


class Runner:
    """A network prepared to run on batches.

    Args:
        model: a network for one image, with 1 input and 1 output.
        tensors: names of inner tensors to return in addition to the output.
    """

    def __init__(self, model: ModelWrapper, tensors: Iterable[str] = ()) -> None:
        self._model = model
        self._entry = model.graph.input[0].name
        self._wanted = [*tensors, model.graph.output[0].name]
        self._prepared: dict[int, tuple[Tensors, list[_Step]]] = {}

    def run(self, x: npt.NDArray[np.float32]) -> Tensors:
        """Return the output and the requested tensors by name; their first axis is the N images.

        Args:
            x: float32 [N, channels, height, width].
        """
        if len(x) not in self._prepared:
            self._prepared[len(x)] = self._prepare(len(x))
        constants, steps = self._prepared[len(x)]
        context = {**constants, self._entry: x}
        for step in steps:
            step.run(context)
            for name in step.unread:
                del context[name]
        return {name: context[name] for name in self._wanted}

    def _prepare(self, images: int) -> tuple[Tensors, list[_Step]]:
        """Return the constants and the nodes that depend on the images."""
        model = self._model.transform(ChangeBatchSize(images)).transform(InferShapes())
        constants = {
            value.name: onnx.numpy_helper.to_array(value) for value in model.graph.initializer
        }
        moving: list[tuple[NodeProto, Callable[[Tensors], None]]] = []
        for node in model.graph.node:
            run = _prepared(model, node, constants)
            if all(name in constants for name in node.input if name):
                run(constants)
            else:
                moving.append((node, run))
        last = {name: i for i, (node, _) in enumerate(moving) for name in node.input}
        kept = {*constants, *self._wanted, ""}
        unread: list[list[str]] = [[] for _ in moving]
        for name in last.keys() - kept:
            unread[last[name]].append(name)
        return constants, [_Step(run, unread[i]) for i, (_, run) in enumerate(moving)]


def _prepared(
    model: ModelWrapper, node: NodeProto, constants: Tensors
) -> Callable[[Tensors], None]:
    """Return what computes a node's outputs from the tensors, and puts them there.

    Raises:
        UserError: the node can't be run as it is; so does what is returned.
    """
    opset = model.get_opset_imports().get(node.domain, get_preferred_qonnx_opset())
    # The images need no sanitising: they already are integers of their type.
    entry = model.graph.input[0].name
    annotated = {entry.tensor_name for entry in model.graph.quantization_annotation} - {entry}
    with _refusing(node):
        execute = (
            _by_qonnx(model, node, opset)
            if is_custom_op(node.domain, node.op_type)
            else _by_onnxruntime(model, node, opset, constants)
        )
    inputs = [name for name in node.input if name in annotated]
    outputs = [name for name in node.output if name in annotated]

    def run(context: Tensors) -> None:
        with _refusing(node):
            sanitize_quant_values(model, inputs, context)
            execute(context)
            sanitize_quant_values(model, outputs, context)

    return run


@contextlib.contextmanager
def _refusing(node: NodeProto) -> Iterator[None]:
    """Turn what qonnx and onnxruntime raise at a node, which has no common type, into UserError."""
    try:
        yield
    except Exception as error:
        reason = shown(" ".join(str(error).split()) or type(error).__name__)
        raise UserError(f"{label(node)}: can't be run: {reason}") from error


def _by_qonnx(model: ModelWrapper, node: NodeProto, opset: int) -> Callable[[Tensors], None]:
    return lambda context: execute_custom_node(node, context, model.graph, opset)


def _by_onnxruntime(
    model: ModelWrapper, node: NodeProto, opset: int, constants: Tensors
) -> Callable[[Tensors], None]:
    graph = model.graph
    known = {value.name: value for value in (*graph.input, *graph.value_info, *graph.output)}
    for name in node.input:
        if name in constants:
            kind = helper.np_dtype_to_tensor_dtype(constants[name].dtype)
            known[name] = helper.make_tensor_value_info(name, kind, constants[name].shape)
    names = [name for name in dict.fromkeys(node.input) if name]
    outputs = [name for name in node.output if name]
    alone = helper.make_graph(
        [node], node.name, [known[name] for name in names], [known[name] for name in outputs]
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # or each of a hundred nodes would have threads of its own
    options.log_severity_level = 4  # what it has to say comes as an exception
    session = onnxruntime.InferenceSession(
        helper.make_model(
            alone,
            opset_imports=[helper.make_opsetid(node.domain, opset)],
            ir_version=model.model.ir_version,
        ).SerializeToString(),
        options,
    )

    def run(context: Tensors) -> None:
        found = session.run(None, {name: context[name] for name in names})
        context.update(zip(outputs, found, strict=True))

    return run
