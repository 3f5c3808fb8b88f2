"""``irnet-hw package``."""

from pathlib import Path

import click

from irnet_hw.artifact.names import BITSTREAMS
from irnet_hw.cli import options
from irnet_hw.progress import say


@click.command("package")
@click.argument("build_dir", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The zip file to write; by default BUILD_DIR.zip next to the folder.",
)
@click.option(
    "--images",
    "file",
    type=click.Path(path_type=Path),
    help='Images for the golden vectors: .npz with "images" (uint8, [N, height, width, channels]) '
    'and optionally "labels", or .npy. Default: the images that `irnet-hw simulate` kept.',
)
@options.force
def command(build_dir: Path, out: Path | None, file: Path | None, force: bool) -> None:
    """Package an accelerator into one file for the board.

    BUILD_DIR is a folder written by `irnet-hw build`. The zip file holds the bitstream if there is
    one, the manifest, the runtime as a wheel that only needs numpy, a notebook, golden vectors
    (images with the logits of the QONNX run) and the sources for the simulated board. The same
    folder always gives the same bytes.

    On the board, unpack it, run `pip install --no-deps irnet_hw_runtime-*.whl`, and open
    classify.ipynb.
    """
    from irnet_hw.deploy.package import package

    folder = build_dir.resolve()
    target = out or folder.with_name(f"{folder.name}.zip")
    names = package(build_dir, target, file, force)
    bitstream = any(name.startswith(f"{BITSTREAMS}/") for name in names)
    what = "" if bitstream else "; it has no bitstream and runs on the simulated board only"
    say(f"{target}: {len(names)} files, {target.stat().st_size:,} bytes{what}")
