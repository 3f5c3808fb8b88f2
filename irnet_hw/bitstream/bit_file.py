"""Bitstreams as Linux' FPGA manager takes them for Zynq: no header, and bytes swapped in each word.

A .bit file has a header, which names the design, part and date, and then the configuration data:
big-endian words of 32 bits. Zynq's configuration port takes little-endian words, and Linux passes
the data on unchanged.
"""

import struct
from pathlib import Path
from typing import NamedTuple

from irnet_hw.errors import UserError
from irnet_hw.read import file_bytes

#: The sync word, which marks where words begin; it comes before all commands.
_SYNC = bytes.fromhex("AA995566")
#: The constant content of the first field in the header.
_START = bytes.fromhex("0ff00ff00ff00ff000")


class BitFile(NamedTuple):
    """The contents of a .bit file.

    Attributes:
        part: AMD's part name; some tools leave out the leading "xc".
        data: the configuration data, whole big-endian words.
    """

    part: str
    data: bytes


def read_bit(path: Path) -> BitFile:
    """Return the contents of a .bit file.

    Raises:
        UserError: it can't be read, or is not a complete .bit file.
    """
    content = file_bytes(path)
    try:
        return _parse(content)
    except (struct.error, ValueError) as error:
        raise UserError(f"{path}: is not a complete .bit file") from error


def swapped(data: bytes) -> bytes:
    """Return data with the bytes of each 32-bit word swapped."""
    words = len(data) // 4
    return struct.pack(f"<{words}I", *struct.unpack(f">{words}I", data))


def _parse(content: bytes) -> BitFile:
    (length,) = struct.unpack_from(">H", content)
    if content[2 : 2 + length] != _START[:length] or length != len(_START):
        raise ValueError("it does not start like a .bit file")
    at, part = 2 + length + 2, ""
    while True:
        key = content[at : at + 1]
        if key == b"e":
            (length,) = struct.unpack_from(">I", content, at + 1)
            data = content[at + 5 :]
            if len(data) != length or length % 4 or _SYNC not in data:
                raise ValueError("the data is not complete")
            return BitFile(part, data)
        if key not in (b"a", b"b", b"c", b"d"):
            raise ValueError("it has fields that .bit files do not have")
        (length,) = struct.unpack_from(">H", content, at + 1)
        if key == b"b":
            part = content[at + 3 : at + 3 + length].rstrip(b"\0").decode("ascii")
        at += 3 + length
