"""The paper's ResNets for small images: 3x3 convolutions in three stages, with shortcuts."""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import pairwise

from torch import nn

from irnet_hw.errors import UserError
from irnet_hw.models.blocks import (
    Binary,
    Normalise,
    Residual,
    Shortcut,
    block,
    check_ends,
    first_float_conv,
)

#: By structure, how many convolutions a shortcut goes around.
STRUCTURES = {"bireal": 1, "normal": 2}


@dataclass(frozen=True)
class ResNet:
    """A ResNet in the paper's precision: 1-bit convolutions, everything else in float.

    He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2, with
    IR-Net's Hardtanh for the ReLU, and a batch norm before the dense layer. "bireal" is the
    structure of Liu et al., "Bi-Real Net", ECCV 2018.

    Attributes:
        name: "resnet".
        image: height, width and channels of the images.
        classes: how many logits.
        structure: "bireal", a shortcut around every convolution; or "normal", around every two.
        activation_bits: 1, or 32 for activations in float.
        widths: channels of each stage; every stage but the first halves the image.
        blocks: pairs of convolutions in each stage.
        libra: weights are binarised by Libra-PB, not by their own signs.
        ede: the sign's gradient is EDE's, not the clipped straight-through one.

    Raises:
        UserError: the values don't fit together.

    Example:
        >>> resnet20 = ResNet("resnet", [32, 32, 3], 10, "bireal", activation_bits=1)
        >>> sum(parameter.numel() for parameter in resnet20.build().parameters())
        269850
    """

    name: str
    image: list[int]
    classes: int
    structure: str
    activation_bits: int
    widths: list[int] = field(default_factory=lambda: [16, 32, 64])
    blocks: list[int] = field(default_factory=lambda: [3, 3, 3])
    libra: bool = True
    ede: bool = True

    def __post_init__(self) -> None:
        check_ends(self.image, self.classes)
        if self.structure not in STRUCTURES:
            raise UserError(
                f"model.structure: {self.structure!r}, must be one of {', '.join(STRUCTURES)}"
            )
        if self.activation_bits not in (1, 32):
            raise UserError(f"model.activation_bits: {self.activation_bits}, must be 1 or 32")
        if (
            not self.widths
            or self.widths[0] < 1
            or any(before > after for before, after in pairwise(self.widths))
        ):
            raise UserError(
                f"model.widths: {self.widths}, must be channels, each at least 1 and at least "
                "those of the stage before, which the shortcut keeps"
            )
        if len(self.blocks) != len(self.widths) or min(self.blocks) < 1:
            raise UserError(
                f"model.blocks: {self.blocks}, must be {len(self.widths)} values, as "
                "model.widths, each at least 1"
            )

    def build(self) -> nn.Module:
        """Return the network, with fresh weights.

        It takes pixels as float32 [N, channels, height, width] with values 0 to 255, and
        returns logits [N, classes].
        """
        layers: OrderedDict[str, nn.Module] = OrderedDict(normalise=Normalise())
        layers["stem"] = block(first_float_conv(self.image[2], self.widths[0]), self.widths[0])
        for i, (inputs, outputs) in enumerate(pairwise([self.widths[0], *self.widths])):
            layers[f"stage{i}"] = self._stage(inputs, outputs, self.blocks[i], 2 if i else 1)
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        layers["norm"] = nn.BatchNorm1d(self.widths[-1])
        layers["dense"] = nn.Linear(self.widths[-1], self.classes)
        network = nn.Sequential(layers)
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
        return network

    def _stage(self, inputs: int, outputs: int, blocks: int, stride: int) -> nn.Module:
        """Return the residual units of a stage, the first one with the stride."""
        convs = STRUCTURES[self.structure]
        units = [self._unit(inputs, outputs, convs, stride)]
        units += [self._unit(outputs, outputs, convs, 1) for _ in range(1, 2 * blocks // convs)]
        return nn.Sequential(*units)

    def _unit(self, inputs: int, outputs: int, convs: int, stride: int) -> Residual:
        """Return some convolutions with a shortcut around them."""
        binary = Binary(self.libra, self.ede)
        body: OrderedDict[str, nn.Module] = OrderedDict()
        for i in range(convs):
            if i:
                body[f"clip{i - 1}"] = nn.Hardtanh()
            if self.activation_bits == 1:
                body[f"binarise{i}"] = binary.activations()
            body[f"conv{i}"] = binary.conv(
                outputs if i else inputs, outputs, stride=1 if i else stride
            )
            body[f"norm{i}"] = nn.BatchNorm2d(outputs)
        changes = stride > 1 or inputs != outputs
        shortcut = Shortcut(inputs, outputs, stride) if changes else nn.Identity()
        return Residual(nn.Sequential(body), shortcut)
