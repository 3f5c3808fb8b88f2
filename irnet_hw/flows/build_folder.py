"""An accelerator's folder, opened only if it is whole and as the compiler left it."""

import hashlib
from pathlib import Path
from typing import Any

from irnet_hw.compiler import manifest
from irnet_hw.compiler.shell import shell_files
from irnet_hw.errors import UserError


def open_build(folder: Path) -> dict[str, Any]:
    """Return the manifest of an accelerator's folder.

    Raises:
        UserError: the folder holds no accelerator, the manifest is damaged, or it, the model, the
            hardware graph or a source is missing or was changed since.
    """
    content = manifest.load(folder)
    hashes = content["hashes"]
    try:
        model, dataflow = (
            hashlib.sha256((folder / file).read_bytes()).hexdigest()
            for file in ("model.onnx", "dataflow.onnx")
        )
        sources, shell = (
            manifest.digest(folder / file for file in files)
            for files in (content["sources"] + content["data"], shell_files(content))
        )
    except OSError as error:
        raise UserError(f"{error.filename}: can't be read: {error.strerror}") from error
    for what, found, built in (
        ("model.onnx", model, hashes["model"]),
        ("dataflow.onnx", dataflow, hashes["dataflow"]),
        ("a source or hex file in rtl/", sources, hashes["sources"]),
        ("a source in shell/", shell, hashes["shell"]),
    ):
        if found != built:
            raise UserError(f"{folder}: {what} was changed since the build; build it again")
    return content
