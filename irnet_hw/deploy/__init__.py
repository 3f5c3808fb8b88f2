"""What a user carries to a board: one file with all that runs there."""

from irnet_hw.deploy.cli import command

__all__ = ["command"]
