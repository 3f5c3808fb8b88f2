"""A network that enlarges images: a body of 1-bit convolutions on small images, and a skip."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from irnet_hw.errors import UserError
from irnet_hw.models.blocks import (
    MOST_CHANNELS,
    MOST_LAYERS,
    PIXEL_OFFSET,
    PIXEL_SCALE,
    Binary,
    Normalise,
    Pixels,
    Residual,
    Shift,
    Stream,
    conv8,
)
from irnet_hw.models.rounded import RoundedNorm2d
from irnet_hw.quant.grid import Grid
from irnet_hw.quant.stream import half, values

SCALES = (2, 3, 4)
#: The step of the streams: for values from -1 to 1, like the normalised pixels.
STEP = 2.0**-7

#: The initial factors of the body's batch norms, and of the weights that make the details.
_BODY_GAIN, _TAIL_GAIN = 0.2, 0.1


@dataclass(frozen=True)
class SuperResolution:
    """A network that enlarges grey images of any size.

    Everything but the last step works on the small image. A convolution with 8-bit weights makes
    ``width`` channels of it. A residual stream of 8-bit integers goes through ``blocks`` 1-bit 3x3
    convolutions, with a shortcut around each. A last convolution with 8-bit weights makes the
    details of the enlarged image, scale x scale channels. The small image is added to each of them,
    so that every pixel is repeated; the sum is rounded to 8 bits; and the channels become the
    pixels of the enlarged image (Shi et al., "Real-Time Single Image and Video Super-Resolution
    Using an Efficient Sub-Pixel Convolutional Neural Network", CVPR 2016).

    Convolutions are followed by a learnt factor and constant for each channel, batch norms whose
    statistics are fixed: those of a batch of crops would not be an image's. Their constants are
    rounded in training as in export, so that PyTorch and QONNX give the same pixels.

    Attributes:
        name: "super-resolution".
        image: height, width and channels of the small images' crops that the network is trained
            on: a square of 1 channel.
        scale: how many times as high and wide the enlarged image is: 2, 3 or 4.
        width: number of channels of the residual stream.
        blocks: number of 1-bit convolutions.
        tail: height and width of the last convolution's kernel, 1 or 3.
        libra: binarise weights by Libra-PB instead of taking their plain signs.
        ede: use EDE's gradient instead of the clipped straight-through one.

    Raises:
        UserError: the values don't fit together.

    Example:
        >>> small = SuperResolution("super-resolution", [48, 48, 1], scale=2, width=32, blocks=8)
        >>> sum(parameter.numel() for parameter in small.build().parameters())
        76000
    """

    #: It doesn't classify.
    classes: ClassVar[int] = 0
    rounded: ClassVar[bool] = True

    name: str
    image: list[int]
    scale: int
    width: int = 32
    blocks: int = 8
    tail: int = 3
    libra: bool = True
    ede: bool = True

    def __post_init__(self) -> None:
        if len(self.image) != 3 or min(self.image) < 1 or self.image != [*self.image[:1] * 2, 1]:
            raise UserError(
                f"model.image: {self.image}, must be height, the same width, and 1 channel, luma"
            )
        if self.scale not in SCALES:
            raise UserError(f"model.scale: {self.scale}, must be 2, 3 or 4")
        if not 1 <= self.width <= MOST_CHANNELS:
            raise UserError(f"model.width: {self.width}, must be from 1 to {MOST_CHANNELS}")
        if not 1 <= self.blocks <= MOST_LAYERS:
            raise UserError(f"model.blocks: {self.blocks}, must be from 1 to {MOST_LAYERS}")
        if self.tail not in (1, 3):
            raise UserError(f"model.tail: {self.tail}, must be 1 or 3")

    def build(self) -> nn.Module:
        """Return the network with newly initialised weights.

        It takes pixels as float32 [N, 1, height, width] with values 0 to 255, and returns pixels
        [N, 1, scale height, scale width], integers from 0 to 255.
        """
        body: OrderedDict[str, nn.Module] = OrderedDict(stem=self._stem())
        for i in range(self.blocks):
            body[f"block{i}"] = self._block()
        body["tail"] = self._tail()
        layers: OrderedDict[str, nn.Module] = OrderedDict(normalise=Normalise())
        # The sum repeats the image's one channel.
        layers["enlarge"] = Residual(nn.Sequential(body), nn.Identity(), Stream(STEP))
        layers["shuffle"] = nn.PixelShuffle(self.scale)
        layers["pixels"] = Pixels()
        return nn.Sequential(layers)

    def _stem(self) -> nn.Module:
        conv = conv8(1, self.width)
        nn.init.kaiming_normal_(conv.get_parameter("weight"))
        pixels = Grid.of(PIXEL_SCALE, PIXEL_OFFSET)
        norm = RoundedNorm2d(self.width, half(STEP), pixels, conv)
        return nn.Sequential(OrderedDict(conv=conv, norm=norm, clip=Stream(STEP)))

    def _block(self) -> nn.Module:
        """Return a 1-bit convolution with a shortcut around it."""
        binary = Binary(self.libra, self.ede)
        conv = binary.conv(self.width, self.width)
        nn.init.kaiming_normal_(conv.get_parameter("weight"))
        norm = RoundedNorm2d(self.width, half(STEP).plus(values(STEP)), Grid.of(1, 1), conv)
        # The variance of a sum of independent signs.
        assert norm.running_var is not None
        norm.running_var.fill_(9 * self.width)
        nn.init.constant_(norm.weight, _BODY_GAIN)
        layers: OrderedDict[str, nn.Module] = OrderedDict(shift=Shift(self.width))
        layers["binarise"] = binary.activations()
        layers["conv"] = conv
        layers["norm"] = norm
        return Residual(nn.Sequential(layers), nn.Identity(), Stream(STEP))

    def _tail(self) -> nn.Module:
        conv = conv8(self.width, self.scale**2, self.tail, padding=self.tail // 2)
        weight = conv.get_parameter("weight")
        nn.init.kaiming_normal_(weight)
        weight.data *= _TAIL_GAIN
        return conv
