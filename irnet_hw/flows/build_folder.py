"""An accelerator's folder, opened only if it is whole and as the compiler left it."""

from pathlib import Path
from typing import Any

from irnet_hw.compiler import manifest
from irnet_hw.errors import UserError


def open_build(folder: Path) -> dict[str, Any]:
    """Return the manifest of an accelerator's folder.

    Raises:
        UserError: the folder holds no accelerator, the manifest is damaged, or the model or a
            source is missing or was changed since.
    """
    content = manifest.load(folder)
    for key, names in {
        "model": ["model.onnx"],
        "sources": [*content["sources"], *content["data"]],
    }.items():
        try:
            found = manifest.digest(folder / name for name in names)
        except OSError as error:
            raise UserError(f"{error.filename}: can't be read: {error.strerror}") from error
        if found != content["hashes"][key]:
            what = "model.onnx" if key == "model" else "a source or hex file in rtl/"
            raise UserError(f"{folder}: {what} was changed since the build; build it again")
    return content
