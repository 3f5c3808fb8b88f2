"""Builds the runtime's wheel: the part of irnet-hw that a board needs, and nothing else."""

import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from irnet_hw import __version__
from irnet_hw.errors import UserError
from irnet_hw.scratch import scratch

#: Parts of the package irnet_hw; the package has the same name on the board.
_FILES = ("__init__.py", "errors.py", "form.py", "read.py", "scratch.py")
_FOLDERS = ("artifact", "runtime")
#: The old installers on boards need an old metadata version. The name is not irnet-hw, so that pip
#: does not take this for the whole package.
_PROJECT = f"""
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "irnet-hw-runtime"
version = "{__version__}"
description = "Run accelerators made by irnet-hw on a PYNQ board"
requires-python = ">=3.8"
dependencies = ["numpy>=1.17"]

[tool.hatch.build.targets.wheel]
packages = ["irnet_hw"]
core-metadata-version = "2.1"
"""


def build_wheel(folder: Path) -> Path:
    """Write the runtime's wheel into a folder; the same sources give the same bytes.

    Returns:
        its path.

    Raises:
        UserError: the builder fails.
    """
    package = Path(str(files("irnet_hw")))
    with scratch("wheel") as project:
        (project / "pyproject.toml").write_text(_PROJECT)
        target = project / "irnet_hw"
        target.mkdir()
        for name in _FILES:
            shutil.copyfile(package / name, target / name)
        for name in _FOLDERS:
            shutil.copytree(
                package / name, target / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        run = subprocess.run(
            [
                sys.executable,
                "-m",
                "hatchling",
                "build",
                "-t",
                "wheel",
                "-d",
                str(folder.resolve()),
            ],
            cwd=project,
            capture_output=True,
            text=True,
        )
    if run.returncode != 0:
        raise UserError(f"hatchling: the runtime's wheel can't be built:\n{run.stderr[-4000:]}")
    (wheel,) = folder.glob("irnet_hw_runtime-*.whl")
    return wheel
