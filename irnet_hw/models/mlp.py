"""FINN's fully connected networks: a sequence of dense layers with 1-bit weights."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from irnet_hw.errors import UserError
from irnet_hw.models.blocks import Binary, Normalise, check_ends, check_lists, dense8, hidden


@dataclass(frozen=True)
class MLP:
    """A network of dense layers: 1-bit weights in hidden layers, 8-bit weights in the last.

    Umuroglu et al., "FINN", FPGA 2017, section 6.1. Every hidden layer has a batch norm and
    Hardtanh and passes signs to the next one. The first layer reads 8-bit pixels, or their signs as
    FINN's does.

    Attributes:
        name: "mlp".
        image: height, width and channels of the images.
        classes: number of logits.
        hidden: number of outputs of each 1-bit dense layer.
        libra: binarise weights by Libra-PB instead of taking their plain signs.
        ede: use EDE's gradient instead of the clipped straight-through one.
        sign_pixels: the first layer reads the signs of the pixels less 128, which the driver can
            compute: see ``irnet-hw build --packed-pixels``.
        rounded: train with the constants that export rounds to, so that PyTorch, QONNX and RTL give
            the same logits. Batch norms then use their running statistics in training and leave
            them as they are, so set start. Not with compile.

    Raises:
        UserError: the values don't fit together.

    Example:
        >>> tfc = MLP("mlp", [28, 28, 1], 10, hidden=[64, 64, 64])
        >>> sum(parameter.numel() for parameter in tfc.build().parameters())
        59402
    """

    name: str
    image: list[int]
    classes: int
    hidden: list[int]
    libra: bool = True
    ede: bool = True
    sign_pixels: bool = False
    rounded: bool = False

    def __post_init__(self) -> None:
        check_ends(self.image, self.classes)
        check_lists(self)
        if not self.hidden or min(self.hidden) < 1:
            raise UserError(f"model.hidden: {self.hidden}, must be output counts, each at least 1")

    def build(self) -> nn.Module:
        """Return the network with newly initialised weights.

        It takes pixels as float32 [N, channels, height, width] with values 0 to 255, and
        returns logits [N, classes].
        """
        binary = Binary(self.libra, self.ede)
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            normalise=Normalise(), flatten=nn.Flatten()
        )
        if self.sign_pixels:
            layers["binarise"] = binary.activations()
        for i, (inputs, outputs) in enumerate(pairwise([math.prod(self.image), *self.hidden])):
            layers[f"hidden{i}"] = hidden(binary.dense(inputs, outputs), outputs, self.rounded)
            layers[f"binarise{i}"] = binary.activations()
        layers["dense"] = dense8(self.hidden[-1], self.classes, float(self.rounded))
        return nn.Sequential(layers)
