"""The files that an export writes into a folder, all or none of them."""

import contextlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from irnet_hw import read
from irnet_hw.files import Known, holds_json, whole_file

#: The results of the checks, with the other files' hashes.
SUMMARY = "export.json"

#: Number of images with golden vectors.
GOLDEN_IMAGES = 8

_is_summary = holds_json(name=..., sha256=...)


def _is_exported(path: Path) -> bool:
    """Return whether a file is as an export wrote it, by the hash in its folder's export.json."""
    summary = path.with_name(SUMMARY)
    if not _is_summary(summary):
        return False
    hashes = read.json_file(summary)["sha256"]
    return isinstance(hashes, dict) and hashes.get(path.name) == read.sha256(path)


def known(names: Iterable[str]) -> dict[str, Known]:
    """Return for each file of an export, and for its summary, the check that it is ours."""
    return {**dict.fromkeys(names, _is_exported), SUMMARY: _is_summary}


def npz(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Return arrays as the content of a file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all files or none: write each under a temporary name, then rename them all."""
    with contextlib.ExitStack() as stack:
        for name, content in files.items():
            stack.enter_context(whole_file(folder / name)).write_bytes(content)
