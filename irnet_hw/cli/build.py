"""``irnet-hw build``: compile an exported network for a board."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from irnet_hw.artifact.names import BITSTREAMS
from irnet_hw.artifact.resources import RESOURCES
from irnet_hw.cli import options
from irnet_hw.errors import UserError
from irnet_hw.progress import say

if TYPE_CHECKING:
    from irnet_hw.train.zoo import Entry

#: Default target in frames per second.
TARGET_FPS = 10000.0


def _print_passes(ctx: click.Context) -> None:
    """Print what each pass does and where it is."""
    from irnet_hw.compiler.passes.sequence import PASSES

    for number, each in enumerate(PASSES, 1):
        click.echo(f"{number}. {each.says} ({each.step.__module__})")
    ctx.exit()


@click.command("build")
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL.onnx")
@click.option("--board", required=True, help="Board: aup-zu3, kv260, pynq-z2 or zcu104.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder to write; by default NAME-BOARD next to the model. An accelerator that is already "
    "there is replaced, together with its simulation, synthesis and report; its bitstream, and "
    "files that irnet-hw did not write, are kept.",
)
@click.option(
    "--target-fps",
    type=float,
    help=f"Frames per second to reach at this clock, with the least area. Default: {TARGET_FPS:g}.",
)
@click.option(
    "--max-fps", is_flag=True, help="Reach the highest frame rate that fits the board instead."
)
@click.option(
    "--clock",
    type=float,
    metavar="MHZ",
    help="Clock of the fabric, for folding, flows, reports and the driver. Default: the board's.",
)
@click.option(
    "--folding-config",
    type=click.Path(path_type=Path),
    help="JSON file that fixes the folding, in FINN's format; folds that it does not name are "
    "chosen. Every build writes one, folding_config.json, which you can edit and pass back.",
)
@click.option(
    "--input-scale",
    metavar="NUMBER",
    help="What a pixel is multiplied by before it reaches MODEL's input: 1/255 if images go "
    "through torchvision's ToTensor. Default: what the file's metadata says, or 1.",
)
@click.option(
    "--images",
    "images",
    type=click.Path(path_type=Path),
    help="Images on which to compare MODEL with the specification if scales were moved: .npz with "
    '"images" (uint8, [N, height, width, channels]), or .npy. Default: golden.npz next to MODEL, '
    "or 64 random ones.",
)
@click.option(
    "--packed-pixels",
    is_flag=True,
    help="Let the driver compute the sign or few-bit quantizer that MODEL begins with, so that the "
    "accelerator reads 1 to 4 bits for a pixel in place of 8.",
)
@click.option(
    "--passes",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, asked: _print_passes(ctx) if asked else None,
    help="List the compiler's passes in their order, and exit.",
)
@click.option(
    "--synth",
    is_flag=True,
    help="Then synthesise with Yosys, layer by layer, to measure the area.",
)
@click.option(
    "--flow",
    type=click.Choice(["vivado", "openxc7"]),
    help="Then make a bitstream, with Vivado or with open-source tools (openxc7, for the pynq-z2).",
)
@click.option(
    "--seeds",
    type=int,
    help="For openxc7: place and route with this many seeds, and take the best. Default: 1.",
)
@options.force
def command(
    model: Path,
    board: str,
    out: Path | None,
    target_fps: float | None,
    max_fps: bool,
    clock: float | None,
    folding_config: Path | None,
    input_scale: str | None,
    images: Path | None,
    packed_pixels: bool,
    synth: bool,
    flow: str | None,
    seeds: int | None,
    force: bool,
) -> None:
    """Compile an exported network into an accelerator for a board.

    MODEL.onnx is a binary network in QONNX, from irnet-hw export or any other exporter; irnet-hw
    check says whether it can be built. zoo:NAME is a trained network that irnet-hw zoo lists; its
    folder is NAME-BOARD in the current one. The result is a folder with
    the RTL, the shell around it, the manifest, a cocotb test for your own CI, and the hardware
    graph, whose NumPy models have been compared with the network value for value.

    The build chooses how far to parallelise each layer: the least area that reaches the target
    rate. The board's reserve, 20 % of its LUTs, is left free.

    \b
    Examples:
      irnet-hw build --board pynq-z2 --target-fps 50000 runs/digits-vgg/model.onnx
      irnet-hw build --board pynq-z2 --max-fps runs/resnet20-hardware/model.onnx
      irnet-hw build --board pynq-z2 zoo:tfc
      irnet-hw build --board zcu104 --clock 200 --flow vivado runs/digits-vgg/model.onnx
    """  # noqa: D301 (click wants the backspace itself)
    from irnet_hw.compiler.front import input_scale as fraction
    from irnet_hw.compiler.pipeline import build
    from irnet_hw.train.zoo import named

    if max_fps and target_fps is not None:
        raise UserError("max-fps: excludes --target-fps; give one of them")
    aim = None if max_fps else TARGET_FPS if target_fps is None else target_fps
    if flow is not None:
        from irnet_hw.bitstream.flow import require

        require(flow, board, seeds)  # fail now rather than after the build
    elif seeds is not None:
        raise UserError("--seeds: is for --flow openxc7 only")
    scale = None if input_scale is None else fraction(input_scale, "input-scale")
    entry = named(model)
    name = model.stem if entry is None else entry.name
    folder = out or (model.parent if entry is None else Path()) / f"{name}-{board}"
    with _exported(model, entry) as file:
        say(f"building {model} for {board}")
        built = build(
            file, board, folder, aim, folding_config, force, scale, images, packed_pixels, clock
        )
    used = ", ".join(f"{built.area[key]} of {built.resources[key]} {key}" for key in RESOURCES)
    say(
        f"{folder}: {built.cycles_per_frame} cycles a frame, {built.fps:.0f} frames "
        f"per second at {built.clock_mhz:g} MHz; {used} (by the models)"
    )
    if synth:
        from irnet_hw.synthesise.yosys import synthesise, table

        result = synthesise(folder, force)
        for line in table(built, result):
            say(line)
        used = ", ".join(
            f"{result.total[key]} of {built.resources[key]} {key}" for key in RESOURCES
        )
        say(f"{folder}: {used} (after synthesis by {result.tool})")
    if flow is not None:
        from irnet_hw.bitstream.flow import make_bitstream, summary

        say(f"making the bitstream with {flow}")
        routed = make_bitstream(folder, flow, force, seeds or 1)
        say(f"{folder / BITSTREAMS}: {summary(built, routed)}")


@contextlib.contextmanager
def _exported(model: Path, entry: "Entry | None") -> Iterator[Path]:
    """Yield the path of a QONNX file: the user's, or that of a network of the zoo."""
    if entry is None:
        yield model
        return
    from irnet_hw.export.station import export
    from irnet_hw.scratch import scratch

    with scratch("zoo") as folder:
        yield export(entry.path, folder, drawn=True).model
