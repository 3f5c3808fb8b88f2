"""The manifest: what an accelerator's folder holds and what everything beside it needs to know."""

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jsonschema

from irnet_hw.errors import UserError

FILE = "manifest.json"
FORMAT = 2
_SCHEMA = Path(__file__).with_name("manifest.schema.json")


def load(folder: Path) -> dict[str, Any]:
    """Read and check the manifest of an accelerator's folder.

    Raises:
        UserError: it is missing, is no JSON, or does not have the form that the schema says,
            or was changed.
    """
    path = Path(folder) / FILE
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise UserError(
            f"{path}: can't be read: {error.strerror}; must be in a folder made by irnet-hw build"
        ) from error
    except ValueError as error:
        raise UserError(f"{path}: is damaged, it is no JSON: {error}") from error
    try:
        check(content)
    except jsonschema.ValidationError as error:
        where = "/".join(str(part) for part in error.absolute_path) or "manifest"
        raise UserError(f"{path}: is damaged, {where}: {error.message}") from error
    found: dict[str, Any] = content
    if found["hashes"]["manifest"] != _own_digest(found):
        raise UserError(f"{path}: was changed since the build; build it again")
    return found


def check(content: object) -> None:
    """Raise jsonschema's ValidationError unless the content has the form that the schema says."""
    jsonschema.validate(content, json.loads(_SCHEMA.read_text()))


def write(content: dict[str, Any], folder: Path) -> None:
    """Write a manifest into a folder, checked, with its own hash set."""
    content["hashes"]["manifest"] = _own_digest(content)
    check(content)
    (folder / FILE).write_text(json.dumps(content, indent=1) + "\n")


def _own_digest(content: dict[str, Any]) -> str:
    """Return the SHA-256 of a manifest without that hash."""
    hashes = {key: value for key, value in content["hashes"].items() if key != "manifest"}
    text = json.dumps({**content, "hashes": hashes}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


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
