"""Controls the shell through its registers: checks its identity, queues batches, waits for them."""

from __future__ import annotations

from enum import IntFlag

from irnet_hw.artifact import registers
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.registers import Control, Error, Interrupt, Register, Status
from irnet_hw.errors import UserError
from irnet_hw.runtime.device import Device

_ALL = 0xFFFFFFFF
#: A reset only waits for bus transfers in flight, which takes microseconds.
_RESET_SECONDS = 0.01


class Shell:
    """The registers of a device.

    Attributes:
        capacity: how many batches can be queued, including the running one.
    """

    def __init__(self, device: Device, manifest: Manifest):
        """Check that the right accelerator answers, and reset it.

        Args:
            device: with a bitstream loaded.
            manifest: the manifest of the accelerator that should be in it.

        Raises:
            UserError: another design or another accelerator answers.
        """
        self._device = device
        self._identity = manifest.shell.identity
        self._require_own()
        self.capacity = device.read(Register.CAPACITY)
        self._started = 0
        self._initialise()

    def claim(self) -> None:
        """Make sure that the device is as this shell left it; others may have used it since.

        Raises:
            UserError: another design or another accelerator answers.
        """
        self._require_own()
        batches = self._device.read(Register.BATCHES)
        if batches != self._started & _ALL or not self._device.read(Register.STATUS) & Status.IDLE:
            self._initialise()

    def _initialise(self) -> None:
        self.reset()
        self._device.write(Register.INTERRUPT, Interrupt.DONE | Interrupt.ERROR)

    def _require_own(self) -> None:
        read = self._device.read
        self._expect("MAGIC", read(Register.MAGIC), registers.MAGIC)
        self._expect("VERSION", read(Register.VERSION), registers.VERSION)
        words = (read(Register.IDENTITY_0 + 4 * i) for i in range(4))
        found = b"".join(word.to_bytes(4, "little") for word in words).hex()
        if found != self._identity:
            raise UserError(
                f"identity: the bitstream's is {found}, but the manifest's is {self._identity}; "
                "load the bitstream of this build"
            )

    def _expect(self, name: str, found: int, wanted: int) -> None:
        if found != wanted:
            raise UserError(
                f"{name}: the bitstream's register is {found:#x}, but this runtime expects "
                f"{wanted:#x}; load the bitstream of this build"
            )

    def start(self, source: int, target: int, frames: int) -> int:
        """Queue a batch; return its number since the last reset.

        Args:
            source: the address of its frames, a multiple of 8.
            target: the address for its results, a multiple of 8.
            frames: the number of frames, at least 1.
        """
        write = self._device.write
        write(Register.SOURCE_LOW, source & _ALL)
        write(Register.SOURCE_HIGH, source >> 32)
        write(Register.TARGET_LOW, target & _ALL)
        write(Register.TARGET_HIGH, target >> 32)
        write(Register.FRAMES, frames)
        write(Register.CONTROL, Control.START)
        self._started += 1
        return self._started

    def wait(self, batch: int, seconds: float) -> None:
        """Wait for a batch to be complete in memory.

        Args:
            batch: its number.
            seconds: the timeout.

        Raises:
            UserError: an error flag is set, or the time is over. The shell then needs a reset.
        """
        deadline = self._device.now() + seconds
        while True:
            # Clear DONE before checking whether the batch is complete, so that an interrupt between
            # the two is not lost. Read the time before checking, too: even if this process was
            # suspended for long, a complete batch is not late.
            self._device.write(Register.DONE, 1)
            now = self._device.now()
            if self._device.read(Register.ERRORS):
                raise UserError(f"the accelerator reports an error: {self.state()}")
            if (self._device.read(Register.BATCHES) - batch) & _ALL <= _ALL // 2:
                return
            if now > deadline:
                raise UserError(
                    f"the accelerator does not answer: batch {batch} is not complete after "
                    f"{seconds:.3g} s: {self.state()}"
                )
            self._device.wait(deadline - now)

    def reset(self) -> None:
        """Drop all batches, queued or running; afterwards the hardware doesn't access the memory.

        Raises:
            UserError: a transfer in flight does not end.
        """
        self._device.write(Register.CONTROL, Control.RESET)
        deadline = self._device.now() + _RESET_SECONDS
        while self._device.read(Register.STATUS) & Status.RESETTING:
            if self._device.now() > deadline:
                raise UserError(
                    f"the accelerator can't be reset, the memory does not answer: {self.state()}; "
                    "reboot the board"
                )
        self._started = 0

    def cycles(self) -> int:
        """Return the number of cycles since the last reset in which a batch was queued."""
        low = self._device.read(Register.CYCLES_LOW)
        return low | self._device.read(Register.CYCLES_HIGH) << 32

    def state(self) -> str:
        """Return the registers' state as readable text, with flags by name."""
        status = self._device.read(Register.STATUS)
        errors = self._device.read(Register.ERRORS)
        counters = (Register.BATCHES, Register.FRAMES_IN, Register.FRAMES_OUT)
        counts = [f"{one.name} {self._device.read(one)}" for one in counters]
        return ", ".join(
            [
                f"STATUS {status:#x} ({_names(Status, status)}; {registers.queued(status)} queued)",
                f"ERRORS {errors:#x} ({_names(Error, errors)})",
                *counts,
            ]
        )


def _names(flags: type[IntFlag], value: int) -> str:
    return " ".join(flag.name or "" for flag in flags if value & flag) or "none"
