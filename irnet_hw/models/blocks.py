"""The parts that networks share. Modules only: the exporter replaces them one by one."""

from collections import OrderedDict

from brevitas import nn as qnn
from brevitas.quant import Int8WeightPerTensorFixedPoint
from torch import Tensor, nn

from irnet_hw.quant import EDEActQuant, LibraWeightQuant

#: A pixel of this value is the network's 0, so that zero padding is a pixel too.
PIXEL_OFFSET = 128
PIXEL_SCALE = 1 / 128


class Normalise(nn.Module):
    """Takes pixels from 0..255 to (x - 128) / 128, exactly in float32."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the normalised images.

        Args:
            pixels: float32 [N, channels, height, width], values 0 to 255.
        """
        return (pixels - PIXEL_OFFSET) * PIXEL_SCALE


def binarise() -> nn.Module:
    """Return the ±1 activations that stand before every 1-bit layer."""
    layer: nn.Module = qnn.QuantIdentity(act_quant=EDEActQuant)
    return layer


def first_conv(inputs: int, outputs: int) -> nn.Module:
    """Return a 3x3 convolution with zero padding, 8-bit weights and one power-of-two scale."""
    return _conv(inputs, outputs, Int8WeightPerTensorFixedPoint)


def binary_conv(inputs: int, outputs: int) -> nn.Module:
    """Return a 3x3 convolution with zero padding and 1-bit weights."""
    return _conv(inputs, outputs, LibraWeightQuant)


def last_dense(inputs: int, outputs: int) -> nn.Module:
    """Return a dense layer with bias, 8-bit weights and one power-of-two scale."""
    layer: nn.Module = qnn.QuantLinear(
        inputs, outputs, bias=True, weight_quant=Int8WeightPerTensorFixedPoint
    )
    return layer


def block(conv: nn.Module, channels: int, *, binary: bool, pool: bool) -> nn.Module:
    """Return a convolution with what belongs to it, in the order of VGG-Small.

    [binarise,] conv, [max-pool,] batch norm, Hardtanh.

    Args:
        conv: the convolution.
        channels: its output channels.
        binary: whether its input is made ±1.
        pool: whether a 2x2 max-pool halves the image.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if binary:
        layers["binarise"] = binarise()
    layers["conv"] = conv
    if pool:
        layers["pool"] = nn.MaxPool2d(2)
    layers["norm"] = nn.BatchNorm2d(channels)
    layers["clip"] = nn.Hardtanh()
    return nn.Sequential(layers)


def _conv(inputs: int, outputs: int, weight_quant: type) -> nn.Module:
    layer: nn.Module = qnn.QuantConv2d(
        inputs, outputs, 3, padding=1, bias=False, weight_quant=weight_quant
    )
    return layer
