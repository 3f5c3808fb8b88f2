"""What each module of a trained network becomes in the exported one.

Every replacement computes exactly in float32 or with roundings that all evaluators do alike,
and comes with a bound on how far it may lie from the trained module, derived from the
magnitudes that enter it and from the number of float32 roundings on the way (the standard
model of floating-point arithmetic: fl(a op b) = (a op b)(1 + d), |d| <= 2^-24).
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import torch
from brevitas import nn as qnn
from brevitas.inject.enum import ScalingImplType
from brevitas.quant import (
    Int8WeightPerTensorFloat,
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
)
from torch import Tensor, nn
from torch.nn import functional

from irnet_hw.errors import UserError
from irnet_hw.models.blocks import PIXEL_OFFSET, PIXEL_SCALE, Normalise

#: The unit roundoff of float32, and the first integer beyond which it has gaps.
UNIT = 2.0**-24
EXACT_INTEGERS = 2**24

#: More than what a few roundings lose where a value falls below float32's normal numbers.
UNDERFLOW = 2.0**-120


@dataclass(frozen=True)
class Grid:
    """The values a tensor can take: integers times a step.

    Attributes:
        step: float64, a power of two for the tensor ([]) or for each channel ([C]).
        peak: the largest magnitude of the integers.
    """

    step: Tensor
    peak: float

    def common(self) -> "Grid":
        """Return the grid with one step for all channels."""
        step = self.step.min()
        return Grid(step, self.peak * float(self.step.max() / step))


#: Given a module's float64 input and a bound on that input's error, the bound on its output's.
Bound = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Layer:
    """A module of the exported network.

    Attributes:
        module: the replacement.
        grid: what its output can be, or None for any float32.
        bound: how far its output may lie from the trained module's; None where only the sign
            of the output is the same.
        binarizes: whether the output is the sign of the input.
    """

    module: nn.Module
    grid: Grid | None
    bound: Bound | None
    binarizes: bool = False


class Affine(nn.Module):
    """A folded batch normalisation: x * scale + shift, two float32 roundings.

    Args:
        scale: one value a channel, in the shape that broadcasts over the input.
        shift: likewise.
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


def gamma(roundings: int) -> float:
    """Return the bound on the relative error of that many float32 roundings."""
    return roundings * UNIT / (1 - roundings * UNIT)


def _carry(_: Tensor, error: Tensor) -> Tensor:
    """Bound an exact operation that widens no difference."""
    return error


@singledispatch
def exact(module: nn.Module, name: str, grid: Grid | None) -> Layer:
    """Return the exact replacement of a trained module in eval mode.

    Args:
        module: from the trained network; stays as it is.
        name: where it stands in the network, for messages.
        grid: what its input can be; None for any float32.

    Raises:
        UserError: modules of this type, or set up in this way, can't be exported.
    """
    del grid
    known = sorted(kind.__name__ for kind in exact.registry if kind is not object)
    raise UserError(
        f"{name}: {type(module).__name__} modules can't be exported; "
        f"those that can: {', '.join(known)}"
    )


@exact.register
def _normalise(module: Normalise, name: str, grid: Grid | None) -> Layer:
    del name, grid
    step = torch.tensor(PIXEL_SCALE, dtype=torch.float64)
    return Layer(copy.deepcopy(module), Grid(step, PIXEL_OFFSET), _carry)


@exact.register
def _identity(module: nn.Identity, name: str, grid: Grid | None) -> Layer:
    del name
    return Layer(copy.deepcopy(module), grid, _carry)


@exact.register
def _flatten(module: nn.Flatten, name: str, grid: Grid | None) -> Layer:
    if module.start_dim != 1 or module.end_dim != -1:
        raise UserError(
            f"{name}: flattens axes {module.start_dim} to {module.end_dim}, must be 1 to -1"
        )
    # A channel's step would have to be repeated for each of its pixels.
    return Layer(copy.deepcopy(module), grid and grid.common(), lambda _, error: error.flatten(1))


@exact.register
def _max_pool(module: nn.MaxPool2d, name: str, grid: Grid | None) -> Layer:
    if module.ceil_mode or module.dilation not in (1, (1, 1)) or module.return_indices:
        raise UserError(
            f"{name}: MaxPool2d with ceil_mode, dilation or return_indices can't be exported"
        )
    replacement = copy.deepcopy(module)
    return Layer(replacement, grid, lambda _, error: replacement(error))


@exact.register
def _hardtanh(module: nn.Hardtanh, name: str, grid: Grid | None) -> Layer:
    if not module.min_val < 0 <= module.max_val:
        raise UserError(
            f"{name}: Hardtanh from {module.min_val} to {module.max_val} changes signs; "
            "its range must hold 0 and negative values"
        )
    return Layer(nn.Identity(), grid, None)


@exact.register
def _binarizer(module: qnn.QuantIdentity, name: str, grid: Grid | None) -> Layer:
    del grid
    proxy = module.act_quant
    if not proxy.is_quant_enabled:
        raise UserError(f"{name}: its quantizer is off; 1-bit activations of scale 1 are needed")
    bits, scale = float(proxy.bit_width()), proxy.scale()
    if bits != 1 or (scale != 1).any():
        raise UserError(
            f"{name}: activations of {bits:g} bits and scale {_listed(scale)}, "
            "must be 1 bit and scale 1"
        )
    replacement = qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst, scaling_init=1.0)
    return Layer(replacement, Grid(torch.ones((), dtype=torch.float64), 1), None, binarizes=True)


@exact.register(nn.BatchNorm1d)
@exact.register(nn.BatchNorm2d)
def _batch_norm(module: nn.BatchNorm1d | nn.BatchNorm2d, name: str, grid: Grid | None) -> Layer:
    del grid
    if module.running_mean is None or module.running_var is None:
        raise UserError(f"{name}: has no running statistics; set track_running_stats=True")
    mean, variance = module.running_mean.double(), module.running_var.double()
    weight = torch.ones_like(mean) if module.weight is None else module.weight.detach().double()
    bias = torch.zeros_like(mean) if module.bias is None else module.bias.detach().double()
    scale = weight / torch.sqrt(variance + module.eps)
    shift = bias - mean * scale
    if not (torch.isfinite(scale.float()) & torch.isfinite(shift.float())).all():
        raise UserError(f"{name}: its statistics or parameters aren't finite")
    shape = (1, -1, 1, 1) if isinstance(module, nn.BatchNorm2d) else (1, -1)
    size, centre, offset = (value.abs().reshape(shape) for value in (scale, mean, bias))
    # (x - mean) / sqrt(variance + eps) * weight + bias, in whatever order it is computed:
    # no term meets more than 8 roundings in the trained network (sum, root, reciprocal,
    # times weight, times x or mean, two sums, and the mean's own difference), and 4 in the
    # exported one (constant, constant's difference, product, sum).
    rounding = gamma(8) + gamma(4)

    def bound(x: Tensor, error: Tensor) -> Tensor:
        magnitude = (x.abs() + error + centre) * size + offset
        return size * error + rounding * magnitude + UNDERFLOW

    replacement = Affine(scale.float().reshape(shape), shift.float().reshape(shape))
    return Layer(replacement, None, bound)


@exact.register
def _convolution(module: qnn.QuantConv2d, name: str, grid: Grid | None) -> Layer:
    if module.bias is not None:
        raise UserError(
            f"{name}: has a bias; make it with bias=False and let the BatchNorm2d after it shift"
        )
    weight, steps, quantizer = _frozen_weight(module, name)
    replacement = qnn.QuantConv2d(
        module.in_channels,
        module.out_channels,
        module.kernel_size,
        module.stride,
        module.padding,
        module.dilation,
        module.groups,
        module.padding_mode,
        bias=False,
        **quantizer,
    )
    replacement.weight.data.copy_(weight)
    output = _accumulator(weight, steps, grid, name)
    magnitude = weight.double().abs()

    def bound(_: Tensor, error: Tensor) -> Tensor:
        widened: Tensor = functional.conv2d(
            error,
            magnitude,
            stride=module.stride,
            padding=module.padding,
            dilation=module.dilation,
            groups=module.groups,
        )
        return widened

    return Layer(replacement, output, bound)


@exact.register
def _dense(module: qnn.QuantLinear, name: str, grid: Grid | None) -> Layer:
    weight, steps, quantizer = _frozen_weight(module, name)
    has_bias = module.bias is not None
    replacement = qnn.QuantLinear(
        module.in_features, module.out_features, bias=has_bias, **quantizer
    )
    replacement.weight.data.copy_(weight)
    output = _accumulator(weight, steps, grid, name)
    magnitude = weight.double().abs()
    if not has_bias:
        return Layer(replacement, output, lambda _, error: functional.linear(error, magnitude))

    if module.bias_quant.is_quant_enabled:
        raise UserError(f"{name}: its bias has a quantizer; export rounds the bias by itself")
    bias: Tensor = module.bias.detach().double()
    rounded = torch.round(bias / output.step) * output.step
    replacement.bias.data.copy_(rounded)
    output = _checked(
        Grid(output.step, output.peak + float((rounded / output.step).abs().max())), name
    )
    # The exported sum is exact. The trained one adds a bias between the steps, at any point
    # of the sum, so that every addition may round.
    rounding = gamma(module.in_features + 1)

    def bound(x: Tensor, error: Tensor) -> Tensor:
        widened: Tensor = functional.linear(error, magnitude)
        total: Tensor = functional.linear(x.abs() + error, magnitude) + bias.abs()
        moved = (bias - rounded).abs()
        return widened + moved + (moved > 0) * rounding * total

    return Layer(replacement, output, bound)


def _accumulator(weight: Tensor, steps: Tensor, grid: Grid | None, name: str) -> Grid:
    """Return what the sums of weights times inputs can be, having checked that they are exact."""
    if grid is None:
        raise UserError(f"{name}: its input isn't quantized; put a 1-bit QuantIdentity before it")
    grid = grid.common()
    sums = weight.double().abs().flatten(1).sum(1) / steps
    return _checked(Grid((steps * grid.step).squeeze(), grid.peak * float(sums.max())), name)


def _checked(grid: Grid, name: str) -> Grid:
    if grid.peak >= EXACT_INTEGERS:
        raise UserError(
            f"{name}: its sums reach {grid.peak:.0f} steps; float32 is exact below {EXACT_INTEGERS}"
        )
    return grid


def _frozen_weight(
    module: qnn.QuantConv2d | qnn.QuantLinear, name: str
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Return the weight as the network uses it, and a quantizer that leaves it so.

    Brevitas' exporter writes the tensor that enters the quantizer, and the reader of the file
    quantizes that with nothing but its scale. So what enters must be the quantized weight
    itself: a quantizer that first centres the weight would be lost.

    Returns:
        the quantized weight, float32; the step of each output channel, float64 [out];
        the arguments that make a Brevitas layer with the frozen quantizer.
    """
    if not module.weight_quant.is_quant_enabled:
        raise UserError(f"{name}: its weights aren't quantized")
    if module.input_quant.is_quant_enabled or module.output_quant.is_quant_enabled:
        raise UserError(
            f"{name}: has an input or output quantizer; quantize activations by a QuantIdentity"
        )
    quantized = module.quant_weight()
    value, scale = quantized.value.detach(), quantized.scale.detach()
    bits, zero_point = int(quantized.bit_width), quantized.zero_point
    if (zero_point != 0).any() or not quantized.signed:
        raise UserError(f"{name}: its weights must be signed, with zero point 0")
    mantissa, _ = torch.frexp(scale)
    if not (mantissa == 0.5).all():
        raise UserError(f"{name}: weights of scale {_listed(scale)}, must be powers of two")
    steps = scale.double().reshape(-1).expand(len(value))
    if bits == 1:
        quantizer = {
            "weight_quant": SignedBinaryWeightPerTensorConst,
            "weight_scaling_init": scale,
        }
    else:
        narrow = module.weight_quant.is_narrow_range
        largest = 2 ** (bits - 1) - 1 if narrow else 2 ** (bits - 1)
        quantizer = {
            "weight_quant": Int8WeightPerTensorFloat,
            "weight_bit_width": bits,
            "weight_narrow_range": narrow,
            "weight_scaling_impl_type": ScalingImplType.CONST,
            "weight_scaling_init": scale * largest,
        }
    return value, steps, quantizer


def _listed(values: Tensor) -> str:
    """Return a tensor's distinct values, the first few of them."""
    distinct = sorted(set(values.detach().flatten().tolist()))
    shown = ", ".join(f"{value:g}" for value in distinct[:4])
    return shown + (", ..." if len(distinct) > 4 else "")
