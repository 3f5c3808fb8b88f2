"""The parts that networks share. Modules only: the exporter replaces them one by one."""

from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import Any

from brevitas import nn as qnn
from brevitas.quant import Int8WeightPerTensorFixedPoint
from torch import Tensor, nn
from torch.nn import functional

from irnet_hw.errors import UserError
from irnet_hw.quant import act_quant, stream_quant, weight_quant

#: A pixel of this value is the network's 0, so that zero padding is a pixel too.
PIXEL_OFFSET = 128
PIXEL_SCALE = 1 / 128

#: What is larger is a slip of the pen, and would take the whole memory, or hours.
MOST_LAYERS, MOST_CHANNELS = 256, 65536


class Normalise(nn.Module):
    """Takes pixels from 0..255 to (x - 128) / 128, exactly in float32."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the normalised images.

        Args:
            pixels: float32 [N, channels, height, width], values 0 to 255.
        """
        return (pixels - PIXEL_OFFSET) * PIXEL_SCALE


class Conv(qnn.QuantConv2d):  # type: ignore[misc]
    """Brevitas' convolution with quantized weights, in few steps.

    Brevitas' own forward spends milliseconds on what only quantized inputs or outputs need, and
    torch.compile can't trace it. This one gives the same values and gradients, and leaves only
    the export to Brevitas. Inputs, outputs and bias are not quantized.
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
    """Brevitas' dense layer with quantized weights, in few steps, as :class:`Conv`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, outputs]."""
        if self.weight_quant.export_mode:
            exported: Tensor = super().forward(x)
            return exported
        return functional.linear(x, self.weight_quant.tensor_quant(self.weight)[0], self.bias)


class Activations(qnn.QuantIdentity):  # type: ignore[misc]
    """Brevitas' quantizer of activations, in few steps, as :class:`Conv`."""

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
        step: a power of two; values reach from -128 to 127 steps.
    """

    def __init__(self, step: float) -> None:
        super().__init__(act_quant=stream_quant(step))
        self.step = step


#: "hardware": everything is of 1 or 8 bits and can be exported; "paper": what the paper leaves
#: in float is in float.
PRECISIONS = ("hardware", "paper")


def check_precision(precision: str) -> None:
    """Check a configuration's precision.

    Raises:
        UserError: there is no such precision.
    """
    if precision not in PRECISIONS:
        raise UserError(f"model.precision: {precision!r}, must be one of {', '.join(PRECISIONS)}")


def check_ends(image: list[int], classes: int) -> None:
    """Check what every network's configuration has: the images' shape and the classes.

    Raises:
        UserError: one of them makes no network.
    """
    if len(image) != 3 or min(image) < 1:
        raise UserError(
            f"model.image: {image}, must be height, width and channels, each at least 1"
        )
    if classes < 2:
        raise UserError(f"model.classes: {classes}, must be at least 2")


def check_lists(config: Any) -> None:
    """Check that a configuration's lists are such as a network can be built from.

    Args:
        config: a dataclass.

    Raises:
        UserError: one has too many values, or too large ones.
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
    """Makes the 1-bit layers of a network.

    Attributes:
        libra: weights are binarised by Libra-PB, not by their own signs.
        ede: the sign's gradient is EDE's, not the clipped straight-through one.
    """

    libra: bool = True
    ede: bool = True

    def activations(self) -> nn.Module:
        """Return the ±1 activations that stand before every 1-bit layer."""
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


def dense8(inputs: int, outputs: int) -> nn.Module:
    """Return a dense layer with bias, 8-bit weights and one power-of-two scale."""
    return Dense(inputs, outputs, bias=True, weight_quant=Int8WeightPerTensorFixedPoint)


def block(
    conv: nn.Module, channels: int, *, activations: nn.Module | None = None, pool: bool = False
) -> nn.Module:
    """Return a convolution with what belongs to it, in the order of VGG-Small.

    [activations,] conv, [max-pool,] batch norm, Hardtanh.

    Args:
        conv: the convolution.
        channels: its output channels.
        activations: what makes its input ±1, before a 1-bit convolution.
        pool: whether a 2x2 max-pool halves the image.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if activations is not None:
        layers["binarise"] = activations
    layers["conv"] = conv
    if pool:
        layers["pool"] = nn.MaxPool2d(2)
    layers["norm"] = nn.BatchNorm2d(channels)
    layers["clip"] = nn.Hardtanh()
    return nn.Sequential(layers)


def hidden(dense: nn.Module, outputs: int) -> nn.Module:
    """Return a hidden dense layer with what belongs to it: dense, batch norm, Hardtanh.

    Args:
        dense: the layer.
        outputs: how many it has.
    """
    return nn.Sequential(OrderedDict(dense=dense, norm=nn.BatchNorm1d(outputs), clip=nn.Hardtanh()))


class Shortcut(nn.Module):
    """ResNet's parameter-free shortcut, option A: every other pixel, and channels of 0.

    He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 3.3. The new
    channels stand half before and half after those that there are.

    Args:
        inputs: channels.
        outputs: channels, at least as many.
        stride: takes every so many pixels.
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


class Residual(nn.Module):
    """Layers with a shortcut around them, and an activation function on the sum.

    Args:
        body: the layers.
        shortcut: gives what the layers' output is added to.
        clip: the activation function.
    """

    def __init__(self, body: nn.Module, shortcut: nn.Module, clip: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.clip = clip

    def forward(self, x: Tensor) -> Tensor:
        """Return the activations of the sum of both paths."""
        total: Tensor = self.clip(self.body(x) + self.shortcut(x))
        return total
