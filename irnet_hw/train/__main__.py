"""``python -m irnet_hw.train``."""

from irnet_hw.cli.main import run
from irnet_hw.cli.train import command

if __name__ == "__main__":
    run(command, prog_name="python -m irnet_hw.train")
