"""Verilates a design that contains an accelerator into a shared library, cached by its sources."""

import contextlib
import ctypes
import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from irnet_hw.artifact.manifest import Manifest
from irnet_hw.errors import UserError
from irnet_hw.scratch import scratch
from irnet_hw.share import share
from irnet_hw.simulate.shared_layers import HEADER, Apart, calls, compile_apart, large_layers
from irnet_hw.tools.environment import (
    LINKS,
    VERILATOR,
    Verilator,
    cache_dir,
    cached,
    find_verilator,
    locked,
)
from irnet_hw.tools.process import Job, run_one

#: Warnings that are errors: the hardware would differ from the simulation, or a module refuses its
#: parameters ($error). Warnings about widths are not, because unusual but legal shapes cause them;
#: tests/rtl/test_lint.py has none.
_ERRORS = (
    *("SELRANGE", "ASCRANGE", "IMPLICIT", "LATCH", "CASEINCOMPLETE", "MULTIDRIVEN", "UNDRIVEN"),
    *("PINMISSING", "USERERROR"),
)
#: Flags for every simulation; rtl/lint.vlt gives the reasons for the warnings that are waived.
#: Registers without a reset and reads past the end of an array give random values.
VERILATOR_FLAGS = (
    *("-Wall", "-Wno-fatal", *(f"-Werror-{name}" for name in _ERRORS)),
    *("--x-assign", "unique", "--x-initial", "unique"),
)
_FLAGS = (*VERILATOR_FLAGS, "-O3")
_LIBRARY_FLAGS = (
    *("-LDFLAGS", "-shared", "-LDFLAGS", "-Wl,--wrap=fopen", "-CFLAGS", "-fPIC"),
    *("-CFLAGS", "-DVL_USER_FATAL", "-CFLAGS", "-DVL_USER_WARN"),
)
#: C++ in every design: how to call the layers compiled apart, and where the hex files are.
_COMMON = (HEADER, *(Path(__file__).with_name(f"hex_folder.{kind}") for kind in ("h", "cpp")))


@dataclass(frozen=True)
class Design:
    """What to compile.

    Attributes:
        top: the top module; its C++ class is ``V`` + top.
        sources: paths in the accelerator's folder, the top's last.
        harness: the C++ that drives it.
        headers: the text of each header that it includes, by name.
        flags: Verilator's, in addition to those for all designs.
        layers: whether the layers are separate modules; if so, large ones are compiled apart.
    """

    top: str
    sources: Sequence[str]
    harness: Path
    headers: Mapping[str, str] = field(default_factory=dict)
    flags: Sequence[str] = ()
    layers: bool = True


@dataclass(frozen=True)
class Compiled:
    """A compiled design: the library, and how long compiling took (0 if it was cached)."""

    library: Path
    seconds: float


def compile_design(folder: Path, manifest: Manifest, design: Design) -> Compiled:
    """Compile a design, or return the earlier result for equal sources.

    Args:
        folder: the accelerator's.
        manifest: its manifest.
        design: what to compile.

    Raises:
        UserError: a compiler is missing, or the sources do not compile.
    """
    start = time.monotonic()
    layers = large_layers(folder, manifest, _FLAGS) if design.layers else []
    modules = {layer: text for one in layers for layer, text in one.modules().items()}
    files = {
        "lint.vlt": (share("rtl") / "lint.vlt").read_text(),
        **{
            Path(source).name: modules.get(Path(source).stem, (folder / source).read_text())
            for source in design.sources
        },
        **design.headers,
        **{file.name: file.read_text() for file in (design.harness, *_COMMON)},
        "calls.cpp": calls(layers),
    }
    flags = (*_FLAGS, *design.flags, *_LIBRARY_FLAGS)
    digest = hashlib.sha256(repr((design.top, flags, files)).encode())
    target = cache_dir() / "sim" / f"{design.top}-{digest.hexdigest()[:16]}"
    library = target / f"{design.top}.so"
    with locked(target):
        if library.is_file():
            return Compiled(library, 0.0)
        verilator = find_verilator()
        compile_apart(layers, verilator)
        with scratch("compile") as place:
            for name, text in files.items():
                (place / name).write_text(text)
            named = folder / design.sources[-1]
            built = _compile(design.top, flags, list(files), layers, place, verilator, named)
            with cached(library) as fresh:
                shutil.copyfile(built, fresh)
    return Compiled(library, time.monotonic() - start)


def _compile(
    top: str,
    flags: Sequence[str],
    files: Sequence[str],
    layers: Sequence[Apart],
    place: Path,
    verilator: Verilator,
    named: Path,
) -> Path:
    """Compile the files in ``place``; an error message names the source ``named``."""
    apart = {one.name: one.folder for one in layers}
    archives = [f"../{LINKS}/{one.name}/{one.archive.name}" for one in layers]
    env = verilator.prepare(place, apart)
    command = [
        *(VERILATOR, "--cc", "--exe", "--build", "-j", str(os.cpu_count() or 1)),
        *(*flags, "-CFLAGS", "-I.."),
        *(part for name in apart for part in ("-CFLAGS", f"-I../{LINKS}/{name}")),
        *(part for archive in archives for part in ("-LDFLAGS", archive)),
        *("--top-module", top, "--prefix", f"V{top}", "-Mdir", "obj", "-o", f"{top}.so"),
        *(file for file in files if not file.endswith(".h")),
    ]
    # Verilator searches the current folder for missing modules: only our files are there.
    job = Job(command, place, env)
    if run_one(job) != 0:
        raise UserError(f"{named}: does not compile:\n{job.said()[-4000:]}")
    return place / "obj" / f"{top}.so"


def start(
    library: ctypes.CDLL, function: str, folder: Path, manifest: Manifest, argument: Any
) -> ctypes.c_void_p:
    """Start a simulation of a compiled design, which reads the accelerator's hex files.

    Args:
        library: the design's.
        function: the name of the library's function that starts a simulation.
        folder: the accelerator's.
        manifest: its manifest.
        argument: the function's first argument; the second is the folder of the hex files.

    Raises:
        UserError: a hex file is missing or does not fit its memory.
    """
    make = getattr(library, function)
    make.restype, library.why_not_started.restype = ctypes.c_void_p, ctypes.c_char_p
    with hex_files(folder, manifest) as files:
        found = make(argument, ctypes.c_char_p(bytes(files)))
    if found is None:
        why = library.why_not_started().decode(errors="replace")
        raise UserError(f"{folder}: the simulation does not start: {why}; build it again")
    return ctypes.c_void_p(found)


@contextlib.contextmanager
def hex_files(folder: Path, manifest: Manifest) -> Iterator[Path]:
    """Yield a folder with an accelerator's hex files, each where the compiled code looks for it.

    The code reads them from this folder when a simulation starts. Each layer that is compiled
    apart has its own subfolder, because equal layers use the same file names.
    """
    with scratch("hex") as root:
        for file in manifest.data:
            (root / Path(file).name).symlink_to((folder / file).absolute())
        for one in large_layers(folder, manifest, _FLAGS):
            for layer in one.parts:
                (root / layer.layer).mkdir()
                for name, path in layer.data.items():
                    (root / layer.layer / name).symlink_to(path.absolute())
        yield root
