"""Training: recipes, the loop and its checkpoints."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from irnet_hw.train.cli import command, command_pack

if TYPE_CHECKING:
    from irnet_hw.train.checkpoint import Checkpoint, load_checkpoint
    from irnet_hw.train.loop import train
    from irnet_hw.train.recipe import Recipe, load_recipe

__all__ = [
    "Checkpoint",
    "Recipe",
    "command",
    "command_pack",
    "load_checkpoint",
    "load_recipe",
    "train",
]

_HOMES = {
    "Checkpoint": "checkpoint",
    "load_checkpoint": "checkpoint",
    "train": "loop",
    "Recipe": "recipe",
    "load_recipe": "recipe",
}


def __getattr__(name: str) -> Any:
    # torch takes seconds to import, for which neither --help nor Ctrl-C should wait.
    if name in _HOMES:
        return getattr(import_module(f"irnet_hw.train.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
