"""The command line of irnet-hw."""

import errno
import importlib
import signal
import sys
from types import FrameType
from typing import Any, NamedTuple, NoReturn

import click

from irnet_hw import __version__
from irnet_hw.errors import UserError, one_line


class _Entry(NamedTuple):
    """A command: where it is defined, and its summary in ``irnet-hw --help``."""

    target: str
    summary: str


#: Commands in the order of use. Each one is imported only when it runs, so that the group's help
#: doesn't wait for torch.
_COMMANDS = {
    "demo": _Entry("irnet_hw.cli.demo:command", "Run the whole flow on a small network."),
    "train": _Entry(
        "irnet_hw.cli.train:command", "Train a network from a recipe, on a GPU if there is one."
    ),
    "train-report": _Entry(
        "irnet_hw.cli.report:command_train",
        "Plot training curves: train-report.html and train-report.json.",
    ),
    "pack": _Entry(
        "irnet_hw.cli.train:command_pack", "Write a trained network as a small file for release."
    ),
    "zoo": _Entry("irnet_hw.cli.zoo:command", "List the trained networks that come with irnet-hw."),
    "export": _Entry("irnet_hw.cli.export:command", "Write a trained network as QONNX."),
    "check": _Entry("irnet_hw.cli.check:command", "List what prevents building a network."),
    "build": _Entry(
        "irnet_hw.cli.build:command", "Compile an exported network into an accelerator for a board."
    ),
    "simulate": _Entry(
        "irnet_hw.cli.simulate:command",
        "Simulate an accelerator on images and compare it with its QONNX model.",
    ),
    "package": _Entry(
        "irnet_hw.cli.package:command", "Package an accelerator into one file for the board."
    ),
    "report": _Entry("irnet_hw.cli.report:command", "Write a build's report.html and report.json."),
}

#: The extras of the package with the modules that they install; of those in both, the one that
#: needs it first.
EXTRAS = {
    "train": {"PIL", "brevitas", "lightning_fabric", "pyarrow", "sklearn", "tensorboardX", "torch"},
    "build": {"finn", "google", "onnx", "onnxruntime", "psutil", "qonnx", "scipy"},
}

#: System errors caused by the user's disk, permissions or paths, not by the program.
_USERS_TROUBLE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG),
    *(errno.EIO, errno.ENAMETOOLONG),
}


class _LazyGroup(click.Group):
    """A group that imports a command only when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, name = entry.target.split(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in _COMMANDS.items()])


@click.group(cls=_LazyGroup)
@click.version_option(__version__, prog_name="irnet-hw")
def group() -> None:
    """Binary neural networks, from training to a bit-exact FPGA accelerator.

    The steps are train, export, build, simulate and report; each one reads the files of the
    previous one. demo runs all of them.
    """


def run(command: click.Command, **arguments: Any) -> NoReturn:
    """Run a command and exit: 0, 2 for errors the user can fix, 130 when interrupted.

    Args:
        command: the command to run, with this process's arguments.
        arguments: passed to ``click.Command.main``, such as ``prog_name``.
    """
    # A terminated run must clean up like an interrupted one.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    interruption = _Interruption()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interruption)
    try:
        result = command.main(**arguments, standalone_mode=False)
    except UserError as error:
        _fail(str(error))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        _interrupted()
    except Exception as error:
        if interruption.came:
            _interrupted()
        if isinstance(error, ModuleNotFoundError):
            _fail_without(error)
        if not isinstance(error, OSError) or error.errno not in _USERS_TROUBLE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror}")
    sys.exit(result if isinstance(result, int) else 0)


class _Interruption:
    """Handles Ctrl-C and remembers it.

    A library interrupted during its import may swallow the interruption and fail later with some
    other error, which is then not a bug.
    """

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        signal.default_int_handler(number, frame)


def _interrupted() -> NoReturn:
    click.echo("interrupted", err=True)
    sys.exit(130)


def _fail(message: str) -> NoReturn:
    click.echo(f"error: {one_line(message)}", err=True)
    sys.exit(2)


def _fail_without(error: ModuleNotFoundError) -> None:
    """Name the extra that has a missing module, if one has it; otherwise the fault is ours."""
    module = (error.name or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if module in modules:
            _fail(f"{module}: not installed; pip install 'irnet-hw[{extra}]'")


def main() -> NoReturn:
    """Run ``irnet-hw``."""
    run(group, prog_name="irnet-hw")


if __name__ == "__main__":
    main()
