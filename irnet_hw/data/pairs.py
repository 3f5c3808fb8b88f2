"""Images to learn enlarging from: luma in full size and shrunk, as papers on super-resolution do.

An image's luma is BT.601's in 8 bits, 16 to 235, as MATLAB's ``rgb2ycbcr`` gives it. It is cropped
to a multiple of the scale, shrunk by :func:`irnet_hw.data.bicubic.resized`, and rounded to 8 bits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from irnet_hw import progress
from irnet_hw.data.bicubic import resized, rounded
from irnet_hw.data.decode import COMMON, decode, shape, suffixes
from irnet_hw.data.description import Description
from irnet_hw.data.metrics import LEAST_SIDE, psnr, ssim
from irnet_hw.errors import UserError
from irnet_hw.read import file_bytes

#: Folders of images to train on: T91 and BSD200, or the user's own.
TRAIN = ("T91", "BSD200", "train")
#: Folders of images to test on, each measured by itself. The first one selects best.pt.
HELD_OUT = ("Set5", "Set14", "B100", "test")

DESCRIPTION = Description(
    title="images to learn enlarging from",
    labels=(),
    label_column="",
    folders=(),
    held_out=HELD_OUT,
    how_to_get_it=(
        f"images to train on must lie in its folders {', '.join(TRAIN[:-1])} or {TRAIN[-1]}, and "
        f"other ones to test on in {', '.join(HELD_OUT[:-1])} or {HELD_OUT[-1]}"
    ),
)

#: The luma of black, and the weights of red, green and blue in it.
_BLACK, _WEIGHTS = 16.0, np.array([65.481, 128.553, 24.966]) / 255

Image = npt.NDArray[np.uint8]


class Pair(NamedTuple):
    """An image's luma.

    Attributes:
        name: the file's name without its ending.
        low: shrunk, uint8 [height, width].
        high: in full size, uint8 [scale height, scale width].
    """

    name: str
    low: Image
    high: Image

    def bicubic(self) -> Image:
        """Return the shrunk image enlarged by bicubic interpolation, for comparison."""
        return rounded(resized(self.low.astype(np.float64), *self.high.shape))


@dataclass(frozen=True)
class Pairs:
    """Images to train on, and images to test on that are never trained on.

    Attributes:
        scale: how many times as high and wide the full size is.
        train: at least as large as the crops that are trained on.
        held_out: by the folder's name, in the order of ``HELD_OUT``.
    """

    scale: int
    train: list[Pair]
    held_out: dict[str, list[Pair]]

    @property
    def labels(self) -> list[str]:
        """The classes' names: images to be enlarged have none."""
        return []

    def crops(self, side: int) -> list[int]:
        """Return how many crops of a side fit into each training image, side by side."""
        return [math.prod(length // side for length in pair.low.shape) for pair in self.train]


def read(folder: Path, scale: int, side: int) -> Pairs:
    """Return the images of a folder.

    Args:
        folder: holds at least one folder of ``TRAIN`` and one of ``HELD_OUT``.
        scale: how many times images are to be enlarged.
        side: the least height and width of a shrunk image to train on. Smaller ones are left out.

    Raises:
        UserError: a folder or its images are missing or can't be read, an image is damaged or of a
            kind that :mod:`irnet_hw.data.decode` refuses, or is too small to test on, or all are
            too small to train on.
    """
    parts = [
        [folder / name for name in names if (folder / name).is_dir()] for names in (TRAIN, HELD_OUT)
    ]
    if not all(parts):
        raise DESCRIPTION.absent(folder)
    train, held_out = ([(part, _files(part)) for part in found] for found in parts)
    pairs = [pair for part, files in train for pair in _pairs(part, files, scale)]
    large = [pair for pair in pairs if min(pair.low.shape) >= side]
    least = f"{scale * side}x{scale * side} pixels"
    if not large:
        raise UserError(f"{parts[0][0]}: all images are smaller than {least}, the size of a crop")
    if len(large) < len(pairs):
        progress.say(f"{folder}: left out {len(pairs) - len(large)} images smaller than {least}")
    tests = {part.name: _pairs(part, files, scale) for part, files in held_out}
    for part, files in held_out:
        for file, pair in zip(files, tests[part.name], strict=True):
            if min(pair.high.shape) < LEAST_SIDE + 2 * scale:
                raise UserError(
                    f"{file}: has {pair.high.shape[0]}x{pair.high.shape[1]} pixels, must have at "
                    f"least {LEAST_SIDE + 2 * scale} in each direction to be tested on"
                )
    return Pairs(scale, large, tests)


def scores(enlarged: Sequence[tuple[Pair, Mapping[str, Image]]], scale: int) -> dict[str, Any]:
    """Return PSNR and SSIM, as means over a set of images, in the form of JSON.

    Args:
        enlarged: each image, and what enlarged it: the results by name.
        scale: how many times as high and wide the full size is; as wide a border is left out.

    Returns:
        "images", their number; "psnr" and "ssim", for each name and for "bicubic" interpolation.
    """
    found: dict[str, Any] = {"images": len(enlarged), "psnr": {}, "ssim": {}}
    every = [(pair, {**images, "bicubic": pair.bicubic()}) for pair, images in enlarged]
    for name in every[0][1]:
        for key, measure in (("psnr", psnr), ("ssim", ssim)):
            values = [measure(images[name], pair.high, scale) for pair, images in every]
            found[key][name] = float(np.mean(values))
    return found


def luma(colours: Image) -> Image:
    """Return the luma of an image, uint8 [height, width].

    Args:
        colours: red, green and blue, uint8 [height, width, 3].

    Example:
        >>> luma(np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0]]], np.uint8)).tolist()
        [[16, 235, 81]]
    """
    return rounded(colours @ _WEIGHTS + _BLACK)


def shrunk(high: Image, scale: int) -> Image:
    """Return an image, whose sides are multiples of the scale, shrunk and rounded to 8 bits."""
    height, width = high.shape
    return rounded(resized(high.astype(np.float64), height // scale, width // scale))


def _files(part: Path) -> list[Path]:
    try:
        found = sorted(path for path in part.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise UserError(f"{part}: can't be read: {error.strerror}") from error
    files = [path for path in found if path.suffix.lower() in suffixes()]
    if not files:
        raise UserError(f"{part}: holds no images ({COMMON})")
    return files


def _pairs(part: Path, files: list[Path], scale: int) -> list[Pair]:
    tracked = progress.track(files, f"reading {part}", len(files), "images")
    return [_pair(path, scale) for path in tracked]


def _pair(path: Path, scale: int) -> Pair:
    content = file_bytes(path)
    height, width, _ = shape(content, str(path))
    if min(height, width) < scale:
        raise UserError(
            f"{path}: has {height}x{width} pixels, must have at least {scale} in each direction"
        )
    colours = np.asarray(decode(content, str(path), 3))
    high = luma(colours[: height - height % scale, : width - width % scale])
    return Pair(path.stem, shrunk(high, scale), high)
