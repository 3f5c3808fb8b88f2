"""Image files: .npz with "images" and optionally "labels", or a bare .npy."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from irnet_hw.errors import UserError
from irnet_hw.read import Arrays, arrays

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


def read_images(path: Path, shape: tuple[int, ...], classes: int) -> tuple[Images, Labels | None]:
    """Read images, and their labels if there are any.

    Args:
        path: a .npz file with "images" and optionally "labels", or a .npy file of images.
        shape: of an image: (height, width, channels), (length, 1, channels) or (length,).
        classes: number of classes of the network.

    Returns:
        uint8 images [N, *shape], and labels [N] or None.

    Raises:
        UserError: the file is missing or damaged, or holds something else.
    """
    path = Path(path)
    with arrays(path) as found:
        pixels = images_in(found, path, shape)
        if "labels" not in found.names:
            return pixels, None
        return pixels, classes_in(found, path, "labels", len(pixels), classes)


def images_in(found: Arrays, path: Path, shape: tuple[int, ...], hint: str = "") -> Images:
    """Return the images among a file's arrays, uint8 [N, *shape].

    Args:
        found: the arrays.
        path: path of the file, for messages.
        shape: of an image: (height, width, channels), (length, 1, channels) or (length,).
        hint: what the user can do if they are wrong; it ends the message.

    Raises:
        UserError: there are no images, or they have another type or shape.
    """
    header, end = found.header("images"), f"; {hint}" if hint else ""
    if header.dtype != np.uint8:
        raise UserError(f"{path}: images are {header.dtype}, must be uint8 (pixels 0 to 255){end}")
    if not header.shape or header.shape[1:] != tuple(shape) or header.shape[0] == 0:
        expected = ", ".join(str(size) for size in shape)
        each = ", each height x width x channels" if len(shape) == 3 else ""
        raise UserError(
            f"{path}: images have shape {list(header.shape)}, must be [N, {expected}] "
            f"(at least one image{each}){end}"
        )
    return found.read("images")


def classes_in(
    found: Arrays, path: Path, name: str, count: int, classes: int, hint: str = ""
) -> Labels:
    """Return an array of a file that holds a class for each image, int64 [N].

    Args:
        found: the arrays.
        path: path of the file, for messages.
        name: name of the array.
        count: number of images.
        classes: number of classes.
        hint: what the user can do if they are wrong; it ends the message.

    Raises:
        UserError: the array is missing, or contains something else.
    """
    header, end = found.header(name), f"; {hint}" if hint else ""
    if header.shape != (count,) or not np.issubdtype(header.dtype, np.integer):
        raise UserError(
            f"{path}: {name} are {header.dtype} of shape {list(header.shape)}, "
            f"must be {count} integers{end}"
        )
    values = found.read(name)
    check_classes(values, classes, f"{path}: {name}", hint)
    return values.astype(np.int64)


def check_classes(
    values: npt.NDArray[np.integer], classes: int, where: str, hint: str = ""
) -> None:
    """Raise a UserError unless all values are valid class numbers, counted from 0."""
    wrong = values[(values < 0) | (values >= classes)]
    if wrong.size:
        end = f"; {hint}" if hint else ""
        raise UserError(f"{where}: {wrong[0]}, must be from 0 to {classes - 1}{end}")
