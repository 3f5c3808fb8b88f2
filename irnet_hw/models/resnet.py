"""The paper's ResNets: 3x3 convolutions in stages, with shortcuts around them."""

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import pairwise

from torch import nn

from irnet_hw.errors import UserError
from irnet_hw.models.blocks import (
    MOST_LAYERS,
    PIXEL_OFFSET,
    PIXEL_SCALE,
    Binary,
    Normalise,
    Residual,
    Shift,
    Shortcut,
    Stream,
    check_ends,
    check_lists,
    check_precision,
    check_rounded,
    conv8,
    dense8,
    float_conv,
)
from irnet_hw.models.rounded import RoundedNorm1d, RoundedNorm2d
from irnet_hw.quant.frozen import binary_weights
from irnet_hw.quant.grid import Grid
from irnet_hw.quant.stream import half, values

#: Number of convolutions that a shortcut spans, by structure.
STRUCTURES = {"bireal": 1, "normal": 2}

#: The first layers: "3x3" for small images, "7x7" to downsample large ones.
STEMS = ("3x3", "7x7")

#: How a shortcut adapts to the new shape where a stage begins.
SHORTCUTS = ("pad", "conv")

ACTIVATIONS: dict[str, type[nn.Module]] = {"hardtanh": nn.Hardtanh, "relu": nn.ReLU}

#: The steps of 8-bit streams: for Hardtanh's range, and for the output of a batch norm.
CLIPPED, NORMALISED = 2.0**-7, 2.0**-5


@dataclass(frozen=True)
class ResNet:
    """A ResNet with 1-bit convolutions.

    He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, with IR-Net's Hardtanh
    instead of ReLU, and a batch norm before the dense layer. "bireal" is the structure of Liu et
    al., "Bi-Real Net", ECCV 2018. Weights are initialised with He's normal distribution.

    In the paper's precision everything except the 1-bit convolutions is in float. In the
    hardware's, the first convolution, the shortcuts' convolutions and the dense layer have 8-bit
    weights, and a stream of 8-bit integers with Hardtanh's range replaces every Hardtanh whose
    output is not reduced to its sign. The batch norm's output to the dense layer and a shortcut's
    output to the sum go through a stream of four times that range. The parameters have the same
    names in both.

    Attributes:
        name: "resnet".
        image: height, width and channels of the images.
        classes: number of logits.
        structure: "bireal", a shortcut around every convolution; or "normal", around every two.
        activation_bits: 1, or 32 for activations in float.
        weight_bits: of the 3x3 convolutions in the stages: 1, or 32 for weights in float, in the
            paper's precision. Weights have the same names and shapes in both, so that one network
            can start from the other, or be its teacher.
        shifts: learn a constant for each channel that is added before the signs of a stream are
            taken: Liu et al., "ReActNet", ECCV 2020. The shift after a convolution is the batch
            norm's. It costs no hardware but a threshold per channel.
        gain: factor on the initial weights of the 1-bit convolutions. Libra-PB standardises them,
            so that a gain above 1 only makes each step of the training turn fewer of their signs.
        activation: the activation function, "hardtanh", or "relu" with activations in float.
        stem: the first convolution, "3x3", or "7x7" with stride 2 and a 3x3 max-pool with
            stride 2.
        shortcut: the shortcut where a stage begins: "pad" takes every other pixel and adds
            channels of 0; "conv" is a 1x1 convolution with a batch norm.
        widths: channels of each stage; every stage but the first halves the image.
        blocks: number of convolution pairs in each stage.
        precision: "paper" or "hardware".
        libra: binarise weights by Libra-PB instead of taking their plain signs.
        ede: use EDE's gradient instead of the clipped straight-through one.
        rounded: train with the constants that export rounds to, so that PyTorch, QONNX and RTL give
            the same logits. Batch norms then use their running statistics in training and leave
            them as they are, so set start. Not with compile.

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
    activation: str = "hardtanh"
    stem: str = "3x3"
    shortcut: str = "pad"
    widths: list[int] = field(default_factory=lambda: [16, 32, 64])
    blocks: list[int] = field(default_factory=lambda: [3, 3, 3])
    precision: str = "paper"
    libra: bool = True
    ede: bool = True
    rounded: bool = False
    weight_bits: int = 1
    shifts: bool = False
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_ends(self.image, self.classes)
        check_lists(self)
        check_precision(self.precision)
        check_rounded(self.rounded, self.precision)
        for key, known in (
            ("structure", STRUCTURES),
            ("activation", ACTIVATIONS),
            ("stem", STEMS),
            ("shortcut", SHORTCUTS),
        ):
            value = getattr(self, key)
            if value not in known:
                raise UserError(f"model.{key}: {value!r}, must be one of {', '.join(known)}")
        if self.activation_bits not in (1, 32):
            raise UserError(f"model.activation_bits: {self.activation_bits}, must be 1 or 32")
        if self.activation_bits == 1 and self.activation != "hardtanh":
            raise UserError(
                f"model.activation: {self.activation!r}, must be 'hardtanh' with 1-bit "
                "activations, which are its signs"
            )
        if self.activation_bits != 1 and self.precision == "hardware":
            raise UserError(
                f"model.activation_bits: {self.activation_bits}, must be 1 with precision "
                "'hardware'"
            )
        if self.weight_bits not in (1, 32):
            raise UserError(f"model.weight_bits: {self.weight_bits}, must be 1 or 32")
        if self.weight_bits != 1 and self.precision == "hardware":
            raise UserError(
                f"model.weight_bits: {self.weight_bits}, must be 1 with precision 'hardware'"
            )
        if self.shifts and self.activation_bits != 1:
            raise UserError("model.shifts: true, must be false with activations in float")
        if not self.gain > 0:
            raise UserError(f"model.gain: {self.gain}, must be above 0")
        if (
            not self.widths
            or self.widths[0] < 1
            or any(before > after for before, after in pairwise(self.widths))
        ):
            raise UserError(
                f"model.widths: {self.widths}, must be channel counts, each at least 1 and at "
                "least that of the stage before, whose channels the shortcut keeps"
            )
        if len(self.blocks) != len(self.widths) or min(self.blocks) < 1:
            raise UserError(
                f"model.blocks: {self.blocks}, must be {len(self.widths)} values, one per "
                "width, each at least 1"
            )
        if sum(self.blocks) > MOST_LAYERS:
            raise UserError(f"model.blocks: {self.blocks}, must be at most {MOST_LAYERS} in total")

    def build(self) -> nn.Module:
        """Return the network with newly initialised weights.

        It takes pixels as float32 [N, channels, height, width] with values 0 to 255, and
        returns logits [N, classes].
        """
        layers: OrderedDict[str, nn.Module] = OrderedDict(normalise=Normalise())
        layers["stem"] = self._stem()
        for i, (inputs, outputs) in enumerate(pairwise([self.widths[0], *self.widths])):
            layers[f"stage{i}"] = self._stage(inputs, outputs, self.blocks[i], 2 if i else 1)
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        layers["norm"] = self._last_norm()
        if self._hardware:
            layers["stream"] = Stream(NORMALISED)
            step = NORMALISED if self.rounded else 0.0
            layers["dense"] = dense8(self.widths[-1], self.classes, step)
        else:
            layers["dense"] = nn.Linear(self.widths[-1], self.classes)
        network = nn.Sequential(layers)
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
        if self.gain != 1:
            for name in binary_weights(network):
                network.get_submodule(name).get_parameter("weight").data *= self.gain
        return network

    @property
    def _hardware(self) -> bool:
        return self.precision == "hardware"

    def _clip(self) -> nn.Module:
        """Return an activation function whose output is not reduced to its sign."""
        return Stream(CLIPPED) if self._hardware else ACTIVATIONS[self.activation]()

    def _conv(self, inputs: int, outputs: int, size: int, stride: int) -> nn.Module:
        """Return a convolution that is not binary."""
        conv = conv8 if self._hardware else float_conv
        return conv(inputs, outputs, size, stride=stride, padding=size // 2)

    def _body_conv(self, inputs: int, outputs: int, stride: int) -> nn.Module:
        """Return a 3x3 convolution of a stage."""
        if self.weight_bits == 1:
            return Binary(self.libra, self.ede).conv(inputs, outputs, stride=stride)
        return float_conv(inputs, outputs, stride=stride)

    def _norm(
        self, conv: nn.Module, channels: int, inputs: Grid, room: Grid | None
    ) -> nn.BatchNorm2d:
        """Return the batch norm of a convolution.

        Args:
            conv: the convolution.
            channels: its number of output channels.
            inputs: its possible inputs, if the batch norm feeds a stream.
            room: what is added before that stream rounds; None if only signs are taken.
        """
        return (
            RoundedNorm2d(channels, room, inputs, conv)
            if self.rounded
            else nn.BatchNorm2d(channels)
        )

    def _last_norm(self) -> nn.BatchNorm1d:
        """Return the batch norm of the mean of all pixels."""
        channels = self.widths[-1]
        if not self.rounded:
            return nn.BatchNorm1d(channels)
        halved = len(self.widths) - 1 + (2 if self.stem == "7x7" else 0)
        pixels = math.prod(-(-side // 2**halved) for side in self.image[:2])
        pixel = values(CLIPPED)
        total = Grid(pixel.step, pixel.peak * pixels, pixels)
        return RoundedNorm1d(channels, half(NORMALISED), total)

    def _stem(self) -> nn.Module:
        large = self.stem == "7x7"
        conv = self._conv(self.image[2], self.widths[0], 7 if large else 3, 2 if large else 1)
        pixels = Grid.of(PIXEL_SCALE, PIXEL_OFFSET)
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv=conv,
            norm=self._norm(conv, self.widths[0], pixels, half(CLIPPED)),
            clip=self._clip(),
        )
        if large:
            layers["pool"] = nn.MaxPool2d(3, 2, 1)
        return nn.Sequential(layers)

    def _stage(self, inputs: int, outputs: int, blocks: int, stride: int) -> nn.Module:
        """Return the residual units of a stage; only the first one has the stride."""
        convs = STRUCTURES[self.structure]
        units = [self._unit(inputs, outputs, convs, stride)]
        units += [self._unit(outputs, outputs, convs, 1) for _ in range(1, 2 * blocks // convs)]
        return nn.Sequential(*units)

    def _unit(self, inputs: int, outputs: int, convs: int, stride: int) -> Residual:
        """Return ``convs`` convolutions with a shortcut around them."""
        binary = Binary(self.libra, self.ede)
        shortcut = self._shortcut(inputs, outputs, stride)
        added = values(NORMALISED if isinstance(shortcut, nn.Sequential) else CLIPPED)
        body: OrderedDict[str, nn.Module] = OrderedDict()
        for i in range(convs):
            if i:
                body[f"clip{i - 1}"] = ACTIVATIONS[self.activation]()
            channels, step = (outputs, 1) if i else (inputs, stride)
            if self.shifts and not i:
                body["shift"] = Shift(channels)
            if self.activation_bits == 1:
                body[f"binarise{i}"] = binary.activations()
            conv = self._body_conv(channels, outputs, step)
            # Only the last one's output is added; the others' is reduced to its sign.
            room = half(CLIPPED).plus(added) if i + 1 == convs else None
            body[f"conv{i}"] = conv
            body[f"norm{i}"] = self._norm(conv, outputs, Grid.of(1, 1), room)
        return Residual(nn.Sequential(body), shortcut, self._clip())

    def _shortcut(self, inputs: int, outputs: int, stride: int) -> nn.Module:
        if stride == 1 and inputs == outputs:
            return nn.Identity()
        if self.shortcut == "pad":
            return Shortcut(inputs, outputs, stride)
        conv = self._conv(inputs, outputs, 1, stride)
        norm = self._norm(conv, outputs, values(CLIPPED), half(NORMALISED))
        layers: OrderedDict[str, nn.Module] = OrderedDict(conv=conv, norm=norm)
        if self._hardware:
            layers["stream"] = Stream(NORMALISED)
        return nn.Sequential(layers)
