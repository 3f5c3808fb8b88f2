"""Residual streams of the hardware precision: 8-bit integers times a constant power of two."""

from typing import Any

import torch
from brevitas.core.bit_width import BitWidthConst
from brevitas.core.utils import StatelessBuffer
from brevitas.inject import ExtendedInjector
from brevitas.inject.enum import FloatToIntImplType
from brevitas.proxy import ActQuantProxyFromInjector
from torch import Tensor, nn

from irnet_hw.quant.ede import inside
from irnet_hw.quant.grid import Grid

#: Width and range of a stream's integers.
BITS = 8
LOWEST, HIGHEST = -128, 127


class _Rounded(torch.autograd.Function):
    """Forward: round to a stream's values. Backward: straight-through within its range."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.step = step
        return torch.floor(x / step + 0.5).clamp(LOWEST, HIGHEST) * step

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        (grad,) = grads
        (x,) = ctx.saved_tensors
        middle, half = (LOWEST + HIGHEST) / 2, (HIGHEST - LOWEST) / 2
        return grad * inside((x / ctx.step - middle) / half), None


class StreamQuant(nn.Module):
    r"""A stream's values as a Brevitas tensor quantizer: 8 bits, signed, zero point 0.

    $$
    y = s \cdot \mathrm{clamp}\left(\left\lfloor x / s + 1/2 \right\rfloor, -128, 127\right)
    $$

    The gradient is 1 where $-128 s \leq x \leq 127 s$ and 0 outside.

    Args:
        step: s, a power of two.

    Example:
        >>> x = torch.tensor([-1.5, 0.375, 2.0], requires_grad=True)
        >>> y = StreamQuant(2**-2)(x)[0]
        >>> y.tolist()
        [-1.5, 0.5, 2.0]
        >>> (StreamQuant(2**-7)(x)[0] * 128).tolist()
        [-128.0, 48.0, 127.0]
    """

    def __init__(self, step: float) -> None:
        super().__init__()
        self.step = step
        self.scale = StatelessBuffer(torch.tensor(step))
        self.zero_point = StatelessBuffer(torch.tensor(0.0))
        self.bit_width = BitWidthConst(BITS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the stream's values, their scale, zero point and bit width."""
        y: Tensor = _Rounded.apply(x, self.step)  # type: ignore[no-untyped-call]
        return y, self.scale(), self.zero_point(), self.bit_width()


class _StreamActQuant(ExtendedInjector):  # type: ignore[misc]
    proxy_class = ActQuantProxyFromInjector
    tensor_quant = StreamQuant
    signed = True
    narrow_range = False
    float_to_int_impl_type = FloatToIntImplType.FLOOR


def stream_quant(step: float) -> type[ExtendedInjector]:
    """Return the quantizer of a stream.

    Args:
        step: the distance between its values, a power of two.

    Example:
        >>> from brevitas import nn as qnn
        >>> stream = qnn.QuantIdentity(act_quant=stream_quant(2**-7))
        >>> stream(torch.tensor([-2.0, 0.1, 2.0])).tolist()
        [-1.0, 0.1015625, 0.9921875]
    """
    quant: type[ExtendedInjector] = _StreamActQuant.let(step=step)
    return quant


def values(step: float) -> Grid:
    """Return the possible values of a stream."""
    return Grid.of(step, -LOWEST)


def half(step: float) -> Grid:
    """Return what a stream adds before it takes the floor."""
    return Grid.of(step / 2, 1)
