"""What a network is trained for: its loss, and how well it does on held-out images."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from irnet_hw.data.metrics import psnr, ssim
from irnet_hw.form import AMOUNT, SHARE, Kind
from irnet_hw.models import Config, SuperResolution
from irnet_hw.train.recipe import Recipe

Batches = Iterable[tuple[Tensor, Tensor]]


class Task(Protocol):
    """What :class:`Classify` and :class:`Enlarge` have in common.

    Attributes:
        columns: the columns of metrics.csv for how well the network does, and their form.
        score: the one of them that selects best.pt; the larger, the better.
    """

    columns: Mapping[str, Kind]
    score: str

    def loss(self, recipe: Recipe, output: Tensor, wanted: Tensor, taught: Tensor | None) -> Tensor:
        """Return the mean loss over a batch.

        Args:
            recipe: what is trained.
            output: the network's.
            wanted: what it should be.
            taught: the teacher's output, if there is a teacher.
        """

    def right(self, output: Tensor, wanted: Tensor) -> Tensor:
        """Return how many images of a batch are classified correctly, []."""

    def measure(self, network: nn.Module, batches: Batches) -> Tensor:
        """Return sums over held-out images, the last one their number, float64 [S].

        The network is left in eval mode.
        """

    def figures(self, right: float, measured: list[float]) -> dict[str, float]:
        """Return the values of the columns.

        Args:
            right: the share of the training images that were classified correctly.
            measured: the sums of :meth:`measure`.
        """

    def shown(self, loss: float, right: float) -> str:
        """Return the figures of the training in words."""

    def held_out(self, row: dict[str, Any]) -> str:
        """Return the figures of the held-out images in words; ``row`` is one of metrics.csv."""


class Classify:
    """Telling images' classes, learnt with the cross entropy."""

    columns: Mapping[str, Kind] = {"train_accuracy": SHARE, "test_accuracy": SHARE}
    score = "test_accuracy"

    def loss(self, recipe: Recipe, output: Tensor, wanted: Tensor, taught: Tensor | None) -> Tensor:
        """Return the cross entropy; ``wanted`` are labels [N]."""
        own = functional.cross_entropy(output, wanted, label_smoothing=recipe.label_smoothing)
        if taught is None:
            return own
        share = recipe.teacher_share
        return share * functional.cross_entropy(output, taught.softmax(1)) + (1 - share) * own

    def right(self, output: Tensor, wanted: Tensor) -> Tensor:
        """Return how many images of a batch are classified correctly, []."""
        return (output.argmax(1) == wanted).sum()

    def measure(self, network: nn.Module, batches: Batches) -> Tensor:
        """Return the number of correctly classified images and of all, float64 [2].

        Args:
            network: takes pixels as float32; it is left in eval mode.
            batches: pixels [N, channels, height, width] and labels [N]; images labelled -1 don't
                count.
        """
        network.eval()
        found = []
        with torch.no_grad():
            for pixels, labels in batches:
                right = self.right(network(pixels.float()), labels)
                found.append(torch.stack([right, (labels >= 0).sum()]))
        return torch.stack(found).sum(0).double()

    def figures(self, right: float, measured: list[float]) -> dict[str, float]:
        """Return the values of the columns."""
        correct, images = measured
        return {"train_accuracy": right, "test_accuracy": correct / images}

    def shown(self, loss: float, right: float) -> str:
        """Return the figures of the training in words."""
        return f"loss {loss:.3f}, accuracy {right:.2%}"

    def held_out(self, row: dict[str, Any]) -> str:
        """Return the figures of the held-out images in words."""
        return f"held-out accuracy {row['test_accuracy']:.2%}"


class Enlarge:
    """Enlarging images, learnt with the mean absolute difference in grey levels."""

    columns: Mapping[str, Kind] = {"test_psnr": AMOUNT, "test_ssim": AMOUNT}
    score = "test_psnr"

    def loss(self, recipe: Recipe, output: Tensor, wanted: Tensor, taught: Tensor | None) -> Tensor:
        """Return the mean absolute difference; ``wanted`` are pixels."""
        del recipe, taught
        return functional.l1_loss(output, wanted.float())

    def right(self, output: Tensor, wanted: Tensor) -> Tensor:
        """Return 0: images are not right or wrong."""
        del wanted
        return output.new_zeros(())

    def measure(self, network: nn.Module, batches: Batches) -> Tensor:
        """Return the sums of PSNR in dB and SSIM, and the number of images, float64 [3].

        Args:
            network: takes pixels as float32; it is left in eval mode.
            batches: images, small and in full size, uint8 [1, 1, height, width].
        """
        total = torch.zeros(3, dtype=torch.float64)
        for low, high in batches:
            scale = high.shape[-1] // low.shape[-1]
            enlarged, original = enlarged_by(network, low), high[0, 0].cpu().numpy()
            pair = enlarged, original, scale
            total += torch.tensor([psnr(*pair), ssim(*pair), 1], dtype=torch.float64)
        return total

    def figures(self, right: float, measured: list[float]) -> dict[str, float]:
        """Return the values of the columns."""
        del right
        levels, likeness, images = measured
        return {"test_psnr": levels / images, "test_ssim": likeness / images}

    def shown(self, loss: float, right: float) -> str:
        """Return the figures of the training in words."""
        del right
        return f"loss {loss:.3f}"

    def held_out(self, row: dict[str, Any]) -> str:
        """Return the figures of the held-out images in words."""
        return f"held-out PSNR {row['test_psnr']:.2f} dB"


def enlarged_by(network: nn.Module, low: Tensor) -> npt.NDArray[np.uint8]:
    """Return an image that a network has enlarged, uint8 [height, width].

    Args:
        network: it is left in eval mode.
        low: the small image, uint8 [1, 1, height, width].
    """
    network.eval()
    with torch.no_grad():
        enlarged: npt.NDArray[np.uint8] = network(low.float())[0, 0].cpu().numpy().astype(np.uint8)
    return enlarged


def task_of(config: Config) -> Task:
    """Return what a network is for."""
    return Enlarge() if isinstance(config, SuperResolution) else Classify()
