"""What the driver asks of a device: registers, memory, time. The simulated board offers it too."""

from __future__ import annotations

from typing import TYPE_CHECKING, ContextManager, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Buffer(Protocol):
    """Memory that processor and accelerator share.

    The processor may see it through a cache: what it wrote must be flushed before the accelerator
    reads, and what the accelerator wrote is seen only after an invalidation.

    Attributes:
        array: the bytes, as the processor sees them.
        address: of the first byte, as the accelerator sees it; a multiple of 64.
    """

    array: npt.NDArray[np.uint8]
    address: int

    def flush(self, size: int) -> None:
        """Bring what the processor wrote to the memory: the first so many bytes."""

    def invalidate(self, size: int) -> None:
        """Forget what the processor knows of the first so many bytes, so that it reads anew."""

    def free(self) -> None:
        """Give the memory back; nobody may use it afterwards."""


class Device(Protocol):
    """A board with a shell's bitstream, real or simulated.

    Attributes:
        kind: how its figures are got: "board" (measured) or "sim" (cycle-accurate simulation).
        clock_mhz: of the fabric, as it is now.
    """

    kind: str
    clock_mhz: float

    @property
    def lock(self) -> ContextManager[object]:
        """What a user of the device holds as long as one use takes, so that threads take turns.

        The same thread can take it again.
        """

    def read(self, offset: int) -> int:
        """Return a register's 32 bits."""

    def write(self, offset: int, value: int) -> None:
        """Write a register's 32 bits."""

    def allocate(self, size: int) -> Buffer:
        """Return a buffer of so many bytes, a multiple of 64."""

    def wait(self, seconds: float) -> None:
        """Let time pass: until the interrupt comes, if it can, and at most so long."""

    def now(self) -> float:
        """Return the device's time, in seconds since some moment."""

    def set_clock(self, mhz: float) -> None:
        """Run the fabric at this clock, or at the highest below that can be had."""

    def close(self) -> None:
        """Give everything back; may be called twice."""
