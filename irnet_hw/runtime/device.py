"""What the driver needs from a device: registers, memory and time. Boards are real or simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, ContextManager, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Buffer(Protocol):
    """Memory that the processor and the accelerator share.

    The processor may see it through a cache: its writes must be flushed before the accelerator
    reads, and the accelerator's writes are visible only after an invalidation.

    Attributes:
        array: the bytes, as the processor sees them.
        address: the first byte's address, as the accelerator sees it; a multiple of 64.
    """

    array: npt.NDArray[np.uint8]
    address: int

    def flush(self, size: int) -> None:
        """Write the first ``size`` bytes from the processor's cache to the memory."""

    def invalidate(self, size: int) -> None:
        """Drop the first ``size`` bytes from the processor's cache, so it reads the memory."""

    def free(self) -> None:
        """Give the memory back; it must not be used afterwards."""


@runtime_checkable
class Device(Protocol):
    """A board with a shell's bitstream, real or simulated.

    Attributes:
        kind: how its figures are obtained: "board" (measured) or "sim" (cycle-accurate simulation).
        clock_mhz: the fabric's current clock.
    """

    kind: str
    clock_mhz: float

    @property
    def lock(self) -> ContextManager[object]:
        """The lock that a user of the device holds during each use, so that threads take turns.

        It is reentrant.
        """

    def read(self, offset: int) -> int:
        """Return a register's 32 bits."""

    def write(self, offset: int, value: int) -> None:
        """Write a register's 32 bits."""

    def allocate(self, size: int) -> Buffer:
        """Return a buffer of ``size`` bytes, a multiple of 64."""

    def wait(self, seconds: float) -> None:
        """Wait for the interrupt, at most ``seconds``; a device may return earlier."""

    def now(self) -> float:
        """Return the device's time, in seconds since an arbitrary moment."""

    def set_clock(self, mhz: float) -> None:
        """Run the fabric at this clock, or at the highest possible clock below it."""

    def close(self) -> None:
        """Give everything back; may be called twice."""
