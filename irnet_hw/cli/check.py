"""``irnet-hw check``: list what prevents a build."""

from pathlib import Path

import click

from irnet_hw.errors import UserError
from irnet_hw.progress import say


@click.command("check")
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL.onnx")
@click.option(
    "--input-scale",
    metavar="NUMBER",
    help="What a pixel is multiplied by before it reaches MODEL's input, such as 1/255.",
)
def command(model: Path, input_scale: str | None) -> None:
    """List what prevents building a network.

    Everything that does is listed, with what would help. The exit code is 0 if
    it can be built, and 2 if it can't.

    \b
    Example:
      irnet-hw check network.onnx
    """  # noqa: D301 (click wants the backspace itself)
    from irnet_hw.compiler.front import input_scale as fraction
    from irnet_hw.compiler.front import problems

    scale = None if input_scale is None else fraction(input_scale, "input-scale")
    found = problems(model, scale)
    for number, problem in enumerate(found, 1):
        say(f"{number}. {problem}")
    if found:
        count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
        raise UserError(f"{model}: can't be built because of {count}")
    say(f"{model}: can be built")
