"""An accelerator to be used: images in, classes out, on a PYNQ board or on a simulated one."""

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
from irnet_hw.artifact.registers import Register
from irnet_hw.errors import UserError
from irnet_hw.runtime import package
from irnet_hw.runtime.device import Buffer, Device
from irnet_hw.runtime.shell import Shell

if TYPE_CHECKING:
    import numpy.typing as npt

    Images = npt.NDArray[np.uint8]
    Integers = npt.NDArray[np.int32]

#: A batch of the hardware has at least and at most so many bytes of images, and one image at
#: least: enough for it to take longer than queueing it, and so little that copying it takes
#: little of the time that the others run.
_LEAST, _MOST = 2**16, 2**20
#: Buffers are multiples of so many bytes.
_ROUND = 64
#: The memory's port passes so many bytes a cycle, each way.
_WORD = 8
#: A batch is late after so many times what it should take, and this many seconds more: others
#: may use the memory too.
_SLACK, _MORE = 4, 0.01


class Accelerator:
    """An accelerator on a device, ready for images.

    ::

        with Accelerator("accelerator") as accelerator:
            classes = accelerator.predict(images)

    A batch of any size is cut into those of the hardware. While one runs, the next ones are
    copied to the device's memory and the former ones' results back.

    Threads can share an accelerator: their calls take turns. Closing it stops the call that is
    running, which raises a UserError. A process made by ``fork`` can't use it and has to make its
    own.

    Attributes:
        manifest: what is known of the accelerator.
        labels: the classes' names, or their numbers where nobody gave them names.
    """

    def __init__(self, path: str | Path, device: str | Device | None = None):
        """Load an accelerator.

        Args:
            path: its folder as ``irnet-hw build`` wrote it, or a deployment package, as a file
                or unpacked.
            device: None: the PYNQ board that this runs on; "sim": the simulated board, the same
                RTL in a cycle-accurate simulation; or a device of your own.

        Raises:
            UserError: there is no accelerator or device, or they don't belong together.
        """
        self._slots: list[_Slot] = []
        # Once the device has the accelerator, its folder is not needed any more.
        with contextlib.ExitStack() as stack, package.opened(Path(path)) as folder:
            self.manifest = package.load(folder)
            clock_mhz = package.clock_mhz(folder, self.manifest)
            self._device = _device(device, Path(path), folder, self.manifest)
            stack.callback(self._device.close)
            with self._device.lock:
                self._device.set_clock(clock_mhz)
                self._shell = Shell(self._device, self.manifest)
            stack.callback(self._release)
            self._stack = stack.pop_all()
        self._open, self._running, self._process = True, False, os.getpid()
        self._image = self.manifest.image
        self._values = self.manifest.output.values
        self.labels: list[str] = list(self.manifest.labels) or [str(i) for i in range(self._values)]
        #: Frames of a batch at most.
        self._most = max(1, _MOST // prod(self._image))

    def predict(self, images: Images) -> npt.NDArray[np.int64]:
        """Return the class of each image, int64 [N].

        Args:
            images: uint8 [N, height, width, channels].

        Raises:
            UserError: the images are of another shape or type, or the hardware fails; it is
                ready again afterwards.
        """
        with self._turn():
            values = self._run(images)
        classes: npt.NDArray[np.int64] = values.argmax(axis=1).astype(np.int64)
        return classes

    def logits(self, images: Images) -> npt.NDArray[np.float32]:
        """Return the network's outputs, float32 [N, classes]; see :meth:`predict`.

        They are those of the exported network's QONNX run, bit for bit.
        """
        with self._turn():
            values = self._run(images)
        return (values * float(self.manifest.output.scale)).astype(np.float32)

    def throughput_test(self, frames: int = 1000) -> dict[str, Any]:
        """Measure how fast frames pass; their pixels are noise.

        Args:
            frames: how many.

        Returns:
            - "kind": "board", or "sim" if all this is simulated time;
            - "frames"; "batches": of the hardware, in which they passed; "clock_mhz";
            - "seconds": of the device's time, from the first image's copying to the last result;
            - "frames_per_second"; "read_megabytes_per_second", "written_megabytes_per_second":
              over those seconds, a megabyte being 10**6 bytes;
            - "cycles": of the clock, in which there was a batch to work on;
            - "interval_cycles": from frame to frame when none waits for another batch;
            - "latency_cycles", "latency_seconds": of the first frame, from its first beat into
              the accelerator to its last one out;
            - "overhead_seconds_per_batch": what the driver added to the hardware's time.

        Raises:
            UserError: frames is below 2, or the hardware fails.
        """
        if frames < 2:
            raise UserError(f"frames: {frames}, must be at least 2")
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
            "read_megabytes_per_second": noise.nbytes / seconds / 1e6,
            "written_megabytes_per_second": values.nbytes / seconds / 1e6,
            "cycles": cycles,
            "interval_cycles": interval,
            "latency_cycles": latency,
            "latency_seconds": latency / hertz,
            "overhead_seconds_per_batch": (seconds - cycles / hertz) / batches,
        }

    def info(self) -> dict[str, Any]:
        """Return what this accelerator is, and what its registers say at the moment."""
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
            # This thread may be running a call itself, if a signal's handler closes.
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
        """Return the outputs as the hardware gives them, [N, values of an image]."""
        self._check(images)
        values = np.empty((len(images), self._values), np.int32)
        step = min(
            max(ceil(len(images) / self._shell.capacity), _LEAST // prod(self._image), 1),
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
                slot.fill(part)
                number = self._shell.start(slot.source.address, slot.target.address, len(part))
                running.append(_Batch(number, slot, start, len(part)))
            while running:
                self._finished(running.popleft(), values)
        except BaseException:  # an interruption among them
            self._release()
            raise
        return values

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Have the device to oneself: other threads, and other accelerators on it, wait.

        Raises:
            UserError: the accelerator is closed, before or meanwhile, or another bitstream is in
                the device now.
        """
        self._require_open()
        with self._device.lock:
            self._require_open()
            if self._running:
                raise UserError(
                    "accelerator: this thread is using it already, and a signal's handler can't"
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
                f"accelerator: belongs to process {self._process}, and this is process "
                f"{os.getpid()}, forked from it; make a new one in each process"
            )
        if not self._open:
            raise UserError("accelerator: was closed; make a new one")

    def _check(self, images: Images) -> None:
        if not isinstance(images, np.ndarray):
            raise UserError(f"images: a {type(images).__name__}, must be a numpy array")
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != self._image:
            raise UserError(
                f"images: {images.dtype} of shape {list(images.shape)}, must be uint8 of shape "
                f"[N, {', '.join(map(str, self._image))}]"
            )

    def _buffers(self) -> list[_Slot]:
        """Return memory for as many batches as can be queued, once it is there."""
        image = prod(self._image)
        while len(self._slots) < self._shell.capacity:
            source, target = (
                self._device.allocate(ceil(self._most * size / _ROUND) * _ROUND)
                for size in (image, 4 * self._values)
            )
            self._slots.append(_Slot(source, target))
        return self._slots

    def _finished(self, batch: _Batch, values: Integers) -> _Slot:
        """Wait for a batch; copy what it gave to its place in ``values``; return its memory."""
        self._shell.wait(batch.number, self._latest(batch.frames))
        part = values[batch.start : batch.start + batch.frames]
        batch.slot.target.invalidate(part.nbytes)
        part[:] = batch.slot.target.array[: part.nbytes].view("<i4").reshape(part.shape)
        return batch.slot

    def _latest(self, frames: int) -> float:
        """Return the seconds that so many frames take, with all that may be in the way."""
        transfer = max(prod(self._image), 4 * self._values) / _WORD
        pace: float = max(self.manifest.cycles_per_frame, transfer)
        cycles = frames * pace + self.manifest.latency_cycles
        return _SLACK * cycles / (self._device.clock_mhz * 1e6) + _MORE

    def _release(self) -> None:
        """Stop the hardware, and give its memory back."""
        self._shell.reset()
        # Not before the reset is over: until then the hardware may write.
        for slot in self._slots:
            slot.source.free()
            slot.target.free()
        self._slots = []


class _Slot(NamedTuple):
    """Memory for a batch: for its frames and for its values."""

    source: Buffer
    target: Buffer

    def fill(self, images: Images) -> None:
        """Copy images to the device."""
        self.source.array[: images.nbytes].reshape(images.shape)[:] = images
        self.source.flush(images.nbytes)


class _Batch(NamedTuple):
    """A batch under way: its number, its memory, and which images it is of."""

    number: int
    slot: _Slot
    start: int
    frames: int


def _device(device: str | Device | None, path: Path, folder: Path, manifest: Manifest) -> Device:
    """Return the device; ``path`` is what the user knows ``folder`` by."""
    if device is None:
        if not (folder / BITSTREAM).is_file():
            raise UserError(
                f"{path}: has no {BITSTREAM}; build it with irnet-hw build --flow, "
                'or simulate the board with device="sim"'
            )
        from irnet_hw.runtime.pynq_device import PynqDevice

        return PynqDevice(folder, manifest)
    if not isinstance(device, str):
        return device
    if device != "sim":
        raise UserError(f'device: {device}, must be "sim", or None for the board')
    try:
        from irnet_hw.simulate.board import SimulatedBoard
    except ImportError as error:
        raise UserError(
            f"device: sim needs the whole of irnet-hw, not its runtime alone ({error})"
        ) from error
    return SimulatedBoard(folder, manifest, path)
