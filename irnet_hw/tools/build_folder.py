"""An accelerator's folder, opened only if it is whole and as the compiler left it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from irnet_hw.compiler.emission import manifest
from irnet_hw.compiler.emission.board_top import shell_digest
from irnet_hw.errors import UserError
from irnet_hw.simulate.trusted_sources import require_trusted


def open_build(folder: Path) -> dict[str, Any]:
    """Return the manifest of an accelerator's folder.

    Raises:
        UserError: the folder holds no accelerator, the manifest is damaged, or it, the model, the
            hardware graph or a source is missing or was changed since.
    """
    content = manifest.load(folder)
    for what in ("model", "dataflow"):
        file = folder / f"{what}.onnx"
        try:
            found = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            raise UserError(f"{file}: can't be read: {error.strerror}") from error
        _require_equal(folder, file.name, found, content["hashes"][what])
    require_sources(folder, content)
    return content


def open_for_tools(folder: Path) -> dict[str, Any]:
    """Return the manifest of an accelerator's folder whose sources are to be compiled.

    Raises:
        UserError: as from :func:`open_build`, or a tool must not see a source.
    """
    content = open_build(folder)
    require_trusted(folder, content)
    return content


def require_sources(folder: Path, content: Mapping[str, Any]) -> None:
    """Make sure that the sources of an accelerator and of its shell are those of the build.

    Args:
        folder: the accelerator's, or a package's, which has no model.
        content: its manifest.

    Raises:
        UserError: one is missing or was changed since.
    """
    try:
        rtl = manifest.digest(folder / file for file in content["sources"] + content["data"])
        shell = shell_digest(content, folder)
    except OSError as error:
        raise UserError(f"{error.filename}: can't be read: {error.strerror}") from error
    _require_equal(folder, "a source or hex file in rtl/", rtl, content["hashes"]["sources"])
    _require_equal(folder, "a source in shell/", shell, content["hashes"]["shell"])


def _require_equal(folder: Path, what: str, found: str, built: str) -> None:
    if found != built:
        raise UserError(f"{folder}: {what} was changed since the build; build it again")
