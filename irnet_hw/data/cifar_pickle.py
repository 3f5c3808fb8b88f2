"""Read CIFAR's pickles safely: a pickle can normally run arbitrary code.

Python 2 wrote them: dictionaries of byte strings, with the pixels as one NumPy byte array under
"data". Only that array's three constructors are allowed, and stand-ins replace them, so not even
NumPy's code runs.
"""

import io
import pickle
from typing import Any

import numpy as np

from irnet_hw.data.dataset import Images
from irnet_hw.errors import UserError


class _Array:
    """Stands in for an array and keeps the state it is given."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Type:
    """Stands in for an array's dtype; only its name matters."""

    def __init__(self, name: Any, *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        """Ignore the byte order, which bytes don't have."""


#: NumPy 2 moved the first one; a file that was saved again may have either.
ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
}


class _RefusedError(Exception):
    """The file asks for something that is not allowed."""


class _Unpickler(pickle._Unpickler):
    """Never takes more memory than the file's length, however the file is damaged.

    This needs the Python implementation, since the C one's memo is an array of any claimed size.
    It also drops the one opcode that allocates memory in advance; CIFAR's protocol is older than
    that opcode.
    """

    dispatch = pickle._Unpickler.dispatch.copy()
    del dispatch[pickle.BYTEARRAY8[0]]

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise _RefusedError(f"{module}.{name}")
        return ADMITTED[module, name]


def read(content: bytes, key: str, pixels: int, where: str) -> tuple[Images, list[int]]:
    """Return the images and labels of a file.

    Args:
        content: the file's content.
        key: the key of the labels.
        pixels: bytes per image.
        where: the file's path, for messages.

    Returns:
        uint8 [N, pixels], and N labels.

    Raises:
        UserError: the file is damaged, holds something else, or would run code.
    """
    try:
        found = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except _RefusedError as error:
        raise UserError(
            f"{where}: asks for Python's {error}, which CIFAR's files don't need; it was not run"
        ) from error
    except Exception as error:  # a pickle is a program: damage can make it fail in any way
        raise UserError(f"{where}: is damaged, or is not one of CIFAR's pickles") from error
    table = found if isinstance(found, dict) else {}
    images, labels = _bytes(table.get(b"data"), pixels), table.get(key.encode())
    if images is None:
        raise UserError(f"{where}: data: must be an array of bytes, {pixels} for each image")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise UserError(f"{where}: {key}: must be a list of integers")
    if len(labels) != len(images):
        raise UserError(f"{where}: {key}: {len(labels)}, must be {len(images)}, one for each image")
    return images, labels


def _bytes(array: Any, width: int) -> Images | None:
    """Return an array's content, uint8 [N, width], or None if it is anything else."""
    match array:
        case _Array(state=(_, (int(rows), columns), _Type(name=b"u1"), False, bytes(content))):
            if columns == width and rows > 0 and len(content) == rows * width:
                return np.frombuffer(content, np.uint8).reshape(rows, width)
    return None
