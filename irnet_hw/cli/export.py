"""``irnet-hw export``."""

from pathlib import Path

import click

from irnet_hw.cli import options


@click.command("export")
@click.argument("checkpoint", metavar="CKPT", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the files; by default the checkpoint's.",
)
@click.option(
    "--data-folder",
    default="",
    help="Where the dataset's files are; by default where they were in training.",
)
@options.force
def command(checkpoint: Path, out: Path | None, data_folder: str, force: bool) -> None:
    """Write a trained network as QONNX.

    CKPT is a checkpoint from `irnet-hw train`, such as runs/digits-vgg/last.pt. The command
    writes model.onnx for `irnet-hw build`; heldout.npz, images for `irnet-hw simulate --images`;
    golden.npz, the tensors between the layers for a few images; and export.json, the results of
    the checks.

    The exported network is compared with the trained one on every held-out image, layer by
    layer. If they differ by more than rounding explains, nothing is written.
    """
    # Importing torch takes seconds; --help should not wait for it.
    from irnet_hw.export.station import export

    export(checkpoint, out, data_folder, force)
