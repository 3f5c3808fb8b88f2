"""Images inside a page: writes PNG with the standard library only."""

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

_COLOUR_TYPE = {1: 0, 3: 2}  # PNG's numbers for grey and RGB


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """Return an image as a PNG file (ISO/IEC 15948), 8 bits per sample.

    Args:
        image: [height, width, channels]; 1 channel is grey, 3 are RGB; any other number is averaged
            to grey. A vector becomes one grey row.
    """
    image = np.atleast_3d(image)
    if image.shape[2] not in _COLOUR_TYPE:
        image = image.mean(axis=2, keepdims=True).astype(np.uint8)
    height, width, channels = image.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPE[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(image))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows, 9))
        + _chunk(b"IEND", b"")
    )


def data_uri(image: npt.NDArray[np.uint8]) -> str:
    """Return an image as the ``src`` of an ``img`` element."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
