"""``irnet-hw report`` and ``irnet-hw train-report``."""

from pathlib import Path

import click

from irnet_hw.cli import options
from irnet_hw.progress import say


@click.command("report", short_help="Write a build's report.html and report.json.")
@click.argument("build_dir", type=click.Path(path_type=Path))
@options.force
def command(build_dir: Path, force: bool) -> None:
    """Write report.html and report.json into BUILD_DIR, an accelerator's folder.

    The page is one file that needs no network. It says what was proved, draws the pipeline,
    and states throughput, area and accuracy; every figure says how it was got.
    """
    from irnet_hw.report.accelerator import write

    page, data = write(build_dir, force)
    say(f"wrote {page} and {data}")


@click.command("train-report")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the files; by default the run's, or the current one for several runs.",
)
@options.force
def command_train(runs: tuple[Path, ...], out: Path | None, force: bool) -> None:
    """Draw the curves of trainings: train-report.html and train-report.json.

    Each RUN is the folder of a run of `irnet-hw train`, such as runs/resnet20; it may still be
    going on. The page is one file that needs no network: results and what differs between the
    recipes, loss and accuracy, the weights' entropy, how many flip, and EDE's gradient over
    time.
    """
    # It imports torch, which takes seconds that --help should not.
    from irnet_hw.report.training import write

    page, data = write(runs, out, force)
    say(f"wrote {page} and {data}")
