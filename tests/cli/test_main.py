import ast
import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from irnet_hw import __version__
from irnet_hw.cli import main as cli
from irnet_hw.errors import UserError

ROOT = Path(__file__).parent.parent.parent


def irnet_hw(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "irnet_hw.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_help_lists_every_command():
    result = irnet_hw("--help")
    assert result.returncode == 0
    for name in cli._COMMANDS:
        assert f"\n  {name} " in result.stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from irnet_hw.cli import main as cli\n"
        "try: cli.group.main(['--help'])\n"
        "except SystemExit: print(sorted({'torch', 'finn', 'numpy', 'onnx'} & set(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", list(cli._COMMANDS))
def test_command_says_what_the_group_says(name):
    entry = cli._COMMANDS[name]
    module, attribute = entry.target.split(":")
    command = getattr(importlib.import_module(module), attribute)
    assert command.get_short_help_str(limit=100) == entry.summary
    assert command.name == name


def test_version():
    result = irnet_hw("--version")
    assert (result.returncode, result.stdout) == (0, f"irnet-hw, version {__version__}\n")


@pytest.mark.parametrize(
    ("module", "command", "extra"),
    [
        ("torch", "train --recipe digits-vgg", "train"),
        ("finn", "build any --board zcu104", "build"),
    ],
)
def test_a_missing_package_names_its_extra(tmp_path, module, command, extra):
    code = (
        "import sys\n"
        f"sys.modules[{module!r}] = None\n"
        "from irnet_hw.cli.main import main\n"
        f"sys.argv[1:] = {command.split()!r}\n"
        "main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    message = f"error: {module}: not installed; pip install 'irnet-hw[{extra}]'\n"
    assert (result.returncode, result.stderr) == (2, message)
    assert not list(tmp_path.iterdir())


def test_every_package_that_is_imported_is_installed_or_in_an_extra():
    base = {"click", "jinja2", "jsonschema", "markupsafe", "numpy", "rich"}
    known = {*sys.stdlib_module_names, *base, *cli.EXTRAS["train"], *cli.EXTRAS["build"]}
    used = set()
    for path in Path(cli.__file__).parent.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                used.update(name.name.partition(".")[0] for name in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                used.add(node.module.partition(".")[0])
    assert used - known == {"irnet_hw", "pynq"}
    assert {*cli.EXTRAS["train"], *cli.EXTRAS["build"]} - used == {"psutil"}


def test_unknown_command():
    result = irnet_hw("frobnicate")
    assert result.returncode == 2
    assert result.stderr == (
        "Usage: irnet-hw [OPTIONS] COMMAND [ARGS]...\n"
        "Try 'irnet-hw --help' for help.\n\n"
        "Error: No such command 'frobnicate'.\n"
    )


def ends(monkeypatch, function):
    """Run ``function`` as a command; return the exit code."""
    monkeypatch.setattr(sys, "argv", ["command"])
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with pytest.raises(SystemExit) as end:
            cli.run(click.command()(function))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return end.value.code


def fail(error):
    def function():
        raise error

    return function


def test_success_is_0(monkeypatch, capsys):
    assert ends(monkeypatch, lambda: {"any": "result"}) == 0
    assert capsys.readouterr() == ("", "")


def test_a_command_chooses_its_exit_code(monkeypatch):
    assert ends(monkeypatch, lambda: click.get_current_context().exit(1)) == 1


def test_user_error_is_a_line_and_2(monkeypatch, capsys):
    assert ends(monkeypatch, fail(UserError("file: value, must be another"))) == 2
    assert capsys.readouterr() == ("", "error: file: value, must be another\n")


def test_interruption_is_a_line_and_130(monkeypatch, capsys):
    assert ends(monkeypatch, fail(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "\ninterrupted\n")


def test_a_failure_that_an_interruption_caused_is_none(monkeypatch, capsys):
    def swallow():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("half imported") from None

    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert ends(monkeypatch, swallow) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_full_disk_is_a_line_and_2(monkeypatch, capsys):
    assert ends(monkeypatch, fail(OSError(28, "No space left on device", "/some/file"))) == 2
    assert capsys.readouterr() == ("", "error: /some/file: No space left on device\n")


@pytest.mark.parametrize(
    "command", ["report", "package", pytest.param("train-report", marks=pytest.mark.slow)]
)
def test_a_name_that_is_too_long_is_a_line_and_2(command):
    result = irnet_hw(command, "x" * 300)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert result.stderr.endswith(": File name too long\n")


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["command"])
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError):
        cli.run(click.command()(lambda: 1 // 0))
    signal.signal(signal.SIGTERM, before)


def test_reader_that_goes_away():
    result = subprocess.run(
        f"{sys.executable} -m irnet_hw.cli.main --help | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""


def test_termination_cleans_up(tmp_path):
    code = (
        "import click, time\n"
        "from pathlib import Path\n"
        "from irnet_hw.cli import main as cli\n"
        "from irnet_hw.files import whole_folder\n"
        "@click.command()\n"
        "def slow():\n"
        "    with whole_folder(Path('result')):\n"
        "        print('started', flush=True)\n"
        "        time.sleep(60)\n"
        "cli.run(slow)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "started\n"
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(timeout=30) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
