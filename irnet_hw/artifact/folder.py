"""Checks that the files in an accelerator's folder are those of the build."""

import hashlib
from pathlib import Path
from typing import Iterable

from irnet_hw.artifact import manifest
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import DATAFLOW, MODEL, RTL, SHELL
from irnet_hw.errors import UserError
from irnet_hw.read import file_bytes, sha256

_HINT = "build it again"


def open_build(folder: Path) -> Manifest:
    """Return the manifest of an accelerator's folder, if everything is as the compiler left it.

    Raises:
        UserError: the folder contains no accelerator, the manifest is damaged, or the manifest, the
            model, the hardware graph or a source is missing or was changed since the build.
    """
    built = manifest.load(folder)
    if not (folder / MODEL).exists():  # a package, or what was unpacked from it
        raise UserError(
            f"{folder}: has no {MODEL}, must be a folder made by irnet-hw build; "
            f"{manifest.PACKAGES}"
        )
    for name, hash_ in ((MODEL, built.hashes.model), (DATAFLOW, built.hashes.dataflow)):
        _require_equal(folder, name, sha256(folder / name, _HINT), hash_)
    require_sources(folder, built)
    return built


def require_sources(folder: Path, built: Manifest) -> None:
    """Make sure that the sources of an accelerator and of its shell are those of the build.

    Args:
        folder: the accelerator's, or a package's, which has no model.
        built: its manifest.

    Raises:
        UserError: one is missing or was changed since the build.
    """
    rtl = digest(folder / file for file in (*built.sources, *built.data))
    shell = shell_digest(built, folder)
    _require_equal(folder, f"a source or hex file in {RTL}/", rtl, built.hashes.sources)
    _require_equal(folder, f"a source in {SHELL}/", shell, built.hashes.shell)


def digest(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of files: of their names, sizes and contents.

    Raises:
        UserError: one can't be read.
    """
    total = hashlib.sha256()
    for path in paths:
        data = file_bytes(path, hint=_HINT)
        total.update(f"{path.name} {len(data)}\n".encode())
        total.update(data)
    return total.hexdigest()


def shell_digest(built: Manifest, folder: Path) -> str:
    """Return the SHA-256 of the shell's files, leaving out the identity's digits in the top."""
    sources = digest(folder / source for source in built.shell.sources)
    digits = identity_digits(built.shell.identity).encode()
    top = file_bytes(folder / built.shell.top_file, hint=_HINT).replace(digits, b"")
    return hashlib.sha256(sources.encode() + top).hexdigest()


def identity_digits(identity: str) -> str:
    """Return an identity in the form of the shell's parameter: its first byte is the lowest."""
    return bytes.fromhex(identity)[::-1].hex()


def _require_equal(folder: Path, what: str, found: str, built: str) -> None:
    if found != built:
        raise UserError(f"{folder}: {what} was changed since the build; {_HINT}")
