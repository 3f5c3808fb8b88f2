"""Verilator's lint with all warnings enabled."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from irnet_hw.tools.environment import find_verilator


def lint(
    top: str, files: Iterable[Path | str], folder: Path, *more: str
) -> subprocess.CompletedProcess[str]:
    """Run Verilator's lint in a folder on sources and waivers; return its output."""
    command = ["verilator", "--lint-only", "-Wall", "--top-module", top]
    return subprocess.run(
        [*command, *more, *map(str, files)],
        env=find_verilator().on_path(),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
