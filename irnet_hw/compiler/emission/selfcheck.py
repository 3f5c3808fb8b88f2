"""Self-check: compares the accelerator's NumPy models with the QONNX run before it is released.

No value may differ, either in the logits or in any stream that carries a tensor of the network. A
difference is the compiler's fault, never the user's, and aborts the build.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw import spec
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.compiler.emission.reference import entering, graph_run
from irnet_hw.compiler.graph import int_array, op
from irnet_hw.errors import UserError
from irnet_hw.images import images_in
from irnet_hw.kernels.mvau import MVAU
from irnet_hw.read import arrays
from irnet_hw.runtime import tail as runtime

#: Random images, in addition to a black and a white one.
IMAGES = 4
#: The most images that are made of extreme windows.
EXTREMES = 8


class CompilerError(AssertionError):
    """The compiled network differs from the specification."""


class Checked(NamedTuple):
    """Result of the comparison.

    Attributes:
        values: how many were compared, in all tensors.
        images: those of the golden vectors if the file exists, else those made here.
        logits: their values of the tensor at which the tail begins, from the QONNX run.
    """

    values: int
    images: npt.NDArray[np.uint8]
    logits: npt.NDArray[np.float32]


def selfcheck(
    network: ModelWrapper,
    graph: ModelWrapper,
    manifest: Manifest,
    golden: npt.NDArray[np.uint8] | None,
) -> Checked:
    """Compare every mapped tensor.

    Args:
        network: the QONNX model.
        graph: the specialised, folded hardware graph.
        manifest: of the accelerator.
        golden: images of golden vectors, which are compared too if there are any.

    Raises:
        CompilerError: names the first tensor that differs.
    """
    shape = manifest.image
    images = own = np.concatenate([_images(shape), extremes(graph, shape)])
    if golden is not None:
        images = np.concatenate([own, golden])
    streams = manifest.streams
    names = dict.fromkeys(stream.tensor for stream in streams if stream.tensor is not None)
    entry, logits = network.graph.input[0].name, manifest.output.tensor
    inner = [name for name in names if name not in (entry, manifest.tail.name)]
    expected: dict[str, npt.NDArray[Any]] = dict(spec.run(network, images, inner))
    expected[entry] = spec.entry(network, images)
    compared = 0
    run = graph_run(graph, entering(manifest, images))
    for stream, found in zip(streams, run, strict=True):
        if stream.tensor is None or stream.scale is None or stream.tensor == entry:
            continue
        right = spec.channels_last(expected[stream.tensor]).reshape(found.shape)
        wrong = np.count_nonzero(right != (found * stream.scale).astype(np.float32))
        if wrong:
            source = "the driver" if stream.source is None else manifest.layers[stream.source].name
            raise CompilerError(
                f"tensor {stream.tensor} from {source} differs from the QONNX run in {wrong} of "
                f"{right.size} values"
            )
        compared += right.size
    tail, right = manifest.tail, expected[manifest.tail.name]
    wrong = np.count_nonzero(~runtime.equal(tail, runtime.outputs(manifest, run[-1]), right))
    if wrong:
        raise CompilerError(f"output {tail.name}: {wrong} of {right.size} values differ")
    kept = slice(len(own) if len(images) > len(own) else 0, None)
    return Checked(compared, images[kept], expected[logits][kept])


def _images(shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return the images to compare: black, white and random ones, the same in every run."""
    random = np.random.default_rng(0).integers(0, 256, (IMAGES, *shape), dtype=np.uint8)
    ends = np.stack([np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)])
    return np.concatenate([ends, random])


def extremes(graph: ModelWrapper, shape: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Return images for which the first layer's sums reach their minimum and maximum.

    The images are grids of windows. Each window is white where one channel's weights are positive,
    or where they are negative, and black elsewhere. So every channel reaches both ends of its
    range, as far as :data:`EXTREMES` images have room for them.

    Args:
        graph: the specialised hardware graph.
        shape: of an image.

    Returns:
        uint8 [N, height, width, channels], or [N, length] of vectors.
    """
    height, width, channels = shape if len(shape) == 3 else (1, 1, *shape)
    layer = next(node for node in graph.graph.node if isinstance(op(node), MVAU))
    rows, columns, down, across, top, left = height, width, 1, 1, 0, 0
    weights = int_array(graph, layer.input[1])
    if weights.shape[0] != height * width * channels:
        rows, columns = op(layer).numbers("ConvKernelDim")
        before = graph.find_producer(layer.input[0])
        while before is not None and not op(before).feeds_directly:
            before = graph.find_producer(before.input[0])
        if before is not None:
            down, across = op(before).numbers("Stride")
            top, left, _, _ = op(before).numbers("Padding")
    each = weights.T.reshape(-1, rows, columns, channels)
    tiles = np.where(np.concatenate([each > 0, each < 0]), np.uint8(255), np.uint8(0))
    # Windows start at multiples of the stride minus the padding; use complete ones, side by side.
    places = [
        (y, x)
        for y in range(-top % down, height - rows + 1, -(-rows // down) * down)
        for x in range(-left % across, width - columns + 1, -(-columns // across) * across)
    ]
    if not places:
        return np.zeros((0, *shape), np.uint8)
    count = min(EXTREMES, -(-len(tiles) // len(places)))
    images = np.zeros((count, height, width, channels), np.uint8)
    for tile, (image, (y, x)) in zip(tiles, product(range(count), places), strict=False):
        images[image, y : y + rows, x : x + columns] = tile
    return images.reshape(count, *shape)


def golden_images(given: ModelWrapper, path: Path) -> npt.NDArray[np.uint8] | None:
    """Return the golden vectors' images, after checking that their logits fit the user's file.

    Raises:
        UserError: they are not of this network, or damaged.
    """
    if not path.exists():
        return None
    again = "export the network again"
    with arrays(path, again) as content:
        images = images_in(content, path, spec.image_shape(given), again)
        logits = content.read("logits")
    found = spec.run(given, images)[given.graph.output[0].name]
    if not np.array_equal(found, logits):
        raise UserError(f"{path}: belongs to another network; {again}")
    return images
