"""Batch norms and dense layers that train with the constants that export rounds theirs to.

An exported network multiplies and adds rounded constants, see :mod:`irnet_hw.quant.dyadic`. A
network of these modules does so already in training, so that it gives the same values as its
exported file, in every bit. The rounding has the gradient of the identity.
"""

from typing import Any

import torch
from torch import Tensor, nn

from irnet_hw.quant.dyadic import dyadic
from irnet_hw.quant.grid import Grid, sums


def constants(norm: nn.BatchNorm1d | nn.BatchNorm2d, times: int = 1) -> tuple[Tensor, ...]:
    """Return a batch norm with its running statistics as scale (x - centre) + offset.

    Args:
        norm: the batch norm, with running statistics.
        times: x is this many times the norm's input.

    Returns:
        scale, centre and offset, float64 [C].
    """
    assert norm.running_mean is not None and norm.running_var is not None
    mean, variance = norm.running_mean.double(), norm.running_var.double()
    weight = torch.ones_like(mean) if norm.weight is None else norm.weight.double()
    offset = torch.zeros_like(mean) if norm.bias is None else norm.bias.double()
    return weight / torch.sqrt(variance + norm.eps) / times, mean * times, offset


class _Exactly(torch.autograd.Function):
    """Forward: the rounded value. Backward: the gradient goes to the value that was rounded."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, rounded: Tensor) -> Tensor:
        del ctx, value
        return rounded.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        del ctx
        return grads[0], None


def exactly(value: Tensor, rounded: Tensor) -> Tensor:
    """Return a rounded value with the gradient of the value itself."""
    exact: Tensor = _Exactly.apply(value, rounded)  # type: ignore[no-untyped-call]
    return exact


class _RoundedNorm:
    """What :class:`RoundedNorm1d` and :class:`RoundedNorm2d` share.

    It uses its running statistics in training, too, and leaves them as they are: the rounded
    constants must not depend on the batch.

    Args:
        channels: number of channels.
        room: the values that are added to the output before a stream rounds it; None if only the
            output's sign is used, whose constants are not rounded.
        grid: with room, the possible inputs of the layer before it, or its own without a layer.
        layer: the convolution or dense layer before it.
    """

    def __init__(
        self,
        channels: int,
        room: Grid | None = None,
        grid: Grid | None = None,
        layer: nn.Module | None = None,
    ) -> None:
        super().__init__(channels)  # type: ignore[call-arg]
        # In a tuple, so that the layer does not become a part of this module.
        self._reads = room, grid, (layer,)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised ``x``, [N, channels] or [N, channels, height, width]."""
        room, grid, _ = self._reads
        times = grid.times if grid else 1
        scale, centre, offset = constants(self, times)  # type: ignore[arg-type]
        shift = offset - centre * scale
        if room is not None:
            inputs, values = self._inputs(), (scale.detach(), centre.detach(), offset.detach())
            found = dyadic(*values, inputs, room, type(self).__name__)
            scale, shift = exactly(scale, found.scale), exactly(shift, found.shift)
            if times > 1:  # x is the rounded mean of pixels; this is their sum
                total = torch.round(x.detach().double() * times / inputs.step) * inputs.step
                x = exactly(x * times, total.to(x.dtype))
        shape = (1, -1, *[1] * (x.dim() - 2))
        return x * scale.float().reshape(shape) + shift.float().reshape(shape)

    @torch.no_grad()
    def _inputs(self) -> Grid:
        """Return the possible inputs."""
        layer: Any
        _, grid, (layer,) = self._reads
        assert grid is not None
        if layer is None:
            return grid
        value, scale, _, _ = layer.weight_quant.tensor_quant(layer.weight)
        return sums(value, scale, grid)


class RoundedNorm1d(_RoundedNorm, nn.BatchNorm1d):
    """A batch norm of dense layers with rounded constants."""


class RoundedNorm2d(_RoundedNorm, nn.BatchNorm2d):
    """A batch norm of convolutions with rounded constants."""
