"""An accelerator on disk: the folder of a build, or a deployment package, unpacked or not."""

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
#: Bytes that a package may have, unpacked. A ZCU104's bitstream takes some 20 MB.
_MOST = 2**30


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Yield the folder that is meant: ``path`` itself, or where the package was unpacked.

    Raises:
        UserError: there is nothing at ``path``, or it is no package.
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
            # What is in the package is called so, as nobody knows where it was unpacked.
            told = str(error).replace(f"{temporary}/", f"{path}: ")
            raise UserError(told.replace(str(temporary), str(path))) from error


def load(folder: Path) -> Manifest:
    """Return the manifest in a folder, if all that is there belongs together.

    Raises:
        UserError: the manifest can't be read or was changed, is of a shell that this runtime
            does not know, or its identity is not that of what is in it.
    """
    built = manifest.load(folder)
    version = built.shell.version
    if version != registers.VERSION:
        raise UserError(
            f"{folder / MANIFEST}: is of a shell of version {version}, but this runtime "
            f"drives version {registers.VERSION}; install the runtime of this build"
        )
    stated, computed = built.shell.identity, manifest.identity(built)
    if stated != computed:
        raise UserError(
            f"{folder / MANIFEST}: identity {stated}, but {computed} is that of the model, "
            "the sources, the shell and what the driver uses; build it again"
        )
    model = folder / MODEL
    if model.is_file():
        found, wanted = sha256(model), built.hashes.model
        if found != wanted:
            raise UserError(
                f"{model}: has the hash {found}, but the accelerator was built from {wanted}; "
                "build it again"
            )
    require_own_bitstream(folder, built)
    return built


def clock_mhz(folder: Path, built: Manifest) -> float:
    """Return the clock to run at: the build's, or what place and route reached if that is less."""
    reached = read(Route, folder / ROUTE, "make the bitstream again")
    return built.clock_mhz if reached is None else min(built.clock_mhz, reached.clock_mhz)
