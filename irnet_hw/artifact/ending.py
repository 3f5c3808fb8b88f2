"""The file tail.json of a FINN build: what turns the integers of its accelerator into outputs."""

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Tuple

from irnet_hw import form
from irnet_hw.artifact.manifest import Scale
from irnet_hw.artifact.tail import Tail, fault
from irnet_hw.errors import UserError
from irnet_hw.form import Size
from irnet_hw.read import json_file


@dataclass(frozen=True)
class Exit:
    """The accelerator's output.

    Attributes:
        shape: of a frame, channels last.
        scale: the value of one integer step.
    """

    shape: Tuple[Size, ...]
    scale: Scale


@dataclass(frozen=True)
class Ending:
    """The content of the file; its fields are called as those of a manifest.

    Attributes:
        output: the accelerator's output.
        tail: what the QONNX file computes after it.
    """

    output: Exit
    tail: Tail


def load(path: Path) -> Ending:
    """Read the file.

    Raises:
        UserError: it can't be read, or does not hold an ending; names the file.
    """
    path = Path(path)
    found = form.load(Ending, json_file(path), str(path))
    if prod(found.tail.entry) != prod(found.output.shape):
        raise UserError(
            f"{path}: tail.entry = {list(found.tail.entry)}, must have output.shape's "
            f"{prod(found.output.shape)} values"
        )
    wrong = fault(found.tail)
    if wrong:
        raise UserError(f"{path}: {wrong}")
    return found


def write(ending: Ending, path: Path) -> None:
    """Write the file."""
    path.write_text(json.dumps(form.plain(ending), indent=1) + "\n")
