"""A PYNQ board as a :class:`~irnet_hw.runtime.device.Device`, through its image's ``pynq`` package.

Written from the sources of PYNQ 2.7 to 4.0; we have not run it on a board.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import BITSTREAM
from irnet_hw.errors import UserError
from irnet_hw.runtime import boards

#: The name, in PYNQ's device trees, of the device that passes on the fabric's first interrupt.
_UIO_NAME = "fabric"
_UIO, _DEV = Path("/sys/class/uio"), Path("/dev")
#: The longest wait in seconds before the driver looks again, without and with an interrupt; a
#: bitstream made by other means may not raise it.
_POLL, _LONGEST = 0.0002, 0.01
_REGISTER_BYTES = 4096
#: How far the clock may exceed the requested one: rounding only.
_TOLERANCE = 1.0005


class _BoardLock:
    """The lock of the board's one fabric: one thread of one process uses it at a time."""

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
    """Lock the file that stands for the board; closing it unlocks it."""
    path = Path(tempfile.gettempdir()) / "irnet-hw-board.lock"
    try:
        # Another user may have created it, so don't ask for write access.
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
    """A buffer in the memory that PYNQ reserves for the fabric."""

    def __init__(self, buffer: Any):
        self.array = np.asarray(buffer)
        self.address = int(buffer.physical_address)
        self._buffer = buffer

    def flush(self, size: int) -> None:
        """Write the first ``size`` bytes from the processor's cache to the memory."""
        with _told("memory"):
            self._buffer[:size].flush()

    def invalidate(self, size: int) -> None:
        """Drop the first ``size`` bytes from the processor's cache."""
        with _told("memory"):
            self._buffer[:size].invalidate()

    def free(self) -> None:
        """Give the memory back."""
        with _told("memory"):
            self._buffer.freebuffer()


class PynqDevice:
    """The board that this Python runs on, with an accelerator's bitstream loaded."""

    kind = "board"
    lock = _BoardLock()

    def __init__(self, folder: Path, manifest: Manifest):
        """Load the bitstream.

        Args:
            folder: the accelerator's, with its bitstream.
            manifest: its manifest.

        Raises:
            UserError: this is not a PYNQ board, its image has a version that does not work on the
                board, or pynq fails.
        """
        board, base = boards.board(manifest.board), manifest.shell.base_address
        if base not in board.fabric or base % _REGISTER_BYTES:
            raise UserError(
                f"base_address: {base:#x}, must be in the {board.title}'s range for the fabric, "
                f"from {board.fabric[0]:#x} to {board.fabric[-1]:#x}; build it again"
            )
        try:
            import pynq
        except Exception as error:  # importing pynq loads libraries and probes the machine
            raise UserError(
                f"pynq: can't be imported ({_text(error)}); must run on a PYNQ board, "
                'or simulate it with device="sim"'
            ) from error
        version = getattr(pynq, "__version__", "")
        board.require_version(version)
        self._pynq, self._uio = pynq, None
        bitstream = folder / BITSTREAM
        # Wait until nobody uses the fabric's current design.
        with self.lock, _told(str(bitstream), board):
            path = str(bitstream.absolute())
            if bitstream.with_suffix(".hwh").is_file():
                self._design = pynq.Overlay(path)
            else:
                self._design = pynq.Bitstream(path)
                self._design.download()
            for one in board.settings:
                register = pynq.MMIO(one.address, 4)
                register.write(0, int(register.read(0)) & ~one.mask | one.value)
            self._registers = pynq.MMIO(base, _REGISTER_BYTES)
            self.clock_mhz = float(pynq.Clocks.fclk0_mhz)
            self._uio = _open_uio()

    def read(self, offset: int) -> int:
        """Return a register's 32 bits."""
        return int(self._registers.read(offset))

    def write(self, offset: int, value: int) -> None:
        """Write a register's 32 bits."""
        self._registers.write(offset, int(value))  # pynq rejects subclasses of int

    def allocate(self, size: int) -> PynqBuffer:
        """Return a buffer of ``size`` bytes."""
        try:
            return PynqBuffer(self._pynq.allocate((size,), dtype="u1"))
        except Exception as error:  # from pynq, XRT or the system
            raise UserError(
                f"memory: {size} bytes for images and results can't be allocated "
                f"({_text(error)}); close other programs that use the board's contiguous memory"
            ) from error

    def wait(self, seconds: float) -> None:
        """Wait for the interrupt if the image passes it on, else for a moment."""
        if self._uio is None:
            time.sleep(min(seconds, _POLL))
            return
        with _told("interrupt"):
            os.write(self._uio, (1).to_bytes(4, "little"))  # enables it; each one disables it again
            if select.select([self._uio], [], [], min(seconds, _LONGEST))[0]:
                os.read(self._uio, 4)

    def now(self) -> float:
        """Return seconds since an arbitrary moment."""
        return time.monotonic()

    def set_clock(self, mhz: float) -> None:
        """Set the fabric's clock to the highest possible one that does not exceed ``mhz``."""
        clocks, wanted = self._pynq.Clocks, mhz
        with _told("clock_mhz"):
            clocks.fclk0_mhz = wanted
            while clocks.fclk0_mhz > mhz * _TOLERANCE:
                wanted *= 0.99
                if wanted < mhz / 2:
                    raise UserError(
                        f"clock_mhz: {mhz:g}, but the board can't go below {clocks.fclk0_mhz:g}"
                    )
                clocks.fclk0_mhz = wanted
            self.clock_mhz = float(clocks.fclk0_mhz)

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


@contextlib.contextmanager
def _told(what: str, board: boards.Board | None = None) -> Iterator[None]:
    """Turn any exception from pynq into a message that says what to do on a board."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{what}: {_text(error)}; {_advice(error, board)}") from error


def _text(error: Exception) -> str:
    """Return an error in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _advice(error: Exception, board: boards.Board | None) -> str:
    text = str(error).lower()
    if "root" in text or getattr(error, "errno", None) in (errno.EACCES, errno.EPERM):
        return "run Python as root, as the board's Jupyter does (sudo -E python3)"
    if "devices found" in text or "open device" in text or "xrt" in text:
        return (
            "pynq sees no FPGA; run as root in the environment of the board's image, where "
            "XILINX_XRT is set (source /etc/profile.d/xrt_setup.sh), or reboot the board"
        )
    if "metadata" in text or "hwh" in text or isinstance(error, (KeyError, SyntaxError)):
        return (
            "irnet.hwh next to the bitstream is missing, damaged or from another run; copy "
            "irnet.bit and irnet.hwh from the same run, or remove irnet.hwh"
        )
    if "invalid length" in text or "unknown field" in text:
        return "the bitstream is damaged; copy or make it again"
    image = f" that the image has {board.versions()}, and" if board else ""
    return f"make sure{image} that nothing else uses the fabric, and reboot the board"
