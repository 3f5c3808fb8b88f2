"""``irnet-hw export``."""

import importlib
import re
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from irnet_hw.cli import options
from irnet_hw.errors import UserError


@click.command("export")
@click.argument("checkpoint", metavar="[CKPT]", type=click.Path(path_type=Path), required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for the files; by default the checkpoint's, or one of the name of the zoo's "
    "network or the function.",
)
@click.option(
    "--data-folder",
    default="",
    help="Where the dataset's files are; by default where they were in training.",
)
@click.option(
    "--module",
    metavar="PACKAGE.FILE:FUNCTION",
    help="Export the module of Brevitas layers that a function returns, in place of a checkpoint. "
    "It may return (module, images), too.",
)
@click.option(
    "--images",
    metavar="N|FILE.npz",
    help="For a checkpoint: how many images to compare on, the first ones; by default all. For "
    "--module: a .npz file with uint8 images, on which the file is compared with it.",
)
@click.option(
    "--image",
    metavar="HxW",
    help="For a network that enlarges images: the size of the image that the file takes, such as "
    "540x960. Default: that of the crops it was trained on.",
)
@click.option(
    "--input-scale",
    metavar="NUMBER",
    help="For --module: what pixels are multiplied by before they reach it, such as 1/255 if "
    "images go through torchvision's ToTensor. Default: 1.",
)
@options.force
def command(
    checkpoint: Path | None,
    out: Path | None,
    data_folder: str,
    module: str | None,
    images: str | None,
    image: str | None,
    input_scale: str | None,
    force: bool,
) -> None:
    """Write a trained network as QONNX.

    CKPT is a checkpoint from `irnet-hw train`, such as runs/digits-vgg/last.pt, or zoo:NAME, a
    trained network that `irnet-hw zoo` lists. The command writes model.onnx for `irnet-hw build`;
    heldout.npz, images for `irnet-hw simulate --images`; golden.npz, the tensors between the
    layers for a few images; and export.json, the results of the checks.

    The exported network is compared with the trained one on every held-out image, layer by
    layer. If they differ by more than rounding explains, nothing is written. For a large network
    that takes up to an hour; --images 500 compares, and states the accuracy, on the first 500 only.

    Without --data-folder, a network of the zoo is compared on drawn images, and heldout.npz is not
    written.

    With --module, any PyTorch module of Brevitas layers is exported instead. The file is compared
    with it on images of yours, layer by layer, and checked as by `irnet-hw check`; heldout.npz is
    not written.

    \b
    Example:
      irnet-hw export --module my_package.network:trained --images digits.npz --out mine
    """  # noqa: D301 (click wants the backspace itself)
    if (checkpoint is None) == (module is None):
        raise UserError("export: takes either a checkpoint or --module, and one of them is needed")
    # Importing torch takes seconds; --help should not wait for it.
    if checkpoint is not None:
        if input_scale is not None:
            raise UserError("--input-scale: is for --module only")
        if images is not None and not images.isdecimal():
            raise UserError(f"--images: {images}, must be a number; a file is for --module only")
        count = None if images is None else int(images)
        size = None if image is None else _size(image)
        from irnet_hw.export.station import export
        from irnet_hw.train.zoo import named

        entry = named(checkpoint)
        if entry is None:
            export(checkpoint, out, data_folder, force, count=count, image=size)
        else:
            folder, drawn = out or Path(entry.name), not data_folder
            export(entry.path, folder, data_folder, force, drawn, count, size)
        return
    if data_folder:
        raise UserError("--data-folder: is for a checkpoint only")
    if image is not None:
        raise UserError("--image: is for a checkpoint only")
    from irnet_hw.export.module import export_module

    assert module is not None
    function = module.rpartition(":")[2]
    network, pixels = _made(module)
    if images is not None:
        pixels = _read(Path(images))
    if pixels is None:
        raise UserError(f"--images: must be given, because {module} returns no images")
    export_module(
        network, pixels, out or Path(function), input_scale or 1, name=function, force=force
    )


def _size(text: str) -> tuple[int, int]:
    """Return the height and width in a text."""
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if not found:
        raise UserError(f"--image: {text}, must be height and width in pixels, such as 540x960")
    return int(found[1]), int(found[2])


def _made(path: str) -> tuple[Any, Any]:
    """Call a function that returns a module, or (module, images)."""
    package, _, function = path.rpartition(":")
    if not package or not function:
        raise UserError(f"--module: {path}, must be PACKAGE.FILE:FUNCTION, such as network:trained")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(package), function, None)
        if not callable(found):
            raise UserError(f"--module: {package} has no function {function}")
        made = found()
    except UserError:
        raise
    except ModuleNotFoundError as error:
        if error.name and f"{package}.".startswith(f"{error.name}."):
            raise UserError(
                f"--module: there is no {package} in {Path.cwd()}, nor installed"
            ) from error
        raise UserError(f"--module: {path}: {error}") from error
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise UserError(
            f"--module: {path}: {type(error).__name__} in {last.filename}, line {last.lineno}: "
            f"{error}"
        ) from error
    if isinstance(made, tuple) and len(made) == 2:
        return made
    return made, None


def _read(path: Path) -> Any:
    """Return the images of a file."""
    from irnet_hw.read import arrays

    with arrays(path) as found:
        return found.read("images")
