"""The one way to read TOML that somebody else may have made; see :mod:`irnet_hw.read`."""

import tomllib
from pathlib import Path
from typing import Any

from irnet_hw.errors import UserError
from irnet_hw.read import DEPTH, check_values, file_bytes, text_of

#: No TOML file of ours comes near this.
TOML_BYTES = 2**20


class NotTomlError(UserError):
    """A text is no TOML: what TOML's grammar says, not one of this module's limits."""


def toml_file(path: Path) -> dict[str, Any]:
    """Return the table that a TOML file holds.

    Raises:
        UserError: it can't be read, or is not what :func:`toml_text` takes.
    """
    return toml_text(text_of(file_bytes(path, TOML_BYTES), str(path)), str(path))


def toml_text(text: str, where: str) -> dict[str, Any]:
    """Return the table of a TOML text.

    Args:
        text: of at most :data:`TOML_BYTES` characters.
        where: the file, for messages.

    Raises:
        NotTomlError: it is no TOML.
        UserError: it is too long, or a value is none that
            :func:`irnet_hw.read.check_values` lets through.
    """
    if len(text) > TOML_BYTES:
        raise UserError(f"{where}: has more than {TOML_BYTES:,} characters")
    try:
        content = tomllib.loads(text)
    except RecursionError as error:
        raise UserError(f"{where}: nests more than {DEPTH} deep") from error
    except tomllib.TOMLDecodeError as error:
        raise NotTomlError(f"{where}: is no TOML: {error}") from error
    except ValueError as error:  # Python's limit of 4300 digits
        raise UserError(f"{where}: holds an integer that does not fit 64 bits") from error
    check_values(content, where)
    return content
