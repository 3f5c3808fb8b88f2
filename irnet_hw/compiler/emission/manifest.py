"""The manifest: what an accelerator's folder holds and what everything beside it needs to know."""

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jsonschema

from irnet_hw.errors import UserError
from irnet_hw.runtime.manifest import FILE, FORMAT, check_form, own_digest, read, verify

__all__ = ["FILE", "FORMAT", "check", "digest", "load", "versions", "write"]

_SCHEMA = Path(__file__).with_name("manifest.schema.json")


def load(folder: Path) -> dict[str, Any]:
    """Read and check the manifest of an accelerator's folder.

    Raises:
        UserError: it is missing, is no JSON, does not have the form that the schema says, or was
            changed.
    """
    content = read(folder)
    try:
        check(content)
    except jsonschema.ValidationError as error:
        where = "/".join(str(part) for part in error.absolute_path) or "manifest"
        message = f"{Path(folder) / FILE}: is damaged, {where}: {error.message}"
        raise UserError(message) from error
    check_form(content, folder)
    verify(content, folder)
    return content


def check(content: object) -> None:
    """Raise jsonschema's ValidationError unless the content has the form that the schema says."""
    jsonschema.validate(content, json.loads(_SCHEMA.read_text()))


def write(content: dict[str, Any], folder: Path) -> None:
    """Write a manifest into a folder, checked, with its own hash set."""
    content["hashes"]["manifest"] = own_digest(content)
    check(content)
    (folder / FILE).write_text(json.dumps(content, indent=1) + "\n")


def digest(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of files, of their names and sizes as well as of their contents."""
    total = hashlib.sha256()
    for path in paths:
        data = path.read_bytes()
        total.update(f"{path.name} {len(data)}\n".encode())
        total.update(data)
    return total.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of what made the accelerator."""
    found = {}
    for package in ("irnet-hw", "finn-plus", "qonnx", "onnx", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # a checkout that was not installed
            found[package] = "source"
    return found
