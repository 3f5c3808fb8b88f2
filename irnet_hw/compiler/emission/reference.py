"""Runs the hardware graph's exact NumPy models: the values of every stream."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper

import irnet_hw.kernels  # noqa: F401 (registers the ops)
from irnet_hw import spec
from irnet_hw.artifact.names import DATAFLOW
from irnet_hw.compiler.graph import int_array, op
from irnet_hw.compiler.wires import streams_in, wires
from irnet_hw.errors import UserError

Ints = npt.NDArray[np.int64]


def dataflow_run(folder: Path, images: npt.NDArray[np.uint8]) -> list[Ints]:
    """Run the NumPy models of an accelerator's folder.

    Args:
        folder: the accelerator's.
        images: uint8 [N, height, width, channels].

    Returns:
        the values of each stream in the manifest, in order: integers (±1 for bits), NHWC, with the
        N images along the first axis.
    """
    return graph_run(spec.load(Path(folder) / DATAFLOW), images)


def graph_run(model: ModelWrapper, images: npt.NDArray[np.uint8]) -> list[Ints]:
    """Run the NumPy models of a graph of hardware ops; see :func:`dataflow_run`.

    Raises:
        UserError: the images don't have the network's shape or type.
    """
    entry = model.graph.input[0].name
    wanted = tuple(model.get_tensor_shape(entry))[1:]
    if images.dtype != np.uint8 or images.shape[1:] != wanted:
        raise UserError(
            f"images: {images.dtype} of shape {list(images.shape)}, "
            f"must be uint8 of shape [N, {', '.join(map(str, wanted))}]"
        )
    found: dict[str, Ints] = {entry: images.astype(np.int64)}
    for node in model.graph.node:
        streams = streams_in(node)
        parameters = [int_array(model, name) for name in list(node.input)[len(streams) :]]
        results = op(node).results(*(found[name] for name in streams), *parameters)
        found.update(zip(node.output, results, strict=True))
    return [found[wire.tensor] for wire in wires(model)]
