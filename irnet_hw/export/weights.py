"""Replacements of convolutions and dense layers: frozen integer weights and exact sums."""

from typing import Any

import torch
from brevitas import nn as qnn
from brevitas.inject.enum import ScalingImplType
from brevitas.quant import Int8WeightPerTensorFloat, SignedBinaryWeightPerTensorConst
from torch import Tensor
from torch.nn import functional

from irnet_hw.errors import UserError
from irnet_hw.export.exact import Layer, Place, exact, gamma, listed
from irnet_hw.quant.grid import Grid, sums


@exact.register
def _convolution(module: qnn.QuantConv2d, place: Place) -> Layer:
    name = place.name
    if module.bias is not None:
        raise UserError(
            f"{name}: has a bias; create it with bias=False and let the next BatchNorm2d shift"
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
    output = _accumulator(weight, steps, place)
    magnitude = weight.double().abs()

    def bound(_: Tensor, error: Tensor) -> Tensor:
        if not error.any():  # after signs and streams, where float64 would cost the most
            return error.new_zeros(())
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
def _dense(module: qnn.QuantLinear, place: Place) -> Layer:
    name = place.name
    weight, steps, quantizer = _frozen_weight(module, name)
    has_bias = module.bias is not None
    replacement = qnn.QuantLinear(
        module.in_features, module.out_features, bias=has_bias, **quantizer
    )
    replacement.weight.data.copy_(weight)
    output = _accumulator(weight, steps, place)
    magnitude = weight.double().abs()
    if not has_bias:
        return Layer(replacement, output, lambda _, error: functional.linear(error, magnitude))

    if module.bias_quant.is_quant_enabled:
        raise UserError(f"{name}: its bias has a quantizer; remove it, export rounds the bias")
    bias: Tensor = module.bias.detach().double()
    rounded = torch.round(bias / output.step) * output.step
    replacement.bias.data.copy_(rounded)
    output = Grid(output.step, output.peak + (rounded / output.step).abs()).checked(name)
    # The exported sum is exact. The trained one adds a bias that is not a multiple of the step,
    # at any point of the sum, so every addition may round.
    rounding = gamma(module.in_features + 1)

    def bound(x: Tensor, error: Tensor) -> Tensor:
        widened: Tensor = functional.linear(error, magnitude)
        total: Tensor = functional.linear(x.abs() + error, magnitude) + bias.abs()
        moved = (bias - rounded).abs()
        return widened + moved + (moved > 0) * rounding * total

    return Layer(replacement, output, bound)


def _accumulator(weight: Tensor, steps: Tensor, place: Place) -> Grid:
    """Return the possible sums of weights times inputs, after checking that they are exact."""
    if place.grid is None:
        raise UserError(
            f"{place.name}: its input isn't quantized; put a 1-bit QuantIdentity before it"
        )
    return sums(weight, steps, place.grid.common()).checked(place.name)


def _frozen_weight(
    module: qnn.QuantConv2d | qnn.QuantLinear, name: str
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Return the weight as the network uses it, and a quantizer that leaves it unchanged.

    Brevitas' exporter writes the quantizer's input tensor, and readers of the file quantize it
    using only its scale. So the input must be the quantized weight itself; a quantizer that first
    centres the weight would be lost.

    Returns:
        the quantized weight, float32; the step of each output channel, float64 [out];
        the arguments that create a Brevitas layer with the frozen quantizer.
    """
    if not module.weight_quant.is_quant_enabled:
        raise UserError(f"{name}: its weights aren't quantized")
    if module.input_quant.is_quant_enabled or module.output_quant.is_quant_enabled:
        raise UserError(
            f"{name}: has an input or output quantizer; quantize activations with a QuantIdentity"
        )
    quantized = module.quant_weight()
    value, scale = quantized.value.detach(), quantized.scale.detach()
    bits, zero_point = int(quantized.bit_width), quantized.zero_point
    if (zero_point != 0).any() or not quantized.signed:
        raise UserError(f"{name}: its weights must be signed, with zero point 0")
    mantissa, _ = torch.frexp(scale)
    if not (mantissa == 0.5).all():
        raise UserError(f"{name}: weights of scale {listed(scale)}, must be powers of two")
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
