"""The file's own nodes behind a stream of integers, as a function that is evaluated.

Between two places where the hardware has integers, a network computes in float32, each channel by
itself. What comes out for an integer is found by running the nodes on it, never by algebra, which
would round differently.
"""

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import qonnx_make_model

from irnet_hw.compiler.graph import Floats, Ints, constant, shape
from irnet_hw.compiler.onnx_ops import MEANS, RESHAPING
from irnet_hw.runner import Runner

#: How many values of each channel are run at once.
ROWS = 256
#: Nodes that choose or move values and compute none.
MOVING = ("MaxPool", *RESHAPING, "Transpose", "Identity")


@dataclass(frozen=True)
class Run:
    """Consecutive nodes whose tensors have the same rank, prepared to run.

    Attributes:
        runner: of the nodes, for one value in each channel.
        rank: of their tensors.
        window: rows and columns of the window, if the only node computes its mean.
    """

    runner: Runner
    rank: int
    window: tuple[int, ...] = ()


class Function:
    """A function of an integer in each channel.

    Args:
        model: the network.
        nodes: its nodes, in order.
        channels: of the tensors.
    """

    def __init__(self, model: ModelWrapper, nodes: Sequence[NodeProto], channels: int) -> None:
        self._channels = channels
        self._runs: list[Run] = []
        computing = [node for node in nodes if node.op_type not in MOVING]
        part: list[NodeProto] = []
        for node in computing:
            if node.op_type in MEANS:
                self._finish(model, part)
                self._runs.append(_mean(model, node, channels))
                part = []
            else:
                if part and _rank(model, node) != _rank(model, part[-1]):
                    self._finish(model, part)
                    part = []
                part.append(node)
        self._finish(model, part)

    def _finish(self, model: ModelWrapper, nodes: list[NodeProto]) -> None:
        if nodes:
            rank = _rank(model, nodes[0])
            sizes = [1, self._channels, *[1] * (rank - 2)]
            self._runs.append(Run(Runner(_part(model, nodes, sizes, sizes)), rank))

    def __call__(self, values: npt.NDArray[np.floating]) -> Floats:
        """Return the results for several values in each channel, [values, channels]."""
        rows = len(values)
        x = np.asarray(values, np.float32)
        if not self._runs:
            return x
        parts = []
        for start in range(0, rows, ROWS):
            part = x[start : start + ROWS]
            some = np.concatenate([part, np.repeat(part[-1:], ROWS - len(part), axis=0)])
            for run in self._runs:
                some = _run(run, some)
            parts.append(some[: len(part)])
        return np.concatenate(parts)


def _run(run: Run, x: Floats) -> Floats:
    sizes = (*x.shape, *[1] * (run.rank - 2))
    x = _spread(x, run.window) if run.window else x.reshape(sizes)
    with np.errstate(all="ignore"):
        (found,) = run.runner.run(x).values()
    return np.asarray(found, np.float32).reshape(len(x), -1)


def _spread(sums: Floats, window: tuple[int, ...]) -> Floats:
    """Return windows with given sums: the sum is exact, so its summands do not matter."""
    x = np.zeros((*sums.shape, math.prod(window)), np.float32)
    x[..., 0] = sums
    return x.reshape(*sums.shape, *window)


def moving_input(model: ModelWrapper, node: NodeProto) -> str:
    """Return the only input of a node that depends on the image."""
    (found,) = [name for name in node.input if name and model.get_initializer(name) is None]
    return str(found)


def _rank(model: ModelWrapper, node: NodeProto) -> int:
    return len(shape(model, moving_input(model, node)))


def _mean(model: ModelWrapper, node: NodeProto, channels: int) -> Run:
    """Return a mean over one whole window, whatever its stride."""
    entry = moving_input(model, node)
    window = shape(model, entry)[2:]
    alone = deepcopy(node)
    if node.op_type == "AveragePool":
        window = next(tuple(a.ints) for a in node.attribute if a.name == "kernel_shape")
        kept = [a for a in node.attribute if a.name == "kernel_shape"]
        del alone.attribute[:]
        alone.attribute.extend(kept)
    rank = len(shape(model, node.output[0]))
    before = [1, channels, *window]
    after = [1, channels, *[1] * (rank - 2)]
    return Run(Runner(_part(model, [alone], before, after)), len(before), tuple(window))


def _part(
    model: ModelWrapper, nodes: list[NodeProto], before: list[int], after: list[int]
) -> ModelWrapper:
    """Return some nodes as a network of their own."""
    nodes = [deepcopy(node) for node in nodes]
    entry = moving_input(model, nodes[0])
    constants: dict[str, None] = {}
    last = entry
    for node in nodes:
        moving = moving_input(model, node)
        for i, name in enumerate(node.input):
            if name == moving:
                node.input[i] = last
            elif name:
                constants[name] = None
        last = node.output[0]
        del node.output[1:]
    graph = helper.make_graph(
        nodes,
        "function",
        [helper.make_tensor_value_info(entry, TensorProto.FLOAT, before)],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, after)],
    )
    part = ModelWrapper(qonnx_make_model(graph, opset_imports=list(model.model.opset_import)))
    for name in constants:
        part.set_initializer(name, constant(model, name))
    return part.transform(InferShapes())


def everywhere(low: Ints, high: Ints) -> Ints:
    """Return all integers of all channels' ranges, [integers, channels].

    A channel with a narrower range than others repeats its ends.
    """
    every = np.arange(low.min(), high.max() + 1)
    return np.clip(every[:, np.newaxis], low, high)
