"""The frames of the accelerator's input: images as the bytes that its stream carries.

Pixels go into the stream as they are, or as codes of 1 to 4 bits, if the network begins with a
function of each pixel and was built with ``--packed-pixels``. The driver, the simulation, the
build's own check and the golden vectors all make their frames here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from irnet_hw.artifact.manifest import Manifest

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Bits = npt.NDArray[np.bool_]


#: Pixels that are packed at once: few enough for a processor's cache.
_PIXELS = 2**18


class Frames:
    """Makes frames of images.

    Attributes:
        bytes: of a frame.
    """

    def __init__(self, manifest: Manifest):
        """Prepare for an accelerator.

        Args:
            manifest: its manifest.
        """
        entry = manifest.input
        self.bytes = entry.beats * entry.tdata_bits // 8
        self._pixels = entry.values
        self._beat = entry.bits
        self._padded = entry.tdata_bits != entry.bits
        digits = [[int(digit, 16) for digit in codes] for codes in manifest.pixel_codes]
        self._tables = len(digits)
        codes = np.array(digits, np.uint8).reshape(-1, 256)
        bits = entry.bits // entry.lanes if digits else 0
        self._planes = [_plane(codes >> bit & 1 == 1) for bit in range(bits)]

    def of(self, images: Bytes) -> Bytes:
        """Return the frames of images, uint8 [N, bytes], as they lie in memory one after the other.

        Args:
            images: uint8 [N, ...], of the manifest's shape.
        """
        if not self._tables:
            return np.ascontiguousarray(images).reshape(len(images), self.bytes)
        found = np.empty((len(images), self.bytes), np.uint8)
        step = max(1, _PIXELS * len(images) // max(1, images.size))
        for start in range(0, len(images), step):
            planes = self._bits(images[start : start + step])
            bits = planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)
            # Rows end with a beat where beats have padding.
            rows = bits.reshape((-1, self._beat) if self._padded else -1)
            packed = np.packbits(rows, axis=-1, bitorder="little")
            found[start : start + step] = packed.reshape(-1, self.bytes)
        return found

    def codes(self, images: Bytes) -> Bytes:
        """Return the code of each pixel, uint8 [N, pixels]; the pixels if they have no codes.

        Args:
            images: uint8 [N, ...], of the manifest's shape.
        """
        if not self._tables:
            return np.ascontiguousarray(images).reshape(len(images), self._pixels)
        planes = [plane.view(np.uint8) << bit for bit, plane in enumerate(self._bits(images))]
        found: Bytes = np.bitwise_or.reduce(planes).reshape(len(images), self._pixels)
        return found

    def _bits(self, images: Bytes) -> list[Bits]:
        """Return for each bit of a code that of all pixels, [pixels / tables, tables]."""
        # Comparisons are many times as fast as tables.
        pixels = np.ascontiguousarray(images).reshape(-1, self._tables)
        found = []
        for plane in self._planes:
            first, *others = plane.steps
            bits = pixels >= first
            for step in others:
                bits ^= pixels >= step
            if plane.start.any():
                bits ^= plane.start
            found.append(bits)
        return found


class _Plane(NamedTuple):
    """A bit of the codes, as a function of the pixel in each table.

    Attributes:
        steps: [steps, tables] the least pixel of each step; every step inverts the bit.
        start: [tables] the bit before all steps.
    """

    steps: Bytes
    start: Bits


def _plane(bits: Bits) -> _Plane:
    """Return a bit of the codes as steps.

    Args:
        bits: [tables, 256], for each pixel.
    """
    changes = [1 + np.flatnonzero(row[1:] != row[:-1]) for row in bits]
    most = max(1, *(len(row) for row in changes))
    # All pixels reach a step at 0, so each of them inverts the bit from the start.
    steps = [np.pad(row, (most - len(row), 0)) for row in changes]
    inverted = [(most - len(row)) % 2 == 1 for row in changes]
    return _Plane(np.array(steps, np.uint8).T, bits[:, 0] ^ np.array(inverted))
