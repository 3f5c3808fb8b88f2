"""Verilator's lint, all warnings on."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from irnet_hw.tools.environment import find_verilator


def lint(
    top: str, files: Iterable[Path | str], folder: Path, *more: str
) -> subprocess.CompletedProcess[str]:
    """Return what Verilator says of sources and waivers, run in a folder with more arguments."""
    command = ["verilator", "--lint-only", "-Wall", "--top-module", top]
    return subprocess.run(
        [*command, *more, *map(str, files)],
        env=find_verilator().on_path(),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
