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
    help='The images: .npz with "images" (uint8, [N, height, width, channels]) and perhaps '
    '"labels", or .npy.',
)
@click.option(
    "--tapped",
    default=4,
    show_default=True,
    type=click.IntRange(min=0),
    help="Of how many images, the first, every layer's output is compared.",
)
@options.force
def command(build_dir: Path, file: Path, tapped: int, force: bool) -> None:
    """Simulate an accelerator on images and compare it with its QONNX model.

    BUILD_DIR is what `irnet-hw build` wrote. Every logit of every image must equal the QONNX
    run, and for some images every tensor between two layers. The images pass at full rate, which
    is measured; the first ones once more with random gaps before the accelerator and stalls
    behind it. Where nothing moves any more, it is said which layers wait for one another.

    The result goes to BUILD_DIR/simulation.json. The exit code is 1 if anything differs.
    """
    # The simulator takes seconds to import, for which neither --help nor a wrong file should wait.
    from irnet_hw.compiler.emission import manifest
    from irnet_hw.images import images_for

    images, labels = images_for(manifest.load(build_dir), file)
    from irnet_hw.simulate.proof import simulate

    result = simulate(build_dir, images, labels, tapped, force)
    inner = sum(entry["values"] for entry in result["tensors"][:-1])
    click.echo(
        f"{result['images']} images: {result['logits_compared']} logits and {inner} values "
        f"between layers compared, {result['differences']} differences"
    )
    if result["cycles_per_frame"] is not None:
        click.echo(
            f"{result['cycles_per_frame']:.10g} cycles an image, {result['latency_cycles']} cycles "
            f"latency; simulated {result['cycles_per_second']:.3g} cycles/s, "
            f"{result['frames_per_second']:.3g} images/s"
        )
    if result["accuracy"] is not None:
        rtl, qonnx = result["accuracy"]["rtl"], result["accuracy"]["qonnx"]
        click.echo(f"accuracy: RTL {100 * rtl:.2f} %, QONNX {100 * qonnx:.2f} %")
    if result["differences"]:
        first = result["first_difference"]
        click.echo(f"{build_dir}: the RTL differs from the QONNX run, first in {first}", err=True)
        sys.exit(1)
