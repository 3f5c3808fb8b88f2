"""Images on disk: .npz with "images" and perhaps "labels", or a bare .npy."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from irnet_hw.errors import UserError

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


def read_images(path: Path, shape: tuple[int, int, int]) -> tuple[Images, Labels | None]:
    """Read images, and their labels if there are any.

    Args:
        path: a .npz file with "images" and optionally "labels", or a .npy file of images.
        shape: (height, width, channels) of an image.

    Returns:
        uint8 images [N, height, width, channels], and labels [N] or None.

    Raises:
        UserError: the file is missing or damaged, or holds something else.
    """
    path = Path(path)
    arrays = _read(path)
    if "images" not in arrays:
        names = ", ".join(sorted(arrays)) or "nothing"
        raise UserError(f'{path}: holds {names}; an array "images" is needed')
    images, labels = arrays["images"], arrays.get("labels")
    if images.dtype != np.uint8:
        raise UserError(f"{path}: images are {images.dtype}, must be uint8 (pixels 0 to 255)")
    if images.ndim != 4 or images.shape[1:] != tuple(shape) or len(images) == 0:
        expected = ", ".join(str(size) for size in shape)
        raise UserError(
            f"{path}: images have shape {list(images.shape)}, must be [N, {expected}] "
            "(at least one image, each height x width x channels)"
        )
    pixels = images.astype(np.uint8, copy=False)
    if labels is None:
        return pixels, None
    if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
        raise UserError(
            f"{path}: labels are {labels.dtype} of shape {list(labels.shape)}, "
            f"must be {len(images)} integers"
        )
    return pixels, labels.astype(np.int64)


def _read(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return {"images": content}
        with content:
            return {name: content[name] for name in content.files}
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: is no .npz or .npy file, or it is damaged") from error
