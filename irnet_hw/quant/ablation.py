"""The quantizers of the paper's ablation: Libra-PB and EDE, each replaceable by a plain sign.

Qin et al., "Forward and Backward Information Retention for Accurate Binary Neural Networks",
CVPR 2020, section 4.1.
"""

from typing import Any

import torch
from brevitas.inject import ExtendedInjector
from torch import Tensor, nn

from irnet_hw.quant.ede import EDEActQuant, SignQuant, inside, sign
from irnet_hw.quant.libra import LibraWeightQuant


class _ClippedSign(torch.autograd.Function):
    """Forward: sign. Backward: the derivative of Hardtanh."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return sign(x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Tensor:
        (grad,) = grads
        (x,) = ctx.saved_tensors
        clipped: Tensor = grad * inside(x)
        return clipped


class STE(nn.Module):
    """Binarises to ±1 with the clipped straight-through gradient: 1 from -1 to 1, 0 outside.

    Example:
        >>> x = torch.tensor([-2.0, 0.0, 0.5], requires_grad=True)
        >>> y = STE()(x)
        >>> y.tolist()
        [-1.0, 1.0, 1.0]
        >>> y.sum().backward()
        >>> x.grad.tolist()
        [0.0, 1.0, 1.0]
    """

    # Brevitas' injectors only accept classes that define their own constructor.
    def __init__(self) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """Return the sign of ``x``, any shape."""
        y: Tensor = _ClippedSign.apply(x)  # type: ignore[no-untyped-call]
        return y


# The types are ignored because injectors reject the annotations that would allow an override.


class STEActQuant(EDEActQuant):
    """Activations of ±1 with the :class:`STE` gradient, for any Brevitas layer."""

    estimator = STE  # type: ignore[assignment]


class LibraSTEWeightQuant(LibraWeightQuant):
    """Weights binarised by Libra-PB with the :class:`STE` gradient."""

    estimator = STE  # type: ignore[assignment]


class SignWeightQuant(LibraWeightQuant):
    """Plain signs of the weights, neither balanced nor scaled, with the EDE gradient."""

    tensor_quant = SignQuant  # type: ignore[assignment]


class SignSTEWeightQuant(SignWeightQuant):
    """Plain signs of the weights, neither balanced nor scaled, with the :class:`STE` gradient."""

    estimator = STE  # type: ignore[assignment]


def act_quant(ede: bool = True) -> type[ExtendedInjector]:
    """Return the activation quantizer.

    Args:
        ede: use EDE's gradient instead of the clipped straight-through one.
    """
    return EDEActQuant if ede else STEActQuant


def weight_quant(libra: bool = True, ede: bool = True) -> type[ExtendedInjector]:
    """Return the weight quantizer.

    Args:
        libra: binarise weights by Libra-PB instead of taking their plain signs.
        ede: use EDE's gradient instead of the clipped straight-through one.

    Example:
        >>> from brevitas import nn as qnn
        >>> dense = qnn.QuantLinear(3, 1, bias=False, weight_quant=weight_quant(libra=False))
        >>> dense.weight.data = torch.tensor([[0.1, 0.2, 0.6]])
        >>> dense.quant_weight().value.tolist()
        [[1.0, 1.0, 1.0]]
    """
    if libra:
        return LibraWeightQuant if ede else LibraSTEWeightQuant
    return SignWeightQuant if ede else SignSTEWeightQuant
