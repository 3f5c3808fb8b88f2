"""Pass 14: before an accelerator is handed over, its NumPy models are held against the QONNX run.

Not one value may differ, in the logits and in every stream that carries a tensor of the network.
A difference is a fault of the compiler, never of the user's, and ends the build.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw import spec
from irnet_hw.compiler.reference import graph_run
from irnet_hw.errors import UserError

#: Random images, beside a black and a white one.
IMAGES = 4


class CompilerError(AssertionError):
    """The compiled network differs from the specification."""


def selfcheck(
    network: ModelWrapper, graph: ModelWrapper, manifest: Mapping[str, Any], golden: Path
) -> int:
    """Compare every mapped tensor; return how many values were compared.

    Args:
        network: the QONNX model.
        graph: the specialised, folded hardware graph.
        manifest: of the accelerator.
        golden: the exporter's golden vectors; they are checked too if the file is there.

    Raises:
        CompilerError: names the first tensor that differs.
        UserError: the golden vectors are not this network's, or damaged.
    """
    images = _images(spec.image_shape(network))
    if golden.exists():
        images = np.concatenate([images, _golden(network, golden)])
    streams = manifest["streams"]
    names = dict.fromkeys(stream["tensor"] for stream in streams)
    entry, logits = manifest["input"]["tensor"], manifest["output"]["tensor"]
    inner = [name for name in names if name not in (None, entry, logits)]
    expected: dict[str, npt.NDArray[Any]] = dict(spec.run(network, images, inner))
    expected[entry] = images.transpose(0, 3, 1, 2)
    compared = 0
    for stream, found in zip(streams[1:], graph_run(graph, images)[1:], strict=True):
        tensor = stream["tensor"]
        if tensor is None:
            continue
        right = expected[tensor].astype(np.float64) / stream["scale"]
        right = right.transpose(0, 2, 3, 1) if right.ndim == 4 else right
        right = right.reshape(found.shape)
        wrong = np.count_nonzero(right != found)
        if wrong:
            raise CompilerError(
                f"tensor {tensor}, as {manifest['layers'][stream['source']]['name']} makes it, "
                f"differs from the QONNX run in {wrong} of {right.size} values"
            )
        compared += right.size
    return compared


def _images(shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Return the images to compare on: black, white, and random ones, the same in every run."""
    random = np.random.default_rng(0).integers(0, 256, (IMAGES, *shape), dtype=np.uint8)
    ends = np.stack([np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)])
    return np.concatenate([ends, random])


def _golden(network: ModelWrapper, path: Path) -> npt.NDArray[np.uint8]:
    """Return the golden vectors' images, once their logits are known to be this network's."""
    try:
        with np.load(path) as content:
            images, logits = content["images"], content["logits"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: is damaged: {error}; export the network again") from error
    shape = spec.image_shape(network)
    if images.dtype != np.uint8 or images.shape[1:] != shape:
        raise UserError(
            f"{path}: images are {images.dtype} of shape {list(images.shape)}, must be uint8 of "
            f"shape [N, {', '.join(map(str, shape))}]; export the network again"
        )
    found = spec.run(network, images)[network.graph.output[0].name]
    if not np.array_equal(found, logits):
        raise UserError(f"{path}: is not of this network; export the network again")
    return np.asarray(images)
