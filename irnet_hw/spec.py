"""Read and run the exported QONNX file, which is the specification of a network."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw import form, onnx_file
from irnet_hw.errors import UserError
from irnet_hw.read import json_text
from irnet_hw.runner import Runner, inferred

#: The key of our entry in the file's metadata_props.
METADATA_KEY = "irnet_hw"

#: The batch size is chosen so that the tensors of a batch take this much memory.
BATCH_BYTES = 2**28


def load(path: Path) -> ModelWrapper:
    """Read a QONNX file, and check all that can be checked without knowing what it is for.

    Raises:
        UserError: there is no such file, or :func:`irnet_hw.onnx_file.check` or :func:`metadata`
            refuses what is in it; names the file.
    """
    path = Path(path)
    model = ModelWrapper(onnx_file.read(path))
    try:
        metadata(model)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return model


def metadata(model: ModelWrapper) -> dict[str, Any]:
    """Return what the exporter wrote about the network: labels, recipe, accuracy, versions.

    Raises:
        UserError: the entry is not a JSON object, or one of its values is invalid.
    """
    text = model.get_metadata_prop(METADATA_KEY)
    if text is None:
        return {}
    where = f"metadata {METADATA_KEY}"
    content = json_text(text, where)
    form.check(content, form.OBJECT, where)
    form.check(content, {key: _METADATA[key] for key in content.keys() & _METADATA.keys()}, where)
    form.check(content.get("accuracy", {"images": 0}), {"images": form.COUNT}, f"{where}: accuracy")
    return dict(content)


#: What programs read of the metadata.
_METADATA = {
    "name": form.TEXT,
    "labels": [form.TEXT],
    "recipe": form.OBJECT,
    "input_scale": form.TEXT,
    "accuracy": form.Each(form.AMOUNT),
}


def image_shape(model: ModelWrapper) -> tuple[int, ...]:
    """Return the shape of what the network takes, channels last.

    Returns:
        (height, width, channels) of images, (length, 1, channels) of signals, (length,) of vectors.

    Raises:
        UserError: the input is not one image, signal or vector.
    """
    shape = model.get_tensor_shape(model.graph.input[0].name)
    if shape is None or len(shape) not in (2, 3, 4) or shape[0] != 1 or min(shape) < 1:
        sizes = ", ".join(str(size or "any") for size in shape or [])
        raise UserError(
            f"input {model.graph.input[0].name}: shape [{sizes}], must be [1, channels, height, "
            "width], [1, channels, length] or [1, length]"
        )
    _, first, *sides = map(int, shape)
    return (*sides, *([1] if len(sides) == 1 else []), first)


def sized(model: ModelWrapper, height: int, width: int) -> ModelWrapper:
    """Return a network for images of another size.

    Args:
        model: the network, without nodes that name sizes, such as one that enlarges images.
        height: of its images.
        width: of its images.
    """
    if image_shape(model)[:2] == (height, width):
        return model
    model = ModelWrapper(model.model, make_deepcopy=True)
    dims = model.graph.input[0].type.tensor_type.shape.dim
    dims[2].dim_value, dims[3].dim_value = height, width
    del model.graph.value_info[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    return inferred(model)


def entry(model: ModelWrapper, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the input of a network's file for images.

    Args:
        model: the network, from :func:`load`.
        images: uint8 [N, ...], each of the shape :func:`image_shape`.

    Returns:
        float32 [N, channels, height, width], [N, channels, length] or [N, length].
    """
    _, *sizes = model.get_tensor_shape(model.graph.input[0].name)
    return np.moveaxis(images, -1, 1).astype(np.float32).reshape(len(images), *sizes)


def channels_last(tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a tensor of a batch in the order of the accelerator's streams."""
    return np.moveaxis(tensor, 1, -1) if tensor.ndim > 1 else tensor


def run(
    model: ModelWrapper, images: npt.NDArray[np.uint8], tensors: Iterable[str] = ()
) -> dict[str, npt.NDArray[Any]]:
    """Run the network like qonnx, node by node in float32.

    The images are run in large batches. Results are bit-identical to running them one by one:
    every sum in the network is exact, and everything else is elementwise.

    Args:
        model: the network, from :func:`load`.
        images: uint8 [N, ...], each of the shape :func:`image_shape`.
        tensors: names of inner tensors to return in addition to the output.

    Returns:
        the output and the requested tensors by name; their first axis is the N images.
    """
    runner = Runner(model, tensors)
    size = max(1, BATCH_BYTES // _bytes_per_image(inferred(model)))
    parts = [
        runner.run(entry(model, images[start : start + size]))
        for start in range(0, len(images), size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _bytes_per_image(model: ModelWrapper) -> int:
    """Return the total size of the tensors of one image."""
    graph = model.graph
    shapes = (
        model.get_tensor_shape(value.name)
        for value in [*graph.input, *graph.value_info, *graph.output]
    )
    return sum(4 * math.prod(shape) for shape in shapes if shape)
