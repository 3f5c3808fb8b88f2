"""The package's wheel, installed in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

from irnet_hw import __version__

ROOT = Path(__file__).parent.parent


def run(*command: object, cwd: Path, **variables: str) -> str:
    """Run a command that must succeed; return what it printed."""
    found = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout
    return found.stdout


def install(folder: Path, lean: str = "") -> Path:
    """Build the wheel and install it, without what it depends on, in ``folder``/site."""
    built = ("-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    run(sys.executable, *built, cwd=ROOT, IRNET_HW_LEAN=lean)
    (wheel,) = folder.glob(f"irnet_hw-{__version__}-py3-none-any.whl")
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--no-index")
    run(sys.executable, *pip, "--target", folder / "site", wheel, cwd=folder)
    return folder / "site"
