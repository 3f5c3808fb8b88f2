"""The simulated board: shell and accelerator in cycle-accurate simulation, with a memory.

It is a :class:`~irnet_hw.runtime.device.Device` as a PYNQ board is, so that the same driver runs
on both: registers, interrupt, buffers, caches and time. A second of it is a second of the board,
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
#: Where buffers lie, each on pages of its own and with one between it and the next, so that an
#: access beyond its end answers with an error.
_MEMORY, _PAGE = 0x1000_0000, 4096
_RESPONSES = {2: "SLVERR", 3: "DECERR", 4: "nothing"}
#: Ctrl-C works between calls that take about this many seconds.
_CALL_SECONDS = 0.2


class _Timing(ctypes.Structure):
    """simulated_board.cpp's struct Timing."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("read", "write", "in_flight", "access"))


#: Cycles of the board's clock that the memory takes, and a register's reading or writing; chosen
#: for a Zynq at 100 MHz, not measured on one.
TIMING = _Timing(read=40, write=30, in_flight=8, access=20)


class SimulatedBuffer:
    """A buffer of the simulated memory, seen through a cache as on a board.

    Attributes:
        array: the bytes as the processor sees them.
        address: of the first byte.
    """

    def __init__(self, board: "SimulatedBoard", address: int, size: int):
        self.array: npt.NDArray[np.uint8] = np.zeros(size, np.uint8)
        self.address = address
        self._board = board
        self._memory = np.zeros(size, np.uint8)
        board.map(address, self._memory)

    def flush(self, size: int) -> None:
        """Bring what the processor wrote to the memory: the first so many bytes."""
        self._memory[:size] = self.array[:size]

    def invalidate(self, size: int) -> None:
        """Let the processor see the memory: the first so many bytes."""
        self.array[:size] = self._memory[:size]

    def free(self) -> None:
        """Give the memory back: the accelerator's accesses answer with an error from now on."""
        self._board.unmap(self.address)


class SimulatedBoard:
    """A board that is simulated.

    Attributes:
        clock_mhz: cycles of a simulated microsecond.
        simulating: seconds that the simulation itself has taken so far.
    """

    kind = "sim"

    def __init__(self, folder: Path, manifest: Manifest, named: Path | None = None):
        """Compile the board, or take what was compiled of equal sources, and reset it.

        Args:
            folder: the accelerator's; it is not needed afterwards.
            manifest: its manifest.
            named: what messages call it later, if it is not the folder.

        Raises:
            UserError: a source is missing, was changed or must not be compiled, or a compiler is
                missing.
        """
        self._folder = named or folder
        self._board: ctypes.c_void_p | None = None
        # Calls of the library let other threads run, and the library itself knows of none.
        self.lock = threading.RLock()
        # A package has no model, so that the folder is not checked as a whole.
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
        """Call a function of the library on this board; one thread at a time can."""
        with self.lock:
            if self._board is None:
                raise UserError(f"{self._folder}: the simulated board was closed; make a new one")
            return getattr(self._library, f"board_{function}")(self._board, *arguments)

    def allocate(self, size: int) -> SimulatedBuffer:
        """Return a buffer of so many bytes."""
        with self.lock:
            address = self._next
            self._next += (size // _PAGE + 2) * _PAGE
            return SimulatedBuffer(self, address, size)

    def map(self, address: int, memory: npt.NDArray[np.uint8]) -> None:
        """Let memory answer at an address."""
        self._call(
            "map",
            ctypes.c_uint64(address),
            ctypes.c_uint64(memory.nbytes),
            ctypes.c_void_p(memory.ctypes.data),
        )

    def unmap(self, address: int) -> None:
        """Let the memory at an address answer no more."""
        self._call("unmap", ctypes.c_uint64(address))

    def wait(self, seconds: float) -> None:
        """Let simulated time pass: until the interrupt comes, and at most so long."""
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
        """Return the cycles since the start."""
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
        """Let a cycle take so long from now on."""
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
