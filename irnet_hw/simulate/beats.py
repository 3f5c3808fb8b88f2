"""A tensor as the bytes of an AXI4-Stream, and back.

A stream is described as in the manifest: ``shape`` (NHWC without the N), ``datatype``, ``lanes``
(elements per beat, the first in the least significant bits), ``tdata_bits`` (bits per beat, padded
to whole bytes), ``beats`` (beats per image).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.datatype import DataType

from irnet_hw.artifact.manifest import Stream

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


def beat_bytes(stream: Stream) -> int:
    """Return the number of bytes in a beat."""
    return stream.tdata_bits // 8


def encode(values: npt.NDArray[Any], stream: Stream) -> Bytes:
    """Return the beats of a batch.

    Args:
        values: integers [N, *shape], ±1 for BIPOLAR.
        stream: its description.

    Returns:
        [N * beats, bytes of a beat].
    """
    lanes, bits = stream.lanes, _element_bits(stream)
    if bits == 8:  # whole data sets of images come through here: skip the bitmap
        return np.ascontiguousarray(values.astype(np.uint8)).reshape(-1, lanes)
    if stream.datatype == "BIPOLAR":
        values = values > 0
    rows = values.reshape(-1, lanes, 1).astype(np.int64)
    bitmap = (rows >> np.arange(bits) & 1).astype(np.uint8).reshape(len(rows), lanes * bits)
    pad = stream.tdata_bits - lanes * bits
    return np.packbits(np.pad(bitmap, ((0, 0), (0, pad))), axis=1, bitorder="little")


def decode(beats: Bytes, stream: Stream) -> Ints:
    """Return the integers [N, *shape] of a batch's beats, as :func:`encode` makes them."""
    lanes, bits = stream.lanes, _element_bits(stream)
    bitmap = np.unpackbits(beats, axis=1, count=lanes * bits, bitorder="little")
    rows = bitmap.reshape(-1, lanes, bits).astype(np.int64) @ (np.int64(1) << np.arange(bits))
    if stream.datatype == "BIPOLAR":
        rows = 2 * rows - 1
    elif DataType[stream.datatype].signed():
        rows -= (rows >> (bits - 1)) << bits
    return rows.reshape(-1, *stream.shape)


def _element_bits(stream: Stream) -> int:
    return int(DataType[stream.datatype].bitwidth())
