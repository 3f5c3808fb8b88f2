"""An accelerator on disk: a build's folder, or a deployment package, as a file or unpacked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from irnet_hw.artifact import manifest, registers
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import MANIFEST, MODEL, ROUTE
from irnet_hw.artifact.results import Route, read, require_own_bitstream
from irnet_hw.errors import UserError
from irnet_hw.read import sha256, zip_file
from irnet_hw.scratch import scratch

_HINT = "must be a folder made by irnet-hw build, or a file made by irnet-hw package"
#: The largest size of an unpacked package, in bytes. A ZCU104's bitstream has about 20 MB.
_MOST = 2**30


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Yield the accelerator's folder: ``path`` itself, or where the package was unpacked.

    Raises:
        UserError: ``path`` does not exist, or is not a package.
    """
    if path.is_dir():
        yield path
        return
    with scratch("package") as temporary:
        with zip_file(path, _HINT) as archive:
            archive.unpack(temporary, _MOST)
        try:
            yield temporary
        except UserError as error:
            # Name files by their place in the package: the user doesn't know the temporary folder.
            told = str(error).replace(f"{temporary}/", f"{path}: ")
            raise UserError(told.replace(str(temporary), str(path))) from error


def load(folder: Path) -> Manifest:
    """Return the manifest in a folder, if everything there belongs together.

    Raises:
        UserError: the manifest can't be read or was changed, is for a shell version that this
            runtime does not support, or its identity does not match its contents.
    """
    built = manifest.load(folder)
    version = built.shell.version
    if version != registers.VERSION:
        raise UserError(
            f"{folder / MANIFEST}: is for shell version {version}, but this runtime drives "
            f"version {registers.VERSION}; install the runtime of this build"
        )
    stated, computed = built.shell.identity, manifest.identity(built)
    if stated != computed:
        raise UserError(
            f"{folder / MANIFEST}: identity {stated}, but the model, the sources, the shell and "
            f"what the driver uses give {computed}; build it again"
        )
    model = folder / MODEL
    if model.exists():
        found, wanted = sha256(model), built.hashes.model
        if found != wanted:
            raise UserError(
                f"{model}: has hash {found}, but the accelerator was built from {wanted}; "
                "build it again"
            )
    require_own_bitstream(folder, built)
    return built


def clock_mhz(folder: Path, built: Manifest) -> float:
    """Return the clock to run at: the build's, or the one place and route reached if lower."""
    reached = read(Route, folder / ROUTE, "make the bitstream again")
    return built.clock_mhz if reached is None else min(built.clock_mhz, reached.clock_mhz)
