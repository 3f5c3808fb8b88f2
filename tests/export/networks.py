"""Tiny networks in a state that training might produce, without the training."""

import dataclasses

import torch
from torch import nn

from irnet_hw import data
from irnet_hw.models import VGG, ResNet, build
from irnet_hw.train.checkpoint import Checkpoint, save_checkpoint, versions
from irnet_hw.train.recipe import load_recipe

#: Shape of the images.
SHAPE = (8, 8, 1)

#: The modules whose output is binary.
BOUNDARIES = ["block1.binarise", "block2.binarise", "binarise"]


def tiny_recipe():
    model = VGG("vgg", [8, 8, 1], 10, widths=[8, 8, 16], pools=[False, True, True])
    return dataclasses.replace(load_recipe("digits-vgg"), name="tiny", model=model)


def tiny_network(seed=0):
    """Return a network with unbalanced weights and batch norms of both signs."""
    images = torch.from_numpy(data.load("digits").train_images[:200]).permute(0, 3, 1, 2)
    return randomised(tiny_recipe().model, images.float(), seed)


def tiny_resnet(structure="bireal", **keys):
    """Return the configuration of a residual network in hardware precision."""
    keys = {"widths": [8, 16], "blocks": [1, 1], "precision": "hardware", **keys}
    return ResNet("resnet", [8, 8, 1], 10, structure, 1, **keys)


def tiny_residual(structure="bireal", seed=0, **keys):
    """Return a residual network like :func:`tiny_network`, with a few batch norms close to 0."""
    images = torch.from_numpy(data.load("digits").train_images[:200]).permute(0, 3, 1, 2)
    network = randomised(tiny_resnet(structure, **keys), images.float(), seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight[::3] *= 1e-6
    return network


def randomised(config, images, seed):
    """Return a network in eval mode with random weights and statistics that fit the images."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        network = build(config)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                offsets = torch.randn(len(module.weight), 1, 1, 1)
                module.weight += module.weight.std().nan_to_num() * offsets  # of one weight
        network.train()(images)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.normal_(module.weight)
                nn.init.normal_(module.bias)
    return network.eval()


def tiny_checkpoint(path, network, config=None):
    recipe = tiny_recipe()
    if config is not None:
        recipe = dataclasses.replace(recipe, model=config)
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
