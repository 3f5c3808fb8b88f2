"""Read TOML from untrusted sources; see :mod:`irnet_hw.read`."""

import tomllib
from pathlib import Path
from typing import Any

from irnet_hw.errors import UserError
from irnet_hw.read import DEPTH, check_values, file_bytes, text_of

#: Far more than any TOML file of this project.
TOML_BYTES = 2**20


class NotTomlError(UserError):
    """A text breaks TOML's grammar, as opposed to one of this module's limits."""


def toml_file(path: Path) -> dict[str, Any]:
    """Return the table in a TOML file.

    Raises:
        UserError: the file can't be read, or :func:`toml_text` refuses its content.
    """
    return toml_text(text_of(file_bytes(path, TOML_BYTES), str(path)), str(path))


def toml_text(text: str, where: str) -> dict[str, Any]:
    """Return the table of a TOML text.

    Args:
        text: the text, at most :data:`TOML_BYTES` characters.
        where: the file, for messages.

    Raises:
        NotTomlError: the text is not TOML.
        UserError: the text is too long, or :func:`irnet_hw.read.check_values` refuses a value.
    """
    if len(text) > TOML_BYTES:
        raise UserError(f"{where}: has more than {TOML_BYTES:,} characters")
    try:
        content = tomllib.loads(text)
    except RecursionError as error:
        raise UserError(f"{where}: nests more than {DEPTH} deep") from error
    except tomllib.TOMLDecodeError as error:
        raise NotTomlError(f"{where}: is not TOML: {error}") from error
    except ValueError as error:  # Python's limit of 4300 digits
        raise UserError(f"{where}: holds an integer that does not fit 64 bits") from error
    check_values(content, where)
    return content
