"""The images that an exported network is checked on, and how well it does on them."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from irnet_hw.data.pairs import Pair, Pairs, scores
from irnet_hw.export.folder import GOLDEN_IMAGES

Images = Sequence[npt.NDArray[np.uint8]]
Outputs = Sequence[npt.NDArray[np.float32]]


class HeldOut(Protocol):
    """What :class:`Drawn`, :class:`Labelled` and :class:`Paired` have in common.

    Attributes:
        images: each uint8 [height, width, channels].
        title: what messages call them.
        outputs: what messages call the network's outputs.
    """

    images: Images
    title: str
    outputs: str

    def scores(self, pytorch: Outputs, qonnx: Outputs) -> dict[str, Any]:
        """Return how well the network does, as JSON values.

        Args:
            pytorch: the trained network's outputs for the first images.
            qonnx: the file's.
        """

    def words(self, scores: Mapping[str, Any]) -> str:
        """Return the scores in words."""

    def golden(self) -> dict[str, npt.NDArray[Any]]:
        """Return the images with golden vectors, all of one size, and their labels."""

    def stored(self) -> dict[str, npt.NDArray[Any]]:
        """Return the content of heldout.npz; nothing if it is not to be written."""


class Drawn:
    """Images of random pixels.

    Args:
        images: uint8 [N, height, width, channels].
    """

    title, outputs = "drawn", "outputs"

    def __init__(self, images: npt.NDArray[np.uint8]) -> None:
        self.images: Images = list(images)
        self._golden = images[:GOLDEN_IMAGES]

    def scores(self, pytorch: Outputs, qonnx: Outputs) -> dict[str, Any]:
        """Return how many predictions or pixels differ."""
        if pytorch[0].ndim > 1:
            return {"pixels_differ": _pixels_differ(pytorch, qonnx)}
        return {"predictions_differ": _predictions_differ(pytorch, qonnx)}

    def words(self, scores: Mapping[str, Any]) -> str:
        """Return the scores in words."""
        ((key, count),) = scores.items()
        return f"{count} {key.replace('_', ' ')}"

    def golden(self) -> dict[str, npt.NDArray[Any]]:
        """Return the first images."""
        return {"images": self._golden}

    def stored(self) -> dict[str, npt.NDArray[Any]]:
        """Return nothing."""
        return {}


class Labelled:
    """Images to be classified.

    Args:
        images: uint8 [N, height, width, channels].
        labels: int64 [N].
    """

    title, outputs = "held-out", "logits"

    def __init__(self, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> None:
        self.images: Images = list(images)
        self._labels = labels
        self._arrays: dict[str, npt.NDArray[Any]] = {"images": images, "labels": labels}

    def scores(self, pytorch: Outputs, qonnx: Outputs) -> dict[str, Any]:
        """Return the accuracies, and how many predictions differ."""
        labels = self._labels[: len(pytorch)]
        ours, files = (float(np.mean(np.argmax(y, 1) == labels)) for y in (pytorch, qonnx))
        return {
            "accuracy": {"pytorch": ours, "qonnx": files, "images": len(labels)},
            "predictions_differ": _predictions_differ(pytorch, qonnx),
        }

    def words(self, scores: Mapping[str, Any]) -> str:
        """Return the scores in words."""
        accuracy = scores["accuracy"]
        return (
            f"accuracy {accuracy['pytorch']:.2%} as trained, {accuracy['qonnx']:.2%} as exported, "
            f"{scores['predictions_differ']} predictions differ"
        )

    def golden(self) -> dict[str, npt.NDArray[Any]]:
        """Return the first images and their labels."""
        return {name: array[:GOLDEN_IMAGES] for name, array in self._arrays.items()}

    def stored(self) -> dict[str, npt.NDArray[Any]]:
        """Return all images and their labels."""
        return self._arrays


class Paired:
    """Images to be enlarged.

    Args:
        pairs: the data set.
        height: of the file's image.
        width: of the file's image.
        side: of the crops that the network was trained on.
    """

    title, outputs = "held-out", "pixels"

    def __init__(self, pairs: Pairs, height: int, width: int, side: int) -> None:
        self._scale = pairs.scale
        self._pairs = [(name, pair) for name, held in pairs.held_out.items() for pair in held]
        self.images: Images = [pair.low[..., None] for _, pair in self._pairs]
        first = next(iter(pairs.held_out.values()))
        lows = [pair.low[..., None] for pair in first]
        self._stored = np.stack([_fitted(low, height, width) for low in lows])
        # The vectors of all layers for a large image would take gigabytes.
        self._golden = np.stack([_fitted(low, side, side) for low in lows[:GOLDEN_IMAGES]])

    def scores(self, pytorch: Outputs, qonnx: Outputs) -> dict[str, Any]:
        """Return PSNR and SSIM by the set of images, and how many pixels differ."""
        found: dict[str, list[tuple[Pair, dict[str, npt.NDArray[np.uint8]]]]] = {}
        for (name, pair), ours, files in zip(self._pairs, pytorch, qonnx, strict=False):
            outputs = {"pytorch": ours[0].astype(np.uint8), "qonnx": files[0].astype(np.uint8)}
            found.setdefault(name, []).append((pair, outputs))
        sets = {name: scores(enlarged, self._scale) for name, enlarged in found.items()}
        return {"sets": sets, "pixels_differ": _pixels_differ(pytorch, qonnx)}

    def words(self, scores: Mapping[str, Any]) -> str:
        """Return the scores in words."""
        sets = [
            f"{name} {found['psnr']['pytorch']:.2f} dB as trained, {found['psnr']['qonnx']:.2f} dB "
            f"as exported, {found['psnr']['bicubic']:.2f} dB bicubic"
            for name, found in scores["sets"].items()
        ]
        return "; ".join([*sets, f"{scores['pixels_differ']} pixels differ"])

    def golden(self) -> dict[str, npt.NDArray[Any]]:
        """Return crops of the first set's images."""
        return {"images": self._golden}

    def stored(self) -> dict[str, npt.NDArray[Any]]:
        """Return the first set's images, cropped or mirrored to the file's size."""
        return {"images": self._stored}


def _predictions_differ(pytorch: Outputs, qonnx: Outputs) -> int:
    return int(np.sum(np.argmax(pytorch, 1) != np.argmax(qonnx, 1)))


def _pixels_differ(pytorch: Outputs, qonnx: Outputs) -> int:
    return sum(int(np.sum(ours != file)) for ours, file in zip(pytorch, qonnx, strict=True))


def _fitted(image: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    """Return an image's upper left part in a size; where it is smaller, it goes on mirrored."""
    missing = [max(0, height - image.shape[0]), max(0, width - image.shape[1]), 0]
    padded = np.pad(image, [(0, more) for more in missing], mode="symmetric")
    return padded[:height, :width]
