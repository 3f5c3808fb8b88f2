"""What training does to the 1-bit weights: their entropy, and how many change sign."""

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
        weights: how many there are.
        entropy: of their signs, in bits: 1 where there are as many +1 as -1, 0 where all are
            alike. Qin et al., "Forward and Backward Information Retention for Accurate Binary
            Neural Networks", CVPR 2020, equation 4.
        flipped: the share of them whose sign has changed since the last epoch.
    """

    layer: str
    weights: int
    entropy: float
    flipped: float


class Signs:
    """Follows the signs of a network's 1-bit weights, as its quantizers give them.

    Args:
        model: the first update counts the changes since now.

    Attributes:
        before: by the layer's name its signs at the last update, true where +1, in the weight's
            shape. To follow a network that is trained on, they are put back.
    """

    def __init__(self, model: nn.Module) -> None:
        self.before = _signs(model)

    def update(self, model: nn.Module) -> list[LayerSigns]:
        """Return the figures of every layer with 1-bit weights, in the network's order.

        Args:
            model: the same one, after some training; it may have been moved to a device.
        """
        now = _signs(model)
        if not now:
            return []
        # One tensor for all, as each figure that leaves a GPU waits for it.
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
    """Return the entropy, in bits, of what is true with some probability."""
    nats: Tensor = torch.special.entr(share) + torch.special.entr(1 - share)
    return nats / math.log(2)


def _signs(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight.value > 0 for name, weight in binary_weights(model).items()}
