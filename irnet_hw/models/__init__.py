"""Networks by name, built from a few shared blocks.

A recipe's ``[model]`` table configures the network; its ``name`` selects the class.
"""

from torch import nn

from irnet_hw.errors import UserError
from irnet_hw.models.mlp import MLP
from irnet_hw.models.resnet import ResNet
from irnet_hw.models.super_resolution import SuperResolution
from irnet_hw.models.vgg import VGG

__all__ = ["CONFIGS", "MLP", "VGG", "Config", "ResNet", "SuperResolution", "build"]

#: Configuration classes by name. Add new networks here and to the union.
Config = VGG | ResNet | MLP | SuperResolution
CONFIGS: dict[str, type[VGG] | type[ResNet] | type[MLP] | type[SuperResolution]] = {
    "mlp": MLP,
    "resnet": ResNet,
    "super-resolution": SuperResolution,
    "vgg": VGG,
}


def build(config: Config) -> nn.Module:
    """Return the network that a configuration describes, with fresh weights.

    It takes pixels as float32 [N, channels, height, width] with values 0 to 255, and returns
    logits [N, classes], or the pixels of an enlarged image.

    Raises:
        UserError: its weights don't fit in memory.

    Example:
        >>> digits = VGG("vgg", [8, 8, 1], 10, widths=[32, 64], pools=[True, True])
        >>> sum(parameter.numel() for parameter in build(digits).parameters())
        21482
    """
    try:
        return config.build()
    except RuntimeError as error:
        # This is how PyTorch reports that memory ran out.
        raise UserError(f"model: can't be built: {str(error).splitlines()[0]}") from error
