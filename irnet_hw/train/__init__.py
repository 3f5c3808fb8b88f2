"""Training: recipes, the loop and its checkpoints."""

from irnet_hw.train.checkpoint import Checkpoint, load_checkpoint
from irnet_hw.train.cli import command
from irnet_hw.train.loop import train
from irnet_hw.train.recipe import Recipe, load_recipe

__all__ = ["Checkpoint", "Recipe", "command", "load_checkpoint", "load_recipe", "train"]
