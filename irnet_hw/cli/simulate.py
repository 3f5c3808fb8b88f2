"""``irnet-hw simulate``."""

import sys
from pathlib import Path

import click

from irnet_hw.cli import options


@click.command("simulate")
@click.argument("build_dir", type=click.Path(path_type=Path))
@click.option(
    "--images",
    "file",
    required=True,
    type=click.Path(path_type=Path),
    help='The images: .npz with "images" (uint8, [N, height, width, channels]) and optionally '
    '"labels", or .npy.',
)
@click.option(
    "--tapped",
    default=4,
    show_default=True,
    type=click.IntRange(min=0),
    help="Number of images, from the first, for which every layer's output is compared.",
)
@click.option(
    "--gates",
    is_flag=True,
    help="Then simulate the netlist too: the accelerator as Yosys maps it to the FPGA's cells.",
)
@options.force
def command(build_dir: Path, file: Path, tapped: int, gates: bool, force: bool) -> None:
    """Simulate an accelerator on images and compare it with its QONNX model.

    BUILD_DIR is a folder written by `irnet-hw build`. Every logit of every image must equal the
    QONNX run, and for some images also every tensor between two layers. The images are streamed
    at full rate, which is measured; the first ones are then repeated with random gaps at the
    input and stalls at the output. On a deadlock, the message names the layers that wait for one
    another.

    The result goes to BUILD_DIR/simulation.json, that of --gates to BUILD_DIR/gates.json. The exit
    code is 1 if anything differs.
    """
    # Importing the simulator takes seconds; neither --help nor a wrong file should wait for it.
    from irnet_hw.artifact import manifest
    from irnet_hw.images import read_images

    built = manifest.load(build_dir)
    images, labels = read_images(file, built.image, built.output.values)
    from irnet_hw.simulate.proof import simulate

    result = simulate(build_dir, images, labels, tapped, force)
    inner = sum(entry.values for entry in result.tensors[:-1])
    click.echo(
        f"{result.images} images: {result.logits_compared} logits and {inner} values "
        f"between layers compared, {result.differences} differences"
    )
    if result.cycles_per_frame is not None:
        click.echo(
            f"{result.cycles_per_frame:.10g} cycles an image, {result.latency_cycles} cycles "
            f"latency; simulated {result.cycles_per_second:.3g} cycles/s, "
            f"{result.frames_per_second:.3g} images/s"
        )
    if result.accuracy is not None:
        rtl, qonnx = result.accuracy.rtl, result.accuracy.qonnx
        click.echo(f"accuracy: RTL {100 * rtl:.2f} %, QONNX {100 * qonnx:.2f} %")
    if result.differences:
        first = result.first_difference
        click.echo(f"{build_dir}: the RTL differs from the QONNX run, first in {first}", err=True)
        sys.exit(1)
    if gates:
        from irnet_hw.simulate.gates import simulate_gates

        netlist = simulate_gates(build_dir, images, force)
        click.echo(
            f"netlist of {netlist.netlist}: {netlist.logits_compared} logits compared, "
            f"{netlist.differences} differences"
        )
        if netlist.differences:
            click.echo(f"{build_dir}: the netlist differs from the QONNX run", err=True)
            sys.exit(1)
