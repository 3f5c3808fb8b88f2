"""Building blocks shared by the networks. All are modules, so the exporter can replace each."""

from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import Any

import torch
from brevitas import nn as qnn
from brevitas.quant import Int8WeightPerTensorFixedPoint
from torch import Tensor, nn
from torch.nn import functional

from irnet_hw.errors import UserError
from irnet_hw.models.rounded import RoundedNorm1d, RoundedNorm2d, exactly
from irnet_hw.quant import act_quant, stream_quant, weight_quant

#: The pixel value that the network sees as 0, so that zero padding equals a valid pixel.
PIXEL_OFFSET = 128
PIXEL_SCALE = 1 / 128

#: Anything larger is a typo that would fill the memory or take hours.
MOST_LAYERS, MOST_CHANNELS = 256, 65536


class Normalise(nn.Module):
    """Maps pixels from 0..255 to (x - 128) / 128, exactly in float32."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the normalised images.

        Args:
            pixels: float32 [N, channels, height, width], values 0 to 255.
        """
        return (pixels - PIXEL_OFFSET) * PIXEL_SCALE


class Pixels(nn.Module):
    """Maps normalised images back to pixels from 0 to 255, exactly in float32."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the pixels.

        Args:
            images: float32 [N, channels, height, width].
        """
        return images / PIXEL_SCALE + PIXEL_OFFSET


class Conv(qnn.QuantConv2d):  # type: ignore[misc]
    """Brevitas' convolution with quantized weights and a fast forward pass.

    Brevitas' own forward spends milliseconds on work that only quantized inputs or outputs need,
    and torch.compile can't trace it. This one gives the same values and gradients and uses
    Brevitas' forward only for export. Inputs, outputs and bias are not quantized.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, outputs, height, width]."""
        if self.weight_quant.export_mode:
            exported: Tensor = super().forward(x)
            return exported
        weight = self.weight_quant.tensor_quant(self.weight)[0]
        return functional.conv2d(
            x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class Dense(qnn.QuantLinear):  # type: ignore[misc]
    """Brevitas' dense layer with quantized weights and a fast forward pass, like :class:`Conv`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, outputs]."""
        if self.weight_quant.export_mode:
            exported: Tensor = super().forward(x)
            return exported
        return functional.linear(x, self.weight_quant.tensor_quant(self.weight)[0], self.bias)


class RoundedDense(Dense):
    """A dense layer whose bias is a multiple of its sums' step, to which export rounds it.

    Args:
        inputs: number of inputs.
        outputs: number of outputs.
        step: of the inputs, a power of two.
        arguments: of Brevitas' QuantLinear.
    """

    def __init__(self, inputs: int, outputs: int, step: float, **arguments: Any) -> None:
        super().__init__(inputs, outputs, bias=True, **arguments)
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, outputs]."""
        weight, scale, _, _ = self.weight_quant.tensor_quant(self.weight)
        step = scale.detach() * self.step
        bias = exactly(self.bias, torch.round(self.bias.detach() / step) * step)
        return functional.linear(x, weight, bias)


class Activations(qnn.QuantIdentity):  # type: ignore[misc]
    """Brevitas' activation quantizer with a fast forward pass, like :class:`Conv`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the quantized activations, any shape."""
        if self.act_quant.export_mode:
            exported: Tensor = super().forward(x)
            return exported
        quantized: Tensor = self.act_quant.fused_activation_quant_proxy.tensor_quant(x)[0]
        return quantized


class Stream(Activations):
    """A residual stream of 8-bit integers times a step, in place of a Hardtanh.

    Args:
        step: a power of two; values range from -128 to 127 steps.
    """

    def __init__(self, step: float) -> None:
        super().__init__(act_quant=stream_quant(step))
        self.step = step


#: "hardware": every layer has 1 or 8 bits and can be exported; "paper": layers that the paper
#: keeps in float stay in float.
PRECISIONS = ("hardware", "paper")


def check_precision(precision: str) -> None:
    """Check a configuration's precision.

    Raises:
        UserError: there is no such precision.
    """
    if precision not in PRECISIONS:
        raise UserError(f"model.precision: {precision!r}, must be one of {', '.join(PRECISIONS)}")


def check_rounded(rounded: bool, precision: str) -> None:
    """Check that a configuration that rounds constants is one that can be exported.

    Raises:
        UserError: it has layers in float.
    """
    if rounded and precision != "hardware":
        raise UserError(
            f"model.rounded: true, must be false with precision {precision!r}; only precision "
            "'hardware' has constants that export rounds"
        )


def check_ends(image: list[int], classes: int) -> None:
    """Check the image shape and the number of classes, which every configuration has.

    Raises:
        UserError: one of them is invalid.
    """
    if len(image) != 3 or min(image) < 1:
        raise UserError(
            f"model.image: {image}, must be height, width and channels, each at least 1"
        )
    if classes < 2:
        raise UserError(f"model.classes: {classes}, must be at least 2")


def check_lists(config: Any) -> None:
    """Check that a configuration's lists are short enough and their values small enough.

    Args:
        config: a dataclass.

    Raises:
        UserError: a list has too many values, or too large ones.
    """
    for field in fields(config):
        values = getattr(config, field.name)
        if isinstance(values, list) and len(values) > MOST_LAYERS:
            raise UserError(
                f"model.{field.name}: {len(values)} values, must be at most {MOST_LAYERS}"
            )
        if isinstance(values, list) and max(values, default=0) > MOST_CHANNELS:
            raise UserError(f"model.{field.name}: {max(values)}, must be at most {MOST_CHANNELS}")


@dataclass(frozen=True)
class Binary:
    """Creates the 1-bit layers of a network.

    Attributes:
        libra: binarise weights by Libra-PB instead of taking their plain signs.
        ede: use EDE's gradient instead of the clipped straight-through one.
    """

    libra: bool = True
    ede: bool = True

    def activations(self) -> nn.Module:
        """Return the ±1 activations that precede every 1-bit layer."""
        return Activations(act_quant=act_quant(self.ede))

    def conv(self, inputs: int, outputs: int, *, stride: int = 1, padding: int = 1) -> nn.Module:
        """Return a 3x3 convolution with zero padding and 1-bit weights."""
        return Conv(
            inputs,
            outputs,
            3,
            stride=stride,
            padding=padding,
            bias=False,
            weight_quant=weight_quant(self.libra, self.ede),
        )

    def dense(self, inputs: int, outputs: int) -> nn.Module:
        """Return a dense layer with 1-bit weights."""
        return Dense(inputs, outputs, bias=False, weight_quant=weight_quant(self.libra, self.ede))


def conv8(
    inputs: int, outputs: int, size: int = 3, *, stride: int = 1, padding: int = 1
) -> nn.Module:
    """Return a convolution with zero padding, 8-bit weights and one power-of-two scale."""
    return Conv(
        inputs,
        outputs,
        size,
        stride=stride,
        padding=padding,
        bias=False,
        weight_quant=Int8WeightPerTensorFixedPoint,
    )


def float_conv(
    inputs: int, outputs: int, size: int = 3, *, stride: int = 1, padding: int = 1
) -> nn.Module:
    """Return a convolution with zero padding and float weights."""
    return nn.Conv2d(inputs, outputs, size, stride=stride, padding=padding, bias=False)


def dense8(inputs: int, outputs: int, rounded: float = 0.0) -> nn.Module:
    """Return a dense layer with bias, 8-bit weights and one power-of-two scale.

    Args:
        inputs: number of inputs.
        outputs: number of outputs.
        rounded: the step of the inputs, to round the bias as export does; 0 to leave it.
    """
    quant = {"weight_quant": Int8WeightPerTensorFixedPoint}
    if rounded:
        return RoundedDense(inputs, outputs, rounded, **quant)
    return Dense(inputs, outputs, bias=True, **quant)


def block(
    conv: nn.Module,
    channels: int,
    *,
    activations: nn.Module | None = None,
    pool: bool = False,
    rounded: bool = False,
) -> nn.Module:
    """Return a convolution block, in the layer order of VGG-Small.

    [activations,] conv, [max-pool,] batch norm, Hardtanh.

    Args:
        conv: the convolution.
        channels: its number of output channels.
        activations: binarises the input of a 1-bit convolution to ±1.
        pool: whether a 2x2 max-pool halves the image.
        rounded: whether the batch norm computes as exported.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if activations is not None:
        layers["binarise"] = activations
    layers["conv"] = conv
    if pool:
        layers["pool"] = nn.MaxPool2d(2)
    layers["norm"] = RoundedNorm2d(channels) if rounded else nn.BatchNorm2d(channels)
    layers["clip"] = nn.Hardtanh()
    return nn.Sequential(layers)


def hidden(dense: nn.Module, outputs: int, rounded: bool = False) -> nn.Module:
    """Return a hidden dense block: dense layer, batch norm, Hardtanh.

    Args:
        dense: the dense layer.
        outputs: its number of outputs.
        rounded: whether the batch norm computes as exported.
    """
    norm = RoundedNorm1d(outputs) if rounded else nn.BatchNorm1d(outputs)
    return nn.Sequential(OrderedDict(dense=dense, norm=norm, clip=nn.Hardtanh()))


class Shortcut(nn.Module):
    """ResNet's parameter-free shortcut, option A: every other pixel, and channels of 0.

    He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 3.3. Half of the
    new channels go before the existing ones, half after.

    Args:
        inputs: number of input channels.
        outputs: number of output channels, at least ``inputs``.
        stride: keep one pixel in this many, in each direction.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        before = (outputs - inputs) // 2
        self.channels = (before, outputs - inputs - before)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, outputs, ceil(height / stride), ceil(width / stride)]."""
        sampled = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(sampled, (0, 0, 0, 0, *self.channels))


class Shift(nn.Module):
    """Adds a learnt constant to each channel.

    Args:
        channels: number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return the shifted ``x``, [N, channels, height, width]."""
        return x + self.shift.reshape(1, -1, 1, 1)


class Residual(nn.Module):
    """Layers with a shortcut around them, and an activation function on the sum.

    Args:
        body: the layers.
        shortcut: the other path; its output is added to that of the layers.
        clip: the activation function.
    """

    def __init__(self, body: nn.Module, shortcut: nn.Module, clip: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.clip = clip

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation function of the sum of both paths."""
        total: Tensor = self.clip(self.body(x) + self.shortcut(x))
        return total
