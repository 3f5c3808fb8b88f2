"""The tensor in the bytes of an AXI4-Stream.

A stream is described as in the manifest: ``shape`` (NHWC without the N), ``datatype``, ``lanes``
(elements per beat, the first in the least significant bits), ``tdata_bits`` (bits per beat, padded
to whole bytes), ``beats`` (beats per image).
"""

import numpy as np
import numpy.typing as npt
from qonnx.core.datatype import DataType

from irnet_hw.artifact.manifest import Stream

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


def beat_bytes(stream: Stream) -> int:
    """Return the number of bytes in a beat."""
    return stream.tdata_bits // 8


def decode(beats: Bytes, stream: Stream) -> Ints:
    """Return the integers of a batch's beats, ±1 for BIPOLAR.

    Args:
        beats: [N * beats, bytes of a beat].
        stream: its description.

    Returns:
        [N, *shape].
    """
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
