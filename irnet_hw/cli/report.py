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

    The page is a single file that works offline. It states what was verified, draws the pipeline,
    and gives throughput, area and accuracy, each figure with its source.
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
@click.option(
    "--data-folder",
    default="",
    help="For runs that enlarge images: where the data set is; by default where it was in "
    "training.",
)
@options.force
def command_train(runs: tuple[Path, ...], out: Path | None, data_folder: str, force: bool) -> None:
    """Plot training curves: train-report.html and train-report.json.

    Each RUN is the run folder of `irnet-hw train`, such as runs/resnet20; the training may still
    be running. The page is a single file that works offline. It shows the results and how the
    recipes differ, loss and accuracy, the entropy and flip rate of the weights, and EDE's gradient
    over time. Networks that enlarge images are measured on all test images, with pictures of some.
    """
    # Importing torch takes seconds; --help should not wait for it.
    from irnet_hw.report.training import write

    page, data = write(runs, out, force, data_folder)
    say(f"wrote {page} and {data}")
