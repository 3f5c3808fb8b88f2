"""Paths that the system allows and makefiles, shells and Tcl don't."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.compiler.graphs import images
from tests.flows.networks import TINY

ROOT = Path(__file__).parent.parent.parent
#: A space, quotes, and what make, the shell, PATH and Tcl read.
ODD = "a b'c\"d$e#f%g:h;i[j]{k}\\l\né"


def irnet_hw(folder, *arguments, **environment):
    """Run a command with its output folder, caches, home and temporary folder at odd paths."""
    place = folder / ODD
    for name in ("home", "tmp"):
        (place / name).mkdir(parents=True, exist_ok=True)
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "tmp"),
        **environment,
    }
    env = {name: value for name, value in env.items() if value is not None}
    run = subprocess.run(
        [sys.executable, "-m", "irnet_hw.cli.main", *map(str, arguments)],
        cwd=place,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert not list((place / "tmp").glob("irnet-hw-*"))
    return run


@pytest.mark.parametrize("layer", ["apart", "within"])
def test_a_simulation(tmp_path, layer):
    pass


def test_build_simulate_report(tmp_path):
    place = tmp_path / ODD
    place.mkdir()
    model = place / "model.onnx"
    TINY.build().save(str(model))
    np.savez(place / "images.npz", images=images(TINY, 4))
    cacheless = {"IRNET_HW_CACHE": None}
    irnet_hw(tmp_path, "build", "--board", "pynq-z2", "--out", place / "acc", model)
    irnet_hw(tmp_path, "simulate", place / "acc", "--images", place / "images.npz", **cacheless)
    irnet_hw(tmp_path, "report", place / "acc")
    irnet_hw(tmp_path, "package", place / "acc")
    assert (place / "home" / ".cache" / "irnet-hw" / "sim").is_dir()
