"""The simulated board: shell and accelerator in cycle-accurate simulation, with a memory.

Like a PYNQ board it is a :class:`~irnet_hw.runtime.device.Device`, with registers, interrupt,
buffers, caches and time, so the same driver runs on both. Its seconds are seconds on the board,
however long the simulation takes.
"""

import ctypes
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from irnet_hw.artifact.folder import require_sources
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.errors import UserError
from irnet_hw.progress import say
from irnet_hw.simulate.compile import Design, compile_design, start
from irnet_hw.verilog.trusted import require_trusted

_HARNESS = Path(__file__).with_name("board.cpp")
#: Where the buffers start. Each has its own pages, with an unused page after it, so that an access
#: beyond its end gets an error response.
_MEMORY, _PAGE = 0x1000_0000, 4096
_RESPONSES = {2: "SLVERR", 3: "DECERR", 4: "nothing"}
#: Ctrl-C works between calls that take about this many seconds.
_CALL_SECONDS = 0.2


class _Timing(ctypes.Structure):
    """board.cpp's struct Timing."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("read", "write", "in_flight", "access"))


#: Latencies of the memory and of a register access, in cycles of the board's clock; chosen for a
#: Zynq at 100 MHz, not measured on one.
TIMING = _Timing(read=40, write=30, in_flight=8, access=20)


class SimulatedBuffer:
    """A buffer in the simulated memory, seen through a cache as on a board.

    Attributes:
        array: the bytes as the processor sees them.
        address: the first byte's.
    """

    def __init__(self, board: "SimulatedBoard", address: int, size: int):
        self.array: npt.NDArray[np.uint8] = np.zeros(size, np.uint8)
        self.address = address
        self._board = board
        self._memory = np.zeros(size, np.uint8)
        board.map(address, self._memory)

    def flush(self, size: int) -> None:
        """Write the first ``size`` bytes from the processor's cache to the memory."""
        self._memory[:size] = self.array[:size]

    def invalidate(self, size: int) -> None:
        """Let the processor see the memory's contents, for the first ``size`` bytes."""
        self.array[:size] = self._memory[:size]

    def free(self) -> None:
        """Give the memory back: from now on the accelerator's accesses to it get an error."""
        self._board.unmap(self.address)


class SimulatedBoard:
    """A simulated board.

    Attributes:
        clock_mhz: cycles per simulated microsecond.
        simulating: real seconds spent simulating so far.
    """

    kind = "sim"

    def __init__(self, folder: Path, manifest: Manifest, named: Path | None = None):
        """Compile the board, or reuse the library compiled from equal sources, and reset it.

        Args:
            folder: the accelerator's; it is not needed afterwards.
            manifest: its manifest.
            named: the path to show in messages, if it is not the folder.

        Raises:
            UserError: a source is missing, was changed or must not be compiled, or a compiler is
                missing.
        """
        self._folder = named or folder
        self._board: ctypes.c_void_p | None = None
        # ctypes releases the GIL during a call, and the library is not thread-safe.
        self.lock = threading.RLock()
        # Not the whole folder: a package contains no model.
        require_sources(folder, manifest)
        require_trusted(folder, manifest)
        say("compiling the simulation")
        design = Design(manifest.shell.top, manifest.files, _HARNESS)
        compiled = compile_design(folder, manifest, design)
        self._library = ctypes.CDLL(str(compiled.library))
        self._library.board_offence.restype = ctypes.c_char_p
        self._library.board_wait.restype = ctypes.c_bool
        for name in ("cycle", "words_read", "words_written"):
            getattr(self._library, f"board_{name}").restype = ctypes.c_uint64
        timing = ctypes.byref(TIMING)
        self._board = start(self._library, "board_new", folder, manifest, timing)
        self.clock_mhz = float(manifest.clock_mhz)
        self.simulating = 0.0
        self._next = _MEMORY
        self._cycles_per_call = 1000
        self._spent, self._since = 0.0, 0

    def read(self, offset: int) -> int:
        """Return a register's 32 bits."""
        value = ctypes.c_uint32()
        self._access("read", offset, ctypes.byref(value))
        return value.value

    def write(self, offset: int, value: int) -> None:
        """Write a register's 32 bits."""
        self._access("write", offset, ctypes.c_uint32(value))

    def _access(self, function: str, offset: int, argument: Any) -> None:
        with self.lock:
            began = time.perf_counter()
            response = self._call(function, ctypes.c_uint32(offset), argument)
            self.simulating += time.perf_counter() - began
            if response:
                raise UserError(
                    f"{self._folder}: the register at {int(offset):#x} answers "
                    f"{_RESPONSES[response]}"
                )
            self._check_protocol()

    def _call(self, function: str, *arguments: Any) -> Any:
        """Call a function of the library on this board; one thread at a time."""
        with self.lock:
            if self._board is None:
                raise UserError(f"{self._folder}: the simulated board was closed; make a new one")
            return getattr(self._library, f"board_{function}")(self._board, *arguments)

    def allocate(self, size: int) -> SimulatedBuffer:
        """Return a buffer of ``size`` bytes."""
        with self.lock:
            address = self._next
            self._next += (size // _PAGE + 2) * _PAGE
            return SimulatedBuffer(self, address, size)

    def map(self, address: int, memory: npt.NDArray[np.uint8]) -> None:
        """Map memory at an address."""
        self._call(
            "map",
            ctypes.c_uint64(address),
            ctypes.c_uint64(memory.nbytes),
            ctypes.c_void_p(memory.ctypes.data),
        )

    def unmap(self, address: int) -> None:
        """Unmap the memory at an address."""
        self._call("unmap", ctypes.c_uint64(address))

    def wait(self, seconds: float) -> None:
        """Let simulated time pass until the interrupt comes, at most ``seconds``."""
        left = max(1, round(seconds * self.clock_mhz * 1e6))
        interrupt = False
        with self.lock:
            while left > 0 and not interrupt:
                cycles = min(left, self._cycles_per_call)
                began = time.perf_counter()
                interrupt = self._call("wait", ctypes.c_uint64(cycles))
                took = time.perf_counter() - began
                self.simulating += took
                left -= cycles
                if not interrupt:
                    self._cycles_per_call = max(1, int(cycles * _CALL_SECONDS / max(took, 1e-4)))
            self._check_protocol()

    def cycle(self) -> int:
        """Return the number of cycles since the start."""
        return int(self._call("cycle"))

    def words(self) -> tuple[int, int]:
        """Return how many 64-bit words the accelerator has read and written since the start."""
        with self.lock:
            return int(self._call("words_read")), int(self._call("words_written"))

    def now(self) -> float:
        """Return the simulated seconds since the start."""
        with self.lock:
            return self._spent + (self.cycle() - self._since) / (self.clock_mhz * 1e6)

    def set_clock(self, mhz: float) -> None:
        """Set the clock frequency from now on."""
        with self.lock:
            self._spent, self._since = self.now(), self.cycle()
            self.clock_mhz = mhz

    def close(self) -> None:
        """End the simulation."""
        with self.lock:
            if self._board is not None:
                self._call("delete")
                self._board = None

    def _check_protocol(self) -> None:
        offence = self._call("offence")
        if offence:
            raise UserError(f"{self._folder}: the shell breaks AXI: {offence.decode()}")
