"""How far two float32 evaluations of one graph can be apart, if they add in different orders.

Each evaluation is within gamma(n) S of the real numbers' result, where S is the same expression of
magnitudes, every difference turned into a sum, and n is the number of roundings on the way.
"""

from math import prod

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.export.exact import gamma
from irnet_hw.onnx_file import QUANTIZERS, label
from irnet_hw.runner import Runner, constants_of, inferred

#: Ops of magnitudes that are ops of values.
_SAME = (
    *("Conv", "MatMul", "Gemm", "Add", "Mul", "Div", "BatchNormalization"),
    *("AveragePool", "GlobalAveragePool", "MaxPool", "GlobalMaxPool"),
    *("ReduceMean", "ReduceSum", "ReduceMax", "Concat", "Pad", "Identity"),
    *("Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Gather", "Split"),
)
#: Ops that keep magnitudes and distances, or make them smaller.
_SHRINKING = ("Neg", "Relu", "LeakyRelu", "Clip", "Dropout", "Abs")
#: Ops that keep distances, with values that are off by a few roundings of 1.
_BOUNDED = ("Sigmoid", "Tanh", "Softmax", "Softplus", "HardSigmoid", "Softsign")
#: Ops that sum at most all elements of their input.
_SUMMING = (
    *("MatMul", "Gemm", "AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum", "Softmax"),
)
#: More roundings than any other op has.
_FEW = 24


def bounds(
    model: ModelWrapper,
    x: npt.NDArray[np.float32],
    given: dict[str, npt.NDArray[np.float32]],
    wanted: list[str],
) -> dict[str, npt.NDArray[np.float64]]:
    """Return how far two evaluations can be apart in some tensors.

    Args:
        model: the graph, for one image.
        x: its input [N, ...].
        given: tensors whose values both evaluations agree on.
        wanted: names of the tensors.

    Raises:
        UserError: names a node whose rounding is not known.
    """
    found = Runner(_magnitudes(model), wanted).run(
        np.abs(x), {name: np.abs(value) for name, value in given.items()}
    )
    steps = _roundings(model)
    return {name: 2 * gamma(steps.get(name, 0)) * found[name].astype(np.float64) for name in wanted}


def _magnitudes(model: ModelWrapper) -> ModelWrapper:
    """Return the graph of the magnitudes."""
    constants = constants_of(inferred(model))
    result = ModelWrapper(model.model, make_deepcopy=True)
    graph = result.graph

    def constant(node: NodeProto, i: int, value: npt.NDArray[np.float32]) -> None:
        name = f"{node.output[0]} magnitude {i}"
        graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), name))
        node.input[i] = name

    for node in graph.node:
        if node.output[0] in constants or node.op_type in QUANTIZERS:
            continue
        for i, name in enumerate(node.input):
            value = constants.get(name)
            if value is not None and value.dtype == np.float32:
                constant(node, i, np.abs(value))
        if node.op_type == "BatchNormalization":
            constant(node, 3, -np.abs(constants[_input(model, node, 3)]))
        elif node.op_type == "Sub":
            node.op_type = "Add"
        elif node.op_type in _SHRINKING:
            node.op_type = "Identity"
            del node.input[1:], node.output[1:], node.attribute[:]
        elif node.op_type == "PRelu":
            slope = constants[_input(model, node, 1)]
            node.op_type = "Mul"
            constant(node, 1, np.maximum(1, np.abs(slope)))
        elif node.op_type in _BOUNDED:
            node.op_type = "Add"
            del node.input[1:], node.attribute[:]
            node.input.append("")
            constant(node, 1, np.ones((), np.float32))
        elif node.op_type not in _SAME or (
            node.op_type == "Div" and node.input[1] == _input(model, node, 1)
        ):
            raise UserError(
                f"{label(node)}: PyTorch's result differs from the file's, and whether rounding "
                "explains that is not known for this op"
            )
    return result


def _input(model: ModelWrapper, node: NodeProto, i: int) -> str:
    """Return the name of a node's input in the graph of values."""
    (found,) = [own.input[i] for own in model.graph.node if own.output[0] == node.output[0]]
    return str(found)


def _roundings(model: ModelWrapper) -> dict[str, int]:
    """Return how many roundings there are on the way to each tensor, at most."""
    shaped = inferred(model)
    steps: dict[str, int] = {}
    for node in shaped.graph.node:
        sizes = shaped.get_tensor_shape(node.input[0]) or [1]
        if node.op_type == "Conv":
            terms = prod((shaped.get_tensor_shape(node.input[1]) or [1])[1:])
        elif node.op_type in _SUMMING:
            terms = prod(sizes[1:])
        else:
            terms = 0
        before = max((steps.get(name, 0) for name in node.input), default=0)
        for name in node.output:
            steps[name] = before + terms + _FEW
    return steps
