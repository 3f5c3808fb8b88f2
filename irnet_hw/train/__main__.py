"""``python -m irnet_hw.train``."""

from irnet_hw.cli import run
from irnet_hw.train import command

if __name__ == "__main__":
    run(command, prog_name="python -m irnet_hw.train")
