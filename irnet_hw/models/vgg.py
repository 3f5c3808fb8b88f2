"""The paper's VGG style: a chain of 3x3 convolutions, some max-pooled, then dense layers."""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import pairwise

from torch import nn

from irnet_hw.errors import UserError
from irnet_hw.models.blocks import (
    Binary,
    Normalise,
    block,
    check_ends,
    check_lists,
    check_precision,
    check_rounded,
    conv8,
    dense8,
    float_conv,
    hidden,
)


@dataclass(frozen=True)
class VGG:
    """A VGG-style network: first convolution, 1-bit convolutions, dense layer.

    Attributes:
        name: "vgg".
        image: height, width and channels of the images.
        classes: number of logits.
        widths: output channels of each convolution.
        pools: for each convolution, whether a 2x2 max-pool follows it.
        padding: zero padding of every convolution, in pixels per side, 0 or 1.
        hidden: number of outputs of each 1-bit dense layer before the last.
        precision: "hardware", first and last layer with 8-bit weights, the last one's inputs ±1;
            or "paper", both layers in float.
        he: initialise the weights with He's normal distribution, like the paper's VGG-Small,
            instead of PyTorch's default.
        libra: binarise weights by Libra-PB instead of taking their plain signs.
        ede: use EDE's gradient instead of the clipped straight-through one.
        rounded: train with the constants that export rounds to, so that PyTorch, QONNX and RTL give
            the same logits. Batch norms then use their running statistics in training and leave
            them as they are, so set start. Not with compile.

    Raises:
        UserError: the values don't fit together.
    """

    name: str
    image: list[int]
    classes: int
    widths: list[int]
    pools: list[bool]
    padding: int = 1
    hidden: list[int] = field(default_factory=list)
    precision: str = "hardware"
    he: bool = False
    libra: bool = True
    ede: bool = True
    rounded: bool = False

    def __post_init__(self) -> None:
        check_ends(self.image, self.classes)
        check_lists(self)
        if not self.widths or min(self.widths) < 1:
            raise UserError(f"model.widths: {self.widths}, must be channel counts, each at least 1")
        if len(self.pools) != len(self.widths):
            raise UserError(
                f"model.pools: {self.pools}, must be {len(self.widths)} values, one per width"
            )
        if self.padding not in (0, 1):
            raise UserError(f"model.padding: {self.padding}, must be 0 or 1")
        if min(self.hidden, default=1) < 1:
            raise UserError(f"model.hidden: {self.hidden}, must be output counts, each at least 1")
        check_precision(self.precision)
        check_rounded(self.rounded, self.precision)
        if min(self.features_shape()[:2]) < 1:
            convolutions = "" if self.padding else "convolutions without padding and "
            raise UserError(
                f"model.pools: {convolutions}{sum(self.pools)} pools leave nothing of an image of "
                f"{self.image[0]}x{self.image[1]}"
            )

    def features_shape(self) -> tuple[int, int, int]:
        """Return height, width and channels of the dense layers' input."""
        height, width, _ = self.image
        for pool in self.pools:
            height, width = (
                max(side - 2 + 2 * self.padding, 0) >> pool for side in (height, width)
            )
        return height, width, self.widths[-1]

    def build(self) -> nn.Module:
        """Return the network with newly initialised weights.

        It takes pixels as float32 [N, channels, height, width] with values 0 to 255, and
        returns logits [N, classes].
        """
        binary, hardware = Binary(self.libra, self.ede), self.precision == "hardware"
        first = conv8 if hardware else float_conv
        convs = [first(self.image[2], self.widths[0], padding=self.padding)]
        convs += [
            binary.conv(inputs, outputs, padding=self.padding)
            for inputs, outputs in pairwise(self.widths)
        ]
        layers: OrderedDict[str, nn.Module] = OrderedDict(normalise=Normalise())
        for i, (conv, width, pool) in enumerate(zip(convs, self.widths, self.pools, strict=True)):
            activations = binary.activations() if i else None
            layers[f"block{i}"] = block(
                conv, width, activations=activations, pool=pool, rounded=self.rounded
            )
        height, width, channels = self.features_shape()
        sizes = [height * width * channels, *self.hidden]
        if hardware or self.hidden:
            layers["binarise"] = binary.activations()
        layers["flatten"] = nn.Flatten()
        for i, (inputs, outputs) in enumerate(pairwise(sizes)):
            layers[f"hidden{i}"] = hidden(binary.dense(inputs, outputs), outputs, self.rounded)
            if hardware or i + 1 < len(self.hidden):
                layers[f"binarise{i}"] = binary.activations()
        if hardware:
            layers["dense"] = dense8(sizes[-1], self.classes, float(self.rounded))
        else:
            layers["dense"] = nn.Linear(sizes[-1], self.classes)
        network = nn.Sequential(layers)
        if self.he:
            _initialise(network)
        return network


def _initialise(network: nn.Module) -> None:
    """Initialise the weights as the paper's VGG-Small does.

    Convolutions and 1-bit dense layers: He et al., "Delving Deep into Rectifiers", ICCV 2015,
    by the number of outputs. The last layer: a standard deviation of 0.01 and a bias of 0.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
