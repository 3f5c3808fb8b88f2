"""Runs the hardware graph's exact NumPy models: the values of every stream."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

import irnet_hw.kernels  # noqa: F401 (registers the ops)
from irnet_hw import spec
from irnet_hw.artifact.manifest import Manifest, load
from irnet_hw.artifact.names import DATAFLOW
from irnet_hw.compiler.graph import int_array, op
from irnet_hw.compiler.wires import streams_in, wires
from irnet_hw.errors import UserError
from irnet_hw.runtime.frames import Frames

Ints = npt.NDArray[np.int64]


def dataflow_run(folder: Path, images: npt.NDArray[np.uint8]) -> list[Ints]:
    """Run the NumPy models of an accelerator's folder.

    Args:
        folder: the accelerator's.
        images: uint8 [N, ...], of the manifest's shape.

    Returns:
        the values of each stream in the manifest, in order: integers (±1 for bits), NHWC, with the
        N images along the first axis.
    """
    return graph_run(spec.load(Path(folder) / DATAFLOW), entering(load(folder), images))


def entering(manifest: Manifest, images: npt.NDArray[np.uint8]) -> Ints:
    """Return the values of the input stream for images: the pixels or their codes.

    Args:
        manifest: the accelerator's.
        images: uint8 [N, ...], of the manifest's shape.
    """
    entry = manifest.input
    values = Frames(manifest).codes(images).astype(np.int64)
    datatype = DataType[entry.datatype]
    if datatype == DataType["BIPOLAR"]:
        values = 2 * values - 1
    elif datatype.signed():
        values = np.where(values > datatype.max(), values - (1 << datatype.bitwidth()), values)
    return values.reshape(-1, *entry.shape)


def graph_run(model: ModelWrapper, values: npt.NDArray[Any]) -> list[Ints]:
    """Run the NumPy models of a graph of hardware ops; see :func:`dataflow_run`.

    Args:
        model: the graph.
        values: of the input stream, integers [N, ...].

    Raises:
        UserError: they don't have the graph's shape.
    """
    entry = model.graph.input[0].name
    wanted = tuple(model.get_tensor_shape(entry))[1:]
    if values.shape[1:] != wanted:
        raise UserError(
            f"input {entry}: shape {list(values.shape)}, must be [N, {', '.join(map(str, wanted))}]"
        )
    found: dict[str, Ints] = {entry: values.astype(np.int64)}
    for node in model.graph.node:
        streams = streams_in(node)
        parameters = [int_array(model, name) for name in list(node.input)[len(streams) :]]
        results = op(node).results(*(found[name] for name in streams), *parameters)
        found.update(zip(node.output, results, strict=True))
    return [found[wire.tensor] for wire in wires(model)]
