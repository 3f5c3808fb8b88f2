"""Replacements of the modules without integer weights."""

import copy
import math

import torch
from brevitas import nn as qnn
from brevitas.inject.enum import FloatToIntImplType, ScalingImplType
from brevitas.quant import Int8ActPerTensorFloat, SignedBinaryActPerTensorConst
from torch import Tensor, nn

from irnet_hw.errors import UserError
from irnet_hw.export.exact import UNDERFLOW, Layer, Place, exact, gamma, listed
from irnet_hw.models.blocks import (
    PIXEL_OFFSET,
    PIXEL_SCALE,
    Normalise,
    Pixels,
    Shift,
    Shortcut,
    Stream,
)
from irnet_hw.models.rounded import constants
from irnet_hw.quant.dyadic import dyadic
from irnet_hw.quant.grid import Grid
from irnet_hw.quant.stream import BITS, HIGHEST, LOWEST


class Affine(nn.Module):
    """A folded batch normalisation: x * scale + shift, two float32 operations.

    Args:
        scale: one value per channel, in a shape that broadcasts over the input.
        shift: one value per channel, in the same shape.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, x: Tensor) -> Tensor:
        """Return x * scale + shift."""
        return x * self.scale + self.shift


class Rounder(nn.Module):
    """Rounds half up to a stream's values: adds half a step, then Quant takes the floor.

    Args:
        step: the distance between the values.
    """

    def __init__(self, step: float) -> None:
        super().__init__()
        self.offset = step / 2
        self.quantize = qnn.QuantIdentity(
            act_quant=Int8ActPerTensorFloat,
            bit_width=BITS,
            narrow_range=False,
            float_to_int_impl_type=FloatToIntImplType.FLOOR,
            scaling_impl_type=ScalingImplType.CONST,
            scaling_init=-LOWEST * step,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the stream's values."""
        rounded: Tensor = self.quantize(x + self.offset)
        return rounded


class PixelSum(nn.Module):
    """Sums each channel's pixels and multiplies the sums by a constant.

    Args:
        factor: the constant; 1 leaves out the multiplication.
    """

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, channels, 1, 1]."""
        total = x.sum((2, 3), keepdim=True)
        return total if self.factor == 1 else total * self.factor


def add(name: str, first: Grid | None, second: Grid | None, room: Grid | None) -> Layer:
    """Return the exported layer for a sum of two tensors.

    Args:
        name: the sum's name, for messages.
        first: the possible values of one tensor.
        second: the possible values of the other.
        room: the values added to the sum before a stream rounds it; None if no stream does.

    Raises:
        UserError: the operands aren't integers times a step, or no stream rounds the sum.
    """
    if first is None or second is None or room is None:
        raise UserError(
            f"{name}: adds in float; only sums of integers that a Stream rounds can be exported"
        )
    return Layer(
        None,
        first.plus(second).checked(name),
        # The trained network's sum rounds.
        lambda total, error: error + gamma(1) * (total.abs() + error),
    )


def _carry(_: Tensor, error: Tensor) -> Tensor:
    """Bound an exact operation that doesn't increase differences."""
    return error


@exact.register
def _normalise(module: Normalise, place: Place) -> Layer:
    del place
    return Layer(copy.deepcopy(module), Grid.of(PIXEL_SCALE, PIXEL_OFFSET), _carry)


@exact.register
def _pixels(module: Pixels, place: Place) -> Layer:
    grid = _integers(place)
    steps = grid.step / PIXEL_SCALE
    output = Grid(steps, grid.peak + PIXEL_OFFSET / steps).checked(place.name)
    return Layer(copy.deepcopy(module), output, lambda _, error: error / PIXEL_SCALE)


@exact.register
def _shuffle(module: nn.PixelShuffle, place: Place) -> Layer:
    replacement = copy.deepcopy(module)
    # The steps of channels would become those of pixels.
    grid = place.grid and place.grid.common()
    return Layer(replacement, grid, lambda _, error: replacement(error))


@exact.register
def _shift(module: Shift, place: Place) -> Layer:
    if not place.normed:
        raise UserError(f"{place.name}: shifts a stream; only what is reduced to signs may be")
    return Layer(copy.deepcopy(module), None, _carry)


@exact.register
def _identity(module: nn.Identity, place: Place) -> Layer:
    return Layer(copy.deepcopy(module), place.grid, _carry)


@exact.register
def _flatten(module: nn.Flatten, place: Place) -> Layer:
    if module.start_dim != 1 or module.end_dim != -1:
        raise UserError(
            f"{place.name}: flattens axes {module.start_dim} to {module.end_dim}, must be 1 to -1"
        )
    # Steps per channel would have to be repeated for each pixel.
    grid = place.grid and place.grid.common()
    return Layer(copy.deepcopy(module), grid, lambda _, error: error.flatten(1))


@exact.register
def _max_pool(module: nn.MaxPool2d, place: Place) -> Layer:
    if module.ceil_mode or module.dilation not in (1, (1, 1)) or module.return_indices:
        raise UserError(
            f"{place.name}: MaxPool2d with ceil_mode, dilation or return_indices can't be exported"
        )
    replacement = copy.deepcopy(module)
    return Layer(replacement, place.grid, lambda _, error: replacement(error))


@exact.register
def _shortcut(module: Shortcut, place: Place) -> Layer:
    replacement = copy.deepcopy(module)
    # The new channels have no steps.
    grid = place.grid and place.grid.common()
    return Layer(replacement, grid, lambda _, error: replacement(error))


@exact.register
def _average(module: nn.AdaptiveAvgPool2d, place: Place) -> Layer:
    if module.output_size not in (1, (1, 1)):
        raise UserError(f"{place.name}: averages to {module.output_size}, must be 1")
    grid, pixels = _integers(place), math.prod(place.shape[2:])
    total = Grid(grid.step, grid.peak * pixels).checked(place.name)
    times = 1
    if place.normed:  # the batch norm absorbs the factor
        times, factor = pixels, 1.0
        output = Grid(total.step, total.peak, times)
        moved = 0.0
    elif math.frexp(pixels)[0] == 0.5:
        factor = 1 / pixels
        output = Grid(total.step * factor, total.peak)
        moved = 0.0
    elif place.room is None:
        raise UserError(
            f"{place.name}: averages {pixels} pixels, which is not a power of two; "
            "a BatchNorm2d or a Stream must follow"
        )
    else:
        share, zero = torch.tensor(1 / pixels).double(), torch.tensor(0.0).double()
        rounded = dyadic(share, zero, zero, total, place.room, place.name)
        factor, output = float(rounded.scale), rounded.grid
        # The effect of the factor's rounding on the whole sum.
        moved = 2.0 ** (-float(rounded.exponent) - 1) * pixels
    rounding = gamma(2) + moved

    def bound(x: Tensor, error: Tensor) -> Tensor:
        total = (x.abs() + error).mean((2, 3), keepdim=True)
        widened: Tensor = error.mean((2, 3), keepdim=True)
        return (widened + rounding * total) * times

    return Layer(PixelSum(factor), output, bound)


@exact.register
def _hardtanh(module: nn.Hardtanh, place: Place) -> Layer:
    if not module.min_val < 0 <= module.max_val:
        raise UserError(
            f"{place.name}: Hardtanh from {module.min_val} to {module.max_val} changes signs; "
            "its range must include 0 and negative values"
        )
    return Layer(nn.Identity(), place.grid, None)


@exact.register
def _binarizer(module: qnn.QuantIdentity, place: Place) -> Layer:
    proxy = module.act_quant
    if not proxy.is_quant_enabled:
        raise UserError(
            f"{place.name}: its quantizer is off; 1-bit activations of scale 1 are needed"
        )
    bits, scale = float(proxy.bit_width()), proxy.scale()
    if bits != 1 or (scale != 1).any():
        raise UserError(
            f"{place.name}: activations of {bits:g} bits and scale {listed(scale)}, "
            "must be 1 bit and scale 1"
        )
    replacement = qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst, scaling_init=1.0)
    return Layer(replacement, Grid.of(1, 1), None, "sign")


@exact.register
def _stream(module: Stream, place: Place) -> Layer:
    step = module.step
    _integers(place).plus(Grid.of(step / 2, 1)).checked(place.name)

    def bound(x: Tensor, error: Tensor) -> Tensor:
        # The trained stream adds 1/2 in float32.
        reach = error + gamma(2) * (x.abs() + error + step / 2)
        return torch.maximum(
            _round(x + reach, step) - _round(x, step), _round(x, step) - _round(x - reach, step)
        )

    return Layer(Rounder(step), Grid.of(step, -LOWEST), bound, "stream")


def _round(x: Tensor, step: float) -> Tensor:
    return torch.floor(x / step + 0.5).clamp(LOWEST, HIGHEST) * step


@exact.register(nn.BatchNorm1d)
@exact.register(nn.BatchNorm2d)
def _batch_norm(module: nn.BatchNorm1d | nn.BatchNorm2d, place: Place) -> Layer:
    name = place.name
    if module.running_mean is None or module.running_var is None:
        raise UserError(f"{name}: has no running statistics; set track_running_stats=True")
    # The input may be a multiple of the trained network's.
    times = place.grid.times if place.grid else 1
    scale, centre, bias = (value.detach() for value in constants(module, times))
    shift = bias - centre * scale
    if not (torch.isfinite(scale.float()) & torch.isfinite(shift.float())).all():
        raise UserError(f"{name}: its statistics or parameters aren't finite")
    grid = None
    # Effect of rounding the constants: one part proportional to the input's distance from the
    # mean, and a constant part.
    turned = moved = torch.zeros_like(scale)
    if place.room is not None:
        rounded = dyadic(scale, centre, bias, _integers(place), place.room, name)
        grid, deployed = rounded.grid, (rounded.scale, rounded.shift)
        turned, moved = torch.exp2(-rounded.exponent) / 2, rounded.grid.step / 2
    else:
        deployed = (scale, shift)
    shape = (1, -1, 1, 1) if isinstance(module, nn.BatchNorm2d) else (1, -1)
    # (x - mean) / sqrt(variance + eps) * weight + bias: whatever the order of evaluation, no
    # term goes through more than 8 roundings in the trained network (sum, root, reciprocal,
    # times weight, times x or mean, two sums, and the mean's own difference) and 4 in the
    # exported one (constant, constant's difference, product, sum).
    rounding = gamma(8) + gamma(4)
    constant = moved + rounding * (centre.abs() * scale.abs() + bias.abs()) + UNDERFLOW
    size, centre, turned, constant = (
        value.reshape(shape) for value in (scale.abs(), centre, turned, constant)
    )

    def bound(x: Tensor, error: Tensor) -> Tensor:
        # In place: there are many values, and float64 is slow.
        total = x.abs().mul_(rounding * size).add_(constant)
        total.add_((x - centre).abs_().mul_(turned))
        return total.add_((1 + rounding) * size * error) if error.any() else total

    scale, shift = (value.float().reshape(shape) for value in deployed)
    return Layer(Affine(scale, shift), grid, bound)


def _integers(place: Place) -> Grid:
    if place.grid is None:
        raise UserError(
            f"{place.name}: takes values in float and feeds a stream; its input must be integers "
            "times a step, from a QuantConv2d, a QuantIdentity or a Stream"
        )
    return place.grid
