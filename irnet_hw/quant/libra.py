"""Libra-PB, IR-Net's libra parameter binarisation: balanced, standardised 1-bit weights.

Qin et al., "Forward and Backward Information Retention for Accurate Binary Neural Networks",
CVPR 2020, section 3.2.
"""

from collections.abc import Callable

import torch
from brevitas.core.bit_width import BitWidthConst
from brevitas.core.utils import StatelessBuffer
from brevitas.inject.enum import FloatToIntImplType
from brevitas.proxy import WeightQuantProxyFromInjector
from brevitas.quant.solver.weight import SolveWeightScalingStatsInputDimsFromModule
from torch import Tensor, nn

from irnet_hw.quant.ede import EDE, sign


def libra(
    weight: Tensor, channel_dim: int = 0, binarise: Callable[[Tensor], Tensor] = sign
) -> tuple[Tensor, Tensor]:
    r"""Binarise a weight by Libra-PB.

    For each output channel of n weights:

    $$
    \hat w = w - \frac 1 n \sum_i w_i
    \qquad
    \hat w_{std} = \frac{\hat w}{\sqrt{\sum_i \hat w_i^2 / (n - 1)}}
    $$

    $$
    B = \mathrm{sign}(\hat w_{std})
    \qquad
    s = \mathrm{round}\left(\log_2 \frac{\|\hat w_{std}\|_1}{n}\right)
    $$

    and the binary weight is $B \cdot 2^s$. Gradients reach the weight through mean and standard
    deviation; the scale carries none.

    If all weights of a channel are equal, their standard deviation is 0 and nothing is divided
    by it: the centred weights are 0 and become +1 with scale 1.

    Args:
        weight: a layer's weight, any shape.
        channel_dim: the axis of the output channels.
        binarise: maps the standardised weight to ±1 and defines the gradient.

    Returns:
        ±1 in the weight's shape, and the powers of two in a shape that broadcasts over it.

    Example:
        >>> binary, scale = libra(torch.tensor([[1.0, 2.0, 3.0, 8.0], [0.5, 0.5, 0.5, 0.5]]))
        >>> binary.tolist()
        [[-1.0, -1.0, -1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]
        >>> scale.tolist()
        [[1.0], [1.0]]
    """
    dims = [dim for dim in range(weight.dim()) if dim != channel_dim % weight.dim()]
    others = weight.numel() // weight.shape[channel_dim] - 1
    # Rounding can push the mean past the extremes, and a constant channel's centred weights
    # would then not be 0.
    low, high = weight.amin(dims, keepdim=True), weight.amax(dims, keepdim=True)
    centred = weight - weight.mean(dims, keepdim=True).clamp(low, high)
    variance = centred.square().sum(dims, keepdim=True) / max(others, 1)
    varies = variance > 0
    # Replace zeros before the root, because its gradient at 0 is infinite.
    standardised = centred / torch.where(varies, variance, 1.0).sqrt()
    magnitude = standardised.detach().abs().mean(dims, keepdim=True)
    exponent = torch.where(varies, magnitude, 1.0).log2().round()
    return binarise(standardised), torch.exp2(exponent)


class LibraQuant(nn.Module):
    """Libra-PB as a Brevitas tensor quantizer: 1 bit, one power-of-two scale per channel.

    Args:
        output_channel_dim: the weight's axis of output channels; Brevitas takes it from the
            layer.
        estimator: the module that computes the sign and defines its gradient.
    """

    def __init__(self, output_channel_dim: int, estimator: nn.Module) -> None:
        super().__init__()
        self.output_channel_dim = output_channel_dim
        self.estimator = estimator
        self.zero_point = StatelessBuffer(torch.tensor(0.0))
        self.bit_width = BitWidthConst(1)

    def forward(self, weight: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the binary weight times its scale, the scale, zero point and bit width."""
        binary, scale = libra(weight, self.output_channel_dim, self.estimator)
        return binary * scale, scale, self.zero_point(), self.bit_width()


class LibraWeightQuant(SolveWeightScalingStatsInputDimsFromModule):  # type: ignore[misc]
    """Weights binarised by :func:`libra` with the EDE gradient, for any Brevitas layer.

    Example:
        >>> from brevitas import nn as qnn
        >>> conv = qnn.QuantConv2d(8, 16, 3, bias=False, weight_quant=LibraWeightQuant)
        >>> conv.quant_weight().value.unique().numel()
        2
        >>> conv.quant_weight().scale.shape
        torch.Size([16, 1, 1, 1])
    """

    proxy_class = WeightQuantProxyFromInjector
    tensor_quant = LibraQuant
    estimator = EDE
    signed = True
    narrow_range = True
    float_to_int_impl_type = FloatToIntImplType.ROUND
