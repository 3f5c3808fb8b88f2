"""Find the 1-bit weights of a network, and freeze them."""

from dataclasses import dataclass

import torch
from brevitas import nn as qnn
from brevitas.core.bit_width import BitWidthConst
from brevitas.core.utils import StatelessBuffer
from brevitas.inject import ExtendedInjector
from brevitas.inject.enum import FloatToIntImplType
from brevitas.proxy import WeightQuantProxyFromInjector
from torch import Tensor, nn


@dataclass(frozen=True)
class BinaryWeight:
    """A layer's 1-bit weight.

    Attributes:
        value: plus or minus the scale, in the weight's shape.
        scale: one per output channel, in a shape that broadcasts over the weight, or a single
            one, [].
    """

    value: Tensor
    scale: Tensor


@torch.no_grad()
def binary_weights(model: nn.Module) -> dict[str, BinaryWeight]:
    """Return the 1-bit weights of a network as its layers use them.

    Args:
        model: any network of Brevitas layers.

    Returns:
        the weights by layer name, in network order.
    """
    weights = {}
    for name, module in model.named_modules():
        if isinstance(module, qnn.QuantConv2d | qnn.QuantLinear):
            # Bypass Brevitas' proxy, which takes milliseconds per layer.
            value, scale, _, bits = module.weight_quant.tensor_quant(module.weight)
            if bits == 1:
                weights[name] = BinaryWeight(value, scale)
    return weights


class FrozenQuant(nn.Module):
    """A Brevitas tensor quantizer that returns weights unchanged, as they are already binary.

    Args:
        frozen_scale: the weights' scale.
    """

    def __init__(self, frozen_scale: Tensor) -> None:
        super().__init__()
        self.scale = StatelessBuffer(frozen_scale)
        self.zero_point = StatelessBuffer(torch.tensor(0.0))
        self.bit_width = BitWidthConst(1)

    def forward(self, weight: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the weight, its scale, zero point and bit width."""
        return weight, self.scale(), self.zero_point(), self.bit_width()


class _FrozenWeightQuant(ExtendedInjector):  # type: ignore[misc]
    proxy_class = WeightQuantProxyFromInjector
    tensor_quant = FrozenQuant
    signed = True
    narrow_range = True
    float_to_int_impl_type = FloatToIntImplType.ROUND


def freeze(layer: nn.Module, weight: BinaryWeight) -> None:
    """Give a layer fixed 1-bit weights and a quantizer that leaves them unchanged.

    Args:
        layer: a Brevitas layer.
        weight: the weights, in the shape of the layer's.

    Example:
        >>> dense = qnn.QuantLinear(3, 1, bias=False)
        >>> value = torch.tensor([[0.5, 0.5, -0.5]])
        >>> freeze(dense, BinaryWeight(value, torch.tensor(0.5)))
        >>> dense.quant_weight().value.tolist()
        [[0.5, 0.5, -0.5]]
    """
    assert isinstance(layer.weight, nn.Parameter)
    layer.weight.data = weight.value
    quant = _FrozenWeightQuant.let(frozen_scale=weight.scale)
    layer.weight_quant = WeightQuantProxyFromInjector(layer, quant)
