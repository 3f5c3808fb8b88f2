"""A PYNQ board as a :class:`~irnet_hw.runtime.device.Device`, by the ``pynq`` package of its image.

Written to PYNQ's sources of 2.7 and 3.0; it has not been run on a board by us.
"""

from __future__ import annotations

import fcntl
import os
import select
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from irnet_hw.errors import UserError
from irnet_hw.runtime.package import BITSTREAM

#: PYNQ's device trees call the device by this name that passes on the fabric's first interrupt.
_UIO_NAME = "fabric"
_UIO, _DEV = Path("/sys/class/uio"), Path("/dev")
#: After so many seconds at the latest the driver looks again: without an interrupt, and with one,
#: which a bitstream of other making may not raise.
_POLL, _LONGEST = 0.0002, 0.01
_REGISTER_BYTES = 4096
#: How far above the clock asked for a divisor's clock may lie: rounding, and no more.
_TOLERANCE = 1.0005


class _BoardLock:
    """Who uses the board: one thread of one process, as there is one fabric."""

    def __init__(self) -> None:
        self._thread = threading.RLock()
        self._depth, self._file = 0, -1

    def __enter__(self) -> None:
        self._thread.acquire()
        try:
            if self._depth == 0:
                self._file = _locked_file()
            self._depth += 1
        except BaseException:
            self._thread.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            os.close(self._file)
        self._thread.release()


def _locked_file() -> int:
    """Wait for the file that stands for the board; it is unlocked where it is closed."""
    path = Path(tempfile.gettempdir()) / "irnet-hw-board.lock"
    try:
        # Who made it may be another user: nobody has to write it.
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        file = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except BaseException:
        os.close(file)
        raise
    return file


class PynqBuffer:
    """A buffer of the memory that PYNQ sets aside for the fabric."""

    def __init__(self, buffer: Any):
        self.array = np.asarray(buffer)
        self.address = int(buffer.physical_address)
        self._buffer = buffer

    def flush(self, size: int) -> None:
        """Bring what the processor wrote to the memory: the first so many bytes."""
        self._buffer[:size].flush()

    def invalidate(self, size: int) -> None:
        """Forget what the processor knows of the first so many bytes."""
        self._buffer[:size].invalidate()

    def free(self) -> None:
        """Give the memory back."""
        self._buffer.freebuffer()


class PynqDevice:
    """The board that this Python runs on, with an accelerator's bitstream loaded."""

    kind = "board"
    lock = _BoardLock()

    def __init__(self, folder: Path, manifest: Mapping[str, Any]):
        """Load the bitstream.

        Args:
            folder: the accelerator's, with its bitstream.
            manifest: its manifest.

        Raises:
            UserError: this is no PYNQ board.
        """
        bitstream = folder / BITSTREAM
        try:
            import pynq
        except ImportError as error:
            raise UserError(
                f"pynq: can't be imported ({error}); must run on a PYNQ board, "
                'or simulate it with device="sim"'
            ) from error
        self._pynq = pynq
        path = str(bitstream.absolute())
        if bitstream.with_suffix(".hwh").is_file():
            # This metadata sets the width of the memory's ports too.
            self._design = pynq.Overlay(path)
        else:
            self._design = pynq.Bitstream(path)
            self._design.download()
        self._registers = pynq.MMIO(manifest["shell"]["base_address"], _REGISTER_BYTES)
        self._uio = _open_uio()
        self.clock_mhz = float(pynq.Clocks.fclk0_mhz)

    def read(self, offset: int) -> int:
        """Return a register's 32 bits."""
        return int(self._registers.read(offset))

    def write(self, offset: int, value: int) -> None:
        """Write a register's 32 bits."""
        self._registers.write(offset, int(value))  # of which pynq takes no subclass

    def allocate(self, size: int) -> PynqBuffer:
        """Return a buffer of so many bytes."""
        try:
            return PynqBuffer(self._pynq.allocate((size,), dtype="u1"))
        except (RuntimeError, MemoryError) as error:
            raise UserError(
                f"memory: {size} bytes for images and results can't be had ({error}); "
                "close what else uses the board's contiguous memory"
            ) from error

    def wait(self, seconds: float) -> None:
        """Wait for the interrupt where the image passes it on, else for a moment."""
        if self._uio is None:
            time.sleep(min(seconds, _POLL))
            return
        os.write(self._uio, (1).to_bytes(4, "little"))  # which the kernel takes away each time
        if select.select([self._uio], [], [], min(seconds, _LONGEST))[0]:
            os.read(self._uio, 4)

    def now(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    def set_clock(self, mhz: float) -> None:
        """Set the fabric's clock to the highest that the divisors give and that is not above."""
        wanted = mhz
        self._pynq.Clocks.fclk0_mhz = wanted
        while self._pynq.Clocks.fclk0_mhz > mhz * _TOLERANCE:
            wanted *= 0.99
            self._pynq.Clocks.fclk0_mhz = wanted
        self.clock_mhz = float(self._pynq.Clocks.fclk0_mhz)

    def close(self) -> None:
        """Give the interrupt back; the bitstream stays loaded."""
        if self._uio is not None:
            os.close(self._uio)
            self._uio = None


def _open_uio() -> int | None:
    for entry in sorted(_UIO.glob("uio*")):
        if (entry / "name").read_text().strip() == _UIO_NAME:
            return os.open(str(_DEV / entry.name), os.O_RDWR)
    return None
