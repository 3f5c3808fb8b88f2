"""The manifest as a board reads it, and what ties a bitstream to it.

The compiler writes manifests and checks them against their schema (irnet_hw/compiler/manifest.py);
what a board has to agree on with it is here, where nothing but the standard library is needed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from irnet_hw.errors import UserError

FILE = "manifest.json"
FORMAT = 4


def load(folder: Path) -> dict[str, Any]:
    """Read the manifest in a folder.

    Raises:
        UserError: it is missing, is no JSON, is of another format, or was changed.
    """
    content = read(folder)
    verify(content, folder)
    return content


def read(folder: Path) -> dict[str, Any]:
    """Read the manifest in a folder, which may have been changed.

    Raises:
        UserError: it is missing, is no JSON, or is of another format.
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
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise UserError(f"{path}: is of format {found}, must be of format {FORMAT}; build it again")
    return dict(content)


def verify(content: Mapping[str, Any], folder: Path) -> None:
    """Raise a UserError if the content of a manifest is not as it was written."""
    if content.get("hashes", {}).get("manifest") != own_digest(content):
        raise UserError(f"{Path(folder) / FILE}: was changed since the build; build it again")


def own_digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest without that hash."""
    hashes = {key: value for key, value in content.get("hashes", {}).items() if key != "manifest"}
    text = json.dumps({**content, "hashes": hashes}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def identity(hashes: Mapping[str, str]) -> str:
    """Return what the identity registers of an accelerator hold: 16 bytes, as hex.

    Args:
        hashes: the manifest's, of which those of the model, the sources and the shell count.
    """
    text = hashes["model"] + hashes["sources"] + hashes["shell"]
    return hashlib.sha256(text.encode()).hexdigest()[:32]
