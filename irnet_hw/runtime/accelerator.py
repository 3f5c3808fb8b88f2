"""An accelerator ready for use: images in, classes out, on a PYNQ board or a simulated one."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from math import ceil, prod
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import BITSTREAM
from irnet_hw.artifact.registers import PORT_BYTES, VALUE_BYTES, Register
from irnet_hw.errors import UserError
from irnet_hw.read import require_memory, shown
from irnet_hw.runtime import package, tail
from irnet_hw.runtime.device import Buffer, Device
from irnet_hw.runtime.frames import Frames
from irnet_hw.runtime.shell import Shell

if TYPE_CHECKING:
    import numpy.typing as npt

    Images = npt.NDArray[np.uint8]
    Integers = npt.NDArray[np.int32]

#: Bounds on a hardware batch, in bytes of frames, but never less than one frame: large enough to
#: take longer than queueing it, small enough that copying overlaps the batches in flight.
_LEAST, _MOST = 2**16, 2**20
#: Buffer sizes are multiples of this many bytes.
_ROUND = 64
#: A batch is late after this multiple of its expected time plus this many seconds: others may use
#: the memory, too.
_SLACK, _MORE = 4, 0.01


class Accelerator:
    """An accelerator on a device, ready for images.

    ::

        with Accelerator("accelerator") as accelerator:
            classes = accelerator.predict(images)

    Images are split into batches for the hardware. While one batch runs, the next ones are copied
    to the device's memory and earlier results are copied back.

    Threads can share an accelerator: their calls take turns. Closing it stops the call that is
    running, which raises a UserError. A forked process can't use it and has to make its own.

    Attributes:
        manifest: the accelerator's manifest.
        labels: the classes' names, or their numbers if they have no names.
    """

    def __init__(self, path: str | Path, device: str | Device | None = None):
        """Load an accelerator.

        Args:
            path: its folder as ``irnet-hw build`` wrote it, or a deployment package, as a file
                or unpacked.
            device: None: the PYNQ board that this runs on; "sim": the simulated board, the same
                RTL in a cycle-accurate simulation; or a device of your own.

        Raises:
            UserError: the accelerator or the device is missing, or they don't fit each other.
        """
        try:
            place = Path(path)
        except TypeError as error:
            raise UserError(
                f"path: {_called(path)}, must be the path of a folder or package"
            ) from error
        self._slots: list[_Slot] = []
        # The folder is not needed once the device has loaded the accelerator.
        with contextlib.ExitStack() as stack, package.opened(place) as folder:
            self.manifest = package.load(folder)
            clock_mhz = package.clock_mhz(folder, self.manifest)
            self._device = _device(device, place, folder, self.manifest)
            stack.callback(self._device.close)
            with self._device.lock:
                self._device.set_clock(clock_mhz)
                self._shell = Shell(self._device, self.manifest)
            stack.callback(self._release)
            self._stack = stack.pop_all()
        self._open, self._running, self._process = True, False, os.getpid()
        self._image = self.manifest.image
        self._frames = Frames(self.manifest)
        self._values = self.manifest.output.values
        self.labels: list[str] = list(self.manifest.labels) or [str(i) for i in range(self._values)]
        #: The largest number of frames in a batch.
        self._most = max(1, _MOST // self._frames.bytes)

    def predict(self, images: Images) -> npt.NDArray[np.int64]:
        """Return the class of each image, int64 [N].

        It is that with the greatest output, or the first that the network itself names, if its file
        ends in TopK or ArgMax.

        Args:
            images: uint8 [N, height, width, channels], [N, length, 1, channels] of signals or
                [N, length] of vectors.

        Raises:
            UserError: the images have another shape or type, or the hardware fails; afterwards it
                can be used again.
        """
        return tail.predictions(self.logits(images))

    def logits(self, images: Images) -> npt.NDArray[Any]:
        """Return the network's outputs; see :meth:`predict`.

        They are those of the QONNX file's run, bit for bit: of float32 and [N, classes], unless the
        file has another shape, or int64 where it ends in TopK or ArgMax. If it ends in Softmax,
        that run's last places depend on its processor: see :mod:`irnet_hw.runtime.tail`.
        """
        with self._turn():
            values = self._run(images)
        return tail.outputs(self.manifest, values)

    def throughput_test(self, frames: int = 1000) -> dict[str, Any]:
        """Measure the throughput with frames of noise.

        Args:
            frames: how many.

        Returns:
            - "kind": "board", or "sim" if all times are simulated;
            - "frames"; "batches": how many batches the hardware ran; "clock_mhz";
            - "seconds": the device's time from copying the first image to the last result;
            - "frames_per_second"; "read_megabytes_per_second", "written_megabytes_per_second":
              averages over those seconds, with megabytes of 10**6 bytes;
            - "cycles": the clock cycles in which there was a batch to work on;
            - "interval_cycles": cycles from frame to frame without a wait for another batch;
            - "latency_cycles", "latency_seconds": the first frame's latency, from its first beat
              into the accelerator to its last beat out;
            - "overhead_seconds_per_batch": the time that the driver added to the hardware's.

        Raises:
            UserError: frames is below 2, or the hardware fails.
        """
        if not isinstance(frames, (int, np.integer)) or frames < 2:
            raise UserError(f"frames: {_called(frames)}, must be an integer of at least 2")
        each = prod(self._image) + VALUE_BYTES * self._values
        require_memory(int(frames) * each, f"frames: {frames}")
        noise = np.random.default_rng(0).integers(0, 256, (frames, *self._image), np.uint8)
        with self._turn():
            self._shell.reset()
            start = self._device.now()
            values = self._run(noise)
            seconds = self._device.now() - start
            hertz = self._device.clock_mhz * 1e6
            cycles, batches = self._shell.cycles(), self._device.read(Register.BATCHES)
            latency, interval = map(self._device.read, (Register.LATENCY, Register.INTERVAL))
        return {
            "kind": self._device.kind,
            "frames": frames,
            "batches": batches,
            "clock_mhz": self._device.clock_mhz,
            "seconds": seconds,
            "frames_per_second": frames / seconds,
            "read_megabytes_per_second": frames * self._frames.bytes / seconds / 1e6,
            "written_megabytes_per_second": values.nbytes / seconds / 1e6,
            "cycles": cycles,
            "interval_cycles": interval,
            "latency_cycles": latency,
            "latency_seconds": latency / hertz,
            "overhead_seconds_per_batch": (seconds - cycles / hertz) / batches,
        }

    def info(self) -> dict[str, Any]:
        """Return what this accelerator is, and the current state of its registers."""
        built = self.manifest
        with self._turn():
            state = self._shell.state()
        return {
            "name": built.name,
            "board": built.board,
            "kind": self._device.kind,
            "clock_mhz": self._device.clock_mhz,
            "image": list(self._image),
            "labels": self.labels,
            "cycles_per_frame": built.cycles_per_frame,
            "latency_cycles": built.latency_cycles,
            "identity": built.shell.identity,
            "model": built.hashes.model,
            "versions": dict(built.versions),
            "capacity": self._shell.capacity,
            "state": state,
        }

    def close(self) -> None:
        """Give the device and its memory back; a call that is running in another thread fails."""
        if os.getpid() != self._process:
            return  # the device belongs to the process that this one was forked from
        self._open = False
        with self._device.lock:
            # In a signal handler, this thread may be in the middle of a call.
            if not self._running:
                self._stack.close()

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, images: Images) -> Integers:
        """Return the hardware's integer outputs, [N, values per image]."""
        self._check(images)
        values = np.empty((len(images), self._values), np.int32)
        step = min(
            max(ceil(len(images) / self._shell.capacity), _LEAST // self._frames.bytes, 1),
            self._most,
        )
        running: deque[_Batch] = deque()
        try:
            free = deque(self._buffers())
            for start in range(0, len(images), step):
                if not free:
                    free.append(self._finished(running.popleft(), values))
                self._require_open()
                part, slot = images[start : start + step], free.popleft()
                slot.fill(self._frames.of(part))
                number = self._shell.start(slot.source.address, slot.target.address, len(part))
                running.append(_Batch(number, slot, start, len(part)))
            while running:
                self._finished(running.popleft(), values)
        except BaseException:  # including KeyboardInterrupt
            self._release()
            raise
        return values

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Use the device exclusively: other threads, and other accelerators on it, wait.

        Raises:
            UserError: the accelerator was closed, before or meanwhile, or the device has another
                bitstream now.
        """
        self._require_open()
        with self._device.lock:
            self._require_open()
            if self._running:
                raise UserError(
                    "accelerator: this thread is already using it, so a signal handler can't"
                )
            self._running = True
            try:
                self._shell.claim()
                yield
                self._require_open()
            finally:
                self._running = False
                if not self._open:
                    self._stack.close()

    def _require_open(self) -> None:
        if os.getpid() != self._process:
            raise UserError(
                f"accelerator: belongs to process {self._process}, but this is process "
                f"{os.getpid()}, forked from it; make a new one in each process"
            )
        if not self._open:
            raise UserError("accelerator: was closed; make a new one")

    def _check(self, images: Images) -> None:
        if not isinstance(images, np.ndarray):
            raise UserError(f"images: {_called(images)}, must be a numpy array")
        if images.dtype != np.uint8 or images.shape[1:] != self._image:
            raise UserError(
                f"images: {images.dtype} of shape {list(images.shape)}, must be uint8 of shape "
                f"[N, {', '.join(map(str, self._image))}]"
            )

    def _buffers(self) -> list[_Slot]:
        """Return memory for as many batches as can be queued; allocate it on first use."""
        while len(self._slots) < self._shell.capacity:
            source, target = (
                self._device.allocate(ceil(self._most * size / _ROUND) * _ROUND)
                for size in (self._frames.bytes, VALUE_BYTES * self._values)
            )
            self._slots.append(_Slot(source, target))
        return self._slots

    def _finished(self, batch: _Batch, values: Integers) -> _Slot:
        """Wait for a batch; copy its results to their place in ``values``; return its memory."""
        self._shell.wait(batch.number, self._latest(batch.frames))
        part = values[batch.start : batch.start + batch.frames]
        batch.slot.target.invalidate(part.nbytes)
        part[:] = batch.slot.target.array[: part.nbytes].view("<i4").reshape(part.shape)
        return batch.slot

    def _latest(self, frames: int) -> float:
        """Return after how many seconds a batch of ``frames`` frames is late."""
        transfer = max(self._frames.bytes, VALUE_BYTES * self._values) / PORT_BYTES
        pace: float = max(self.manifest.cycles_per_frame, transfer)
        cycles = frames * pace + self.manifest.latency_cycles
        return _SLACK * cycles / (self._device.clock_mhz * 1e6) + _MORE

    def _release(self) -> None:
        """Stop the hardware, and give its memory back."""
        self._shell.reset()
        # Only after the reset: until then the hardware may write.
        for slot in self._slots:
            slot.source.free()
            slot.target.free()
        self._slots = []


class _Slot(NamedTuple):
    """Memory for a batch: for its frames and for its results."""

    source: Buffer
    target: Buffer

    def fill(self, frames: npt.NDArray[np.uint8]) -> None:
        """Copy frames to the device."""
        self.source.array[: frames.nbytes].reshape(frames.shape)[:] = frames
        self.source.flush(frames.nbytes)


class _Batch(NamedTuple):
    """A batch in flight: its number, its memory, and its first image and number of images."""

    number: int
    slot: _Slot
    start: int
    frames: int


def _device(device: str | Device | None, path: Path, folder: Path, manifest: Manifest) -> Device:
    """Return the device; ``path`` is the user's name for ``folder``."""
    if device is None:
        if not (folder / BITSTREAM).is_file():
            raise UserError(
                f"{path}: has no {BITSTREAM}; build it with irnet-hw build --flow, "
                'or simulate the board with device="sim"'
            )
        from irnet_hw.runtime.pynq_device import PynqDevice

        return PynqDevice(folder, manifest)
    if isinstance(device, Device):
        return device
    if not isinstance(device, str) or device != "sim":
        raise UserError(
            f'device: {_called(device)}, must be "sim", None for the board, or a device with all '
            "that irnet_hw.runtime.device.Device has"
        )
    try:
        from irnet_hw.simulate.board import SimulatedBoard
    except ImportError as error:
        raise UserError(
            f"device: sim needs all of irnet-hw, not just its runtime ({error})"
        ) from error
    return SimulatedBoard(folder, manifest, path)


def _called(argument: Any) -> str:
    """Return what messages call an argument that is wrong."""
    if isinstance(argument, (str, bytes, bool, int, float)):
        return shown(repr(argument))
    return "None" if argument is None else f"a {type(argument).__name__}"
