"""An accelerator on disk: the folder of a build, or a deployment package, unpacked or not."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from irnet_hw import form
from irnet_hw.errors import UserError
from irnet_hw.read import json_file, zip_file
from irnet_hw.runtime import manifest, registers
from irnet_hw.scratch import scratch

#: In an accelerator's folder, if it was taken that far.
BITSTREAM = "bitstream/irnet.bit"
ROUTE = "bitstream/route.json"
_MODEL = "model.onnx"
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


def load(folder: Path) -> dict[str, Any]:
    """Return the manifest in a folder, if all that is there belongs together.

    Raises:
        UserError: the manifest can't be read or was changed, is of a shell that this runtime
            does not know, or its identity is not that of what is in it.
    """
    content = manifest.load(folder)
    manifest.check_frames(content, folder)
    version = content["shell"]["version"]
    if version != registers.VERSION:
        raise UserError(
            f"{folder / manifest.FILE}: is of a shell of version {version}, but this runtime "
            f"drives version {registers.VERSION}; install the runtime of this build"
        )
    stated, computed = content["shell"]["identity"], manifest.identity(content)
    if stated != computed:
        raise UserError(
            f"{folder / manifest.FILE}: identity {stated}, but {computed} is that of the model, "
            "the sources, the shell and what the driver uses; build it again"
        )
    model = folder / _MODEL
    if model.is_file():
        found, built = hashlib.sha256(model.read_bytes()).hexdigest(), content["hashes"]["model"]
        if found != built:
            raise UserError(
                f"{model}: has the hash {found}, but the accelerator was built from {built}; "
                "build it again"
            )
    require_own_bitstream(folder, content)
    return content


def require_own_bitstream(folder: Path, content: Mapping[str, Any]) -> None:
    """Refuse a bitstream that was made of another accelerator than the one in the folder.

    One without a route.json, as when Vivado was run by hand, says nothing of itself; loaded on a
    board, it is known by its identity registers.

    Raises:
        UserError: its route.json is damaged or names another identity.
    """
    route = folder / ROUTE
    if not route.is_file():
        return
    found = json_file(route, "build with --flow again")
    own = content["shell"]["identity"]
    identity = found.get("identity", own) if isinstance(found, dict) else own
    if identity != own:
        raise UserError(
            f"{route.parent}: is of another build, with the identity {identity}, and this one's is "
            f"{own}; move it away, or build with --flow again"
        )


def clock_mhz(folder: Path, content: Mapping[str, Any]) -> float:
    """Return the clock to run at: the build's, or what place and route reached if that is less."""
    wanted = float(content["clock_mhz"])
    route = folder / ROUTE
    if not route.is_file():
        return wanted
    reached, hint = json_file(route), "make the bitstream again"
    form.check(reached, {"clock_mhz": form.POSITIVE}, str(route), hint)
    return min(wanted, float(reached["clock_mhz"]))
