"""The commands train and pack."""

from pathlib import Path

import click

from irnet_hw import progress
from irnet_hw.cli import options
from irnet_hw.errors import UserError


@click.command("train")
@click.option(
    "--recipe",
    "which",
    required=True,
    help="Name of a bundled recipe, such as digits-vgg, or path of a .toml file.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a value of the recipe; may be repeated. "
    "Example: --set epochs=20 --set model.widths=[16,16,32,32]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the run; by default runs/NAME, with the recipe's name.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Resume from last.pt in the run's folder. More epochs extend a run; the learning rate "
    "(cosine) and EDE's gradient then jump back to where they are in a run of that length, so the "
    "weights differ from those of a run that had this length from the start.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Start over in a folder that already has a run, which is lost, and overwrite files there "
    "that irnet-hw did not write.",
)
def command(
    which: str, assignments: tuple[str, ...], out: Path | None, resume: bool, force: bool
) -> None:
    """Train a network from a recipe, on a GPU if there is one.

    Writes into the run's folder: last.pt, the network after the last epoch; best.pt, the one
    that did best on the held-out images; metrics.csv, weights.csv and a file for TensorBoard;
    and recipe.toml, the recipe as used. Ctrl-C saves last.pt and ends. Other files in the folder
    are kept; an existing run is only resumed, or replaced, if you ask for it.

    On several GPUs or machines, run torchrun --nproc-per-node=8 -m irnet_hw.train --recipe ...
    """
    from irnet_hw.train.loop import train
    from irnet_hw.train.recipe import load_recipe

    if resume and force:
        raise UserError("force: excludes --resume; give one of them")
    recipe = load_recipe(which, assignments)
    folder = out or Path("runs") / recipe.name
    try:
        train(recipe, folder, resume, force)
    except KeyboardInterrupt:
        if (folder / "last.pt").is_file():
            progress.say(f"{folder / 'last.pt'} is saved; continue with --resume")
        raise


@click.command("pack")
@click.argument("checkpoint", metavar="CKPT", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@options.force
def command_pack(checkpoint: Path, out: Path, force: bool) -> None:
    """Write a trained network as a small file for release.

    CKPT is a checkpoint from `irnet-hw train`, such as runs/resnet20/last.pt. The file OUT holds
    the same network with one bit per 1-bit weight. `irnet-hw export` takes it like CKPT, but
    training can't continue from it.
    """
    # Importing torch takes seconds; --help should not wait for it.
    from irnet_hw.train.pack import pack

    pack(checkpoint, out, force)
