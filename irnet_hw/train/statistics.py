"""Statistics of the 1-bit weights in training: their entropy, and how many change sign."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from irnet_hw.quant.frozen import binary_weights


@dataclass(frozen=True)
class LayerSigns:
    """A layer's 1-bit weights after an epoch.

    Attributes:
        layer: its name in the network.
        weights: number of weights.
        entropy: entropy of their signs in bits: 1 for equally many +1 and -1, 0 if all are equal.
            Qin et al., "Forward and Backward Information Retention for Accurate Binary Neural
            Networks", CVPR 2020, equation 4.
        flipped: share of weights whose sign has changed since the last epoch.
    """

    layer: str
    weights: int
    entropy: float
    flipped: float


class Signs:
    """Tracks the signs of a network's 1-bit weights, as its quantizers output them.

    Args:
        model: the network; the first update counts changes relative to its present signs.

    Attributes:
        before: the signs at the last update by layer name, true for +1, in the weight's shape.
            Resuming a training run restores them.
    """

    def __init__(self, model: nn.Module) -> None:
        self.before = _signs(model)

    def update(self, model: nn.Module) -> list[LayerSigns]:
        """Return the statistics of every layer with 1-bit weights, in network order.

        Args:
            model: the same network after further training; it may have moved to another device.
        """
        now = _signs(model)
        if not now:
            return []
        # One tensor for all: each separate transfer from a GPU waits for it.
        counts = torch.stack(
            [
                torch.stack([positive.sum(), (positive != self.before[name].to(positive)).sum()])
                for name, positive in now.items()
            ]
        ).double()
        sizes = torch.tensor([positive.numel() for positive in now.values()], dtype=torch.float64)
        shares = counts.cpu() / sizes[:, None]
        entropies = _entropy(shares[:, 0])
        self.before = now
        return [
            LayerSigns(name, positive.numel(), entropy, flipped)
            for (name, positive), entropy, flipped in zip(
                now.items(), entropies.tolist(), shares[:, 1].tolist(), strict=True
            )
        ]


def _entropy(share: Tensor) -> Tensor:
    """Return the entropy, in bits, of a binary variable that is true with probability ``share``."""
    nats: Tensor = torch.special.entr(share) + torch.special.entr(1 - share)
    return nats / math.log(2)


def _signs(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight.value > 0 for name, weight in binary_weights(model).items()}
