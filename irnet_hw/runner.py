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
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import get_preferred_qonnx_opset, sanitize_quant_values

from irnet_hw.errors import UserError
from irnet_hw.onnx_file import label
from irnet_hw.read import shown

Tensors = dict[str, npt.NDArray[Any]]


#: Ops that, along the first axis, compute one image from all.
_ALONG = ("Hardmax", "LayerNormalization", "LogSoftmax", "Softmax")


@dataclass(frozen=True)
class _Step:
    """A node: the function that runs it and adds its outputs, and the tensors to drop after it."""

    run: Callable[[Tensors], None]
    outputs: list[str]
    unread: list[str]


class Runner:
    """A network prepared to run on batches.

    Images are run together, or one by one where the network does not keep them apart in the first
    axis of each tensor.

    Args:
        model: a network for one image, with 1 input and 1 output.
        tensors: names of inner tensors to return in addition to the output.
    """

    def __init__(self, model: ModelWrapper, tensors: Iterable[str] = ()) -> None:
        self._model = inferred(model)
        self._constants = constants_of(self._model)
        self._entry = model.graph.input[0].name
        self._wanted = [*tensors, model.graph.output[0].name]
        self._prepared: dict[int, tuple[Tensors, list[_Step]] | None] = {}

    def run(self, x: npt.NDArray[np.float32], given: Tensors | None = None) -> Tensors:
        """Return the output and the requested tensors by name.

        The first axis of what depends on the images is that of the N images.

        Args:
            x: float32 [N, ...]: the file's input, for N images.
            given: requested tensors that the nodes behind them read these values of, [N, ...]; what
                is returned is as computed.
        """
        given = given or {}
        if len(x) not in self._prepared:
            self._prepared[len(x)] = self._prepare(len(x))
        prepared = self._prepared[len(x)]
        if prepared is None:
            parts = [
                self.run(x[i : i + 1], {name: value[i : i + 1] for name, value in given.items()})
                for i in range(len(x))
            ]
            return {
                name: parts[0][name]
                if name in self._constants
                else np.concatenate([part[name] for part in parts])
                for name in self._wanted
            }
        constants, steps = prepared
        context = {**constants, self._entry: x}
        computed: Tensors = {}
        for step in steps:
            step.run(context)
            for name in given.keys() & step.outputs:
                computed[name] = context[name]
                context[name] = given[name].reshape(computed[name].shape)
            for name in step.unread:
                del context[name]
        found = {name: computed.get(name, context[name]) for name in self._wanted}
        if len(x) == 1:  # where the file has no axis for the batch, there is one here
            for name in found.keys() - self._constants.keys():
                if found[name].shape[:1] != (1,):
                    found[name] = found[name][np.newaxis]
        return found

    def _prepare(self, images: int) -> tuple[Tensors, list[_Step]] | None:
        """Return the constants and the nodes that depend on the images, unless one by one."""
        model = self._model if images == 1 else self._batched(images)
        if model is None:
            return None
        constants = self._constants | _initializers(model)
        moving = [(node, _prepared(model, node, constants)) for node in self._moving(model)]
        last = {name: i for i, (node, _) in enumerate(moving) for name in node.input}
        kept = {*constants, *self._wanted, ""}
        unread: list[list[str]] = [[] for _ in moving]
        for name in last.keys() - kept:
            unread[last[name]].append(name)
        return constants, [
            _Step(run, list(node.output), unread[i]) for i, (node, run) in enumerate(moving)
        ]

    def _moving(self, model: ModelWrapper) -> list[NodeProto]:
        """Return the nodes that depend on the images."""
        return [node for node in model.graph.node if node.output[0] not in self._constants]

    def _batched(self, images: int) -> ModelWrapper | None:
        """Return the network for a batch of images; None if they must be run one by one."""
        moving = self._moving(self._model)
        read = {name for node in moving for name in node.input} | set(self._wanted)
        names = [name for node in moving for name in node.output if name in read]
        shapes = {name: self._model.get_tensor_shape(name) for name in names}
        if not all(shape and shape[0] == 1 for shape in shapes.values()):
            return None
        model = ModelWrapper(self._model.model, make_deepcopy=True)
        for node, own in zip(moving, self._moving(model), strict=True):
            if node.op_type == "Reshape" and node.input[1] in self._constants:
                # A shape of its own, because other nodes may read the file's.
                own.input[1] = f"{node.output[0]} for {images} images"
                sizes = np.array([images, *shapes[node.output[0]][1:]], np.int64)
                model.graph.initializer.append(onnx.numpy_helper.from_array(sizes, own.input[1]))
            elif node.op_type in _ALONG:
                axis = [helper.get_attribute_value(a) for a in node.attribute if a.name == "axis"]
                if axis and axis[0] in (0, -len(shapes[node.output[0]])):
                    return None
        del model.graph.value_info[:]
        model.graph.output[0].type.tensor_type.ClearField("shape")
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = images
        model = model.transform(InferShapes())
        wanted = {name: [images, *shape[1:]] for name, shape in shapes.items()}
        same = all(model.get_tensor_shape(name) == shape for name, shape in wanted.items())
        return model if same else None


def inferred(model: ModelWrapper) -> ModelWrapper:
    """Return a network for one image with the shapes of all its tensors, as far as known."""
    model = ModelWrapper(model.model, make_deepcopy=True)
    output = model.graph.output[0].type.tensor_type
    if not all(dim.dim_value for dim in output.shape.dim):
        output.ClearField("shape")
    return model.transform(InferShapes())


def constants_of(model: ModelWrapper) -> Tensors:
    """Return all tensors that don't depend on the images: initializers, and what is made of them.

    Raises:
        UserError: a node can't be run.
    """
    constants = _initializers(model)
    for node in model.graph.node:
        if all(name in constants for name in node.input if name):
            _prepared(model, node, constants)(constants)
    return constants


def _initializers(model: ModelWrapper) -> Tensors:
    return {value.name: onnx.numpy_helper.to_array(value) for value in model.graph.initializer}


def node_result(model: ModelWrapper, node: NodeProto) -> npt.NDArray[Any]:
    """Return the only output of a node whose inputs are all constants."""
    constants = {name: model.get_initializer(name) for name in node.input if name}
    _prepared(model, node, constants)(constants)
    return np.asarray(constants[node.output[0]])


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
