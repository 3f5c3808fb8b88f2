"""An accelerator on disk: the folder of a build, or a deployment package, unpacked or not."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from irnet_hw.errors import UserError
from irnet_hw.runtime import manifest, registers

#: In an accelerator's folder, if it was taken that far.
BITSTREAM = "bitstream/irnet.bit"
ROUTE = "bitstream/route.json"
_MODEL = "model.onnx"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Yield the folder that is meant: ``path`` itself, or where the package was unpacked.

    Raises:
        UserError: there is nothing at ``path``, or it is no package.
    """
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="irnet-hw-") as temporary:
        try:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(temporary)
        except OSError as error:
            raise UserError(f"{path}: can't be read: {error.strerror}") from error
        except (zipfile.BadZipFile, zlib.error) as error:
            raise UserError(
                f"{path}: is no zip file, or it is damaged ({error}); "
                "must be a folder made by irnet-hw build, or a file made by irnet-hw package"
            ) from error
        yield Path(temporary)


def load(folder: Path) -> dict[str, Any]:
    """Return the manifest in a folder, if all that is there belongs together.

    Raises:
        UserError: the manifest can't be read or was changed, is of a shell that this runtime
            does not know, or its identity is not that of the model, the sources and the shell.
    """
    content = manifest.load(folder)
    version = content["shell"]["version"]
    if version != registers.VERSION:
        raise UserError(
            f"{folder / manifest.FILE}: is of a shell of version {version}, but this runtime "
            f"drives version {registers.VERSION}; install the runtime of this build"
        )
    stated, computed = content["shell"]["identity"], manifest.identity(content["hashes"])
    if stated != computed:
        raise UserError(
            f"{folder / manifest.FILE}: identity {stated}, but {computed} is that of the model, "
            "the sources and the shell; build it again"
        )
    model = folder / _MODEL
    if model.is_file():
        found, built = hashlib.sha256(model.read_bytes()).hexdigest(), content["hashes"]["model"]
        if found != built:
            raise UserError(
                f"{model}: has the hash {found}, but the accelerator was built from {built}; "
                "build it again"
            )
    return content


def clock_mhz(folder: Path, content: Mapping[str, Any]) -> float:
    """Return the clock to run at: the build's, or what place and route reached if that is less."""
    wanted = float(content["clock_mhz"])
    route = folder / ROUTE
    if not route.is_file():
        return wanted
    try:
        return min(wanted, float(json.loads(route.read_text())["clock_mhz"]))
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{route}: is damaged, it states no clock_mhz: {error!r}") from error
