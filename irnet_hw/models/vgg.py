"""The paper's VGG style: 3x3 convolutions in a row, some with a max-pool."""

from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from irnet_hw.errors import UserError
from irnet_hw.models.blocks import (
    Normalise,
    binarise,
    binary_conv,
    block,
    first_conv,
    last_dense,
)


@dataclass(frozen=True)
class VGG:
    """A VGG-style network: 8-bit first convolution, 1-bit convolutions, 8-bit dense layer.

    Attributes:
        name: "vgg".
        image: height, width and channels of the images.
        classes: how many logits.
        widths: output channels of each convolution.
        pools: for each convolution, whether a 2x2 max-pool follows it.

    Raises:
        UserError: the values don't fit together.
    """

    name: str
    image: list[int]
    classes: int
    widths: list[int]
    pools: list[bool]

    def __post_init__(self) -> None:
        if len(self.image) != 3 or min(self.image) < 1:
            raise UserError(
                f"model.image: {self.image}, must be height, width and channels, each at least 1"
            )
        if self.classes < 2:
            raise UserError(f"model.classes: {self.classes}, must be at least 2")
        if not self.widths or min(self.widths) < 1:
            raise UserError(f"model.widths: {self.widths}, must be channels, each at least 1")
        if len(self.pools) != len(self.widths):
            raise UserError(
                f"model.pools: {self.pools}, must have {len(self.widths)} values, as model.widths"
            )
        if min(self.features_shape()[:2]) < 1:
            raise UserError(
                f"model.pools: {sum(self.pools)} pools leave nothing of an image of "
                f"{self.image[0]}x{self.image[1]}"
            )

    def features_shape(self) -> tuple[int, int, int]:
        """Return height, width and channels of what enters the dense layer."""
        height, width, _ = self.image
        times = sum(self.pools)
        return height >> times, width >> times, self.widths[-1]

    def build(self) -> nn.Module:
        """Return the network, with fresh weights.

        It takes pixels as float32 [N, channels, height, width] with values 0 to 255, and
        returns logits [N, classes].
        """
        convs = [first_conv(self.image[2], self.widths[0])]
        convs += [binary_conv(inputs, outputs) for inputs, outputs in pairwise(self.widths)]
        layers: OrderedDict[str, nn.Module] = OrderedDict(normalise=Normalise())
        for i, (conv, width, pool) in enumerate(zip(convs, self.widths, self.pools, strict=True)):
            layers[f"block{i}"] = block(conv, width, binary=i > 0, pool=pool)
        height, width, channels = self.features_shape()
        layers["binarise"] = binarise()
        layers["flatten"] = nn.Flatten()
        layers["dense"] = last_dense(height * width * channels, self.classes)
        return nn.Sequential(layers)
