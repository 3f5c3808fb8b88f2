"""A tiny network as training might leave it, without the training."""

import dataclasses

import torch
from torch import nn

from irnet_hw import data
from irnet_hw.models import VGG, build
from irnet_hw.train import Checkpoint, load_recipe
from irnet_hw.train.checkpoint import save_checkpoint, versions

#: The modules whose output is binary.
BOUNDARIES = ["block1.binarise", "block2.binarise", "binarise"]


def tiny_recipe():
    model = VGG("vgg", [8, 8, 1], 10, widths=[8, 8, 16], pools=[False, True, True])
    return dataclasses.replace(load_recipe("digits-vgg"), name="tiny", model=model)


def tiny_network(seed=0):
    """Return a network with weights off balance and batch norms of either sign."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        network = build(tiny_recipe().model)
        for name, module in network.named_modules():
            if name.endswith("conv"):
                module.weight += module.weight.std() * torch.randn(len(module.weight), 1, 1, 1)
        images = torch.from_numpy(data.load("digits").train_images[:200])
        network.train()(images.permute(0, 3, 1, 2).float())
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight)
                nn.init.normal_(module.bias)
    return network.eval()


def tiny_checkpoint(path, network):
    recipe = tiny_recipe()
    checkpoint = Checkpoint(
        recipe=recipe,
        seed=recipe.seed,
        epoch=1,
        partial={},
        state_dict=network.state_dict(),
        optimizer={},
        metrics={},
        labels=[str(digit) for digit in range(10)],
        versions=versions(),
    )
    save_checkpoint(checkpoint, path)
    return path
