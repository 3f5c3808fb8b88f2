"""How well a trained network enlarges the held-out images, and pictures of some."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from irnet_hw import progress
from irnet_hw.data.metrics import psnr
from irnet_hw.data.pairs import Pair, Pairs, scores
from irnet_hw.report.png import data_uri
from irnet_hw.report.runs import Run
from irnet_hw.train.checkpoint import load_checkpoint
from irnet_hw.train.task import enlarged_by

#: Height and width of the part of an image that is shown, from its middle, in full size.
_SHOWN = 144

Image = npt.NDArray[np.uint8]


def measure(run: Run, data_folder: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Enlarge the held-out images of a run by the network in its last.pt.

    Args:
        run: of a network that enlarges images.
        data_folder: where the images are now; by default where they were in training.

    Returns:
        PSNR and SSIM by the set of images, see :func:`irnet_hw.data.pairs.scores`; and pictures of
        the first set, each a title with captions and sources of images.

    Raises:
        UserError: the checkpoint or the images can't be read.
    """
    network = load_checkpoint(run.folder / "last.pt").model()
    pairs = run.recipe.dataset(data_folder)
    assert isinstance(pairs, Pairs)  # as the network's task is to enlarge
    sets: dict[str, Any] = {}
    pictures: list[dict[str, Any]] = []
    for name, held in pairs.held_out.items():
        tracked = progress.track(held, f"enlarging {name}", len(held), "images")
        found = [
            (pair, {"network": enlarged_by(network, torch.from_numpy(pair.low)[None, None])})
            for pair in tracked
        ]
        if not sets:
            pictures = [_pictures(pair, images, pairs.scale) for pair, images in found]
        sets[name] = scores(found, pairs.scale)
    return sets, pictures


def _pictures(pair: Pair, images: Mapping[str, Image], scale: int) -> dict[str, Any]:
    """Return the middle of an image: shrunk, enlarged in both ways, and as it was."""
    bicubic, network = pair.bicubic(), images["network"]
    repeated = pair.low.repeat(scale, 0).repeat(scale, 1)
    shown = [
        ("input", repeated),
        (f"bicubic, {psnr(bicubic, pair.high, scale):.2f} dB", bicubic),
        (f"network, {psnr(network, pair.high, scale):.2f} dB", network),
        ("original", pair.high),
    ]
    return {
        "name": pair.name,
        "images": [{"caption": text, "src": data_uri(_middle(image))} for text, image in shown],
    }


def _middle(image: Image) -> Image:
    top, left = (max(0, (side - _SHOWN) // 2) for side in image.shape)
    return image[top : top + _SHOWN, left : left + _SHOWN]
