"""A stitched accelerator as a compiled simulation: images in, beats and cycles out."""

import contextlib
import ctypes
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from irnet_hw.artifact.manifest import Manifest, Stream
from irnet_hw.errors import UserError
from irnet_hw.progress import track
from irnet_hw.runtime.frames import Frames
from irnet_hw.scratch import scratch
from irnet_hw.simulate.beats import Bytes, beat_bytes, decode
from irnet_hw.simulate.compile import Compiled, Design, compile_design, start
from irnet_hw.simulate.deadlock import State, explain, stream_names

Cycles = npt.NDArray[np.uint64]

_HARNESS = Path(__file__).with_name("simulator.cpp")
#: simulator.cpp's struct Stream.
_FIELDS = (
    *("data", "bytes", "room", "frame", "images", "ends"),
    *("moved", "first", "last", "waited", "valid", "ready"),
)
_STREAM = np.dtype([(name, np.uint64) for name in _FIELDS])
#: From simulator.cpp's enum Status; the others are not errors.
_HANGS, _UNSTABLE = 2, 3
_FOREVER = 2**64 - 1
#: Netlists leave outputs of cells open, and cells' models are not ours to mend.
_NETLIST_FLAGS = ("-Wno-lint", "-Wno-style", "-Wno-MULTIDRIVEN", "-Wno-PINMISSING", "-Wno-IMPLICIT")
#: Ctrl-C works, and the bar moves, between calls that take about this many seconds.
_CALL_SECONDS = 0.2


@dataclass(frozen=True)
class Streamed:
    """What came out of one pass.

    Attributes:
        out: integers [images, *output shape].
        taps: for each stream but the input, the integers [tapped images, *its shape].
        starts: for each stream, the cycle of its first beat.
        ends: for each stream and image, the cycle of the image's last beat.
        waited: for each stream, the cycles in which a beat was offered and not taken.
        cycles: simulated cycles.
        seconds: how long they took.
    """

    out: npt.NDArray[np.int64]
    taps: list[npt.NDArray[np.int64]]
    starts: Cycles
    ends: Cycles
    waited: Cycles
    cycles: int
    seconds: float


def compile_accelerator(folder: Path, manifest: Manifest) -> Compiled:
    """Compile an accelerator, or return the earlier result for equal sources.

    Args:
        folder: the accelerator's.
        manifest: its manifest.

    Raises:
        UserError: a compiler is missing, or the sources do not compile.
    """
    streams = range(1, len(manifest.streams))
    taps = f"#define TAPS(X) {' '.join(f'X({i})' for i in streams)}\n"
    design = Design(manifest.top, manifest.sources, _HARNESS, {"taps.h": taps}, ("-DIRNET_TAPS",))
    return compile_design(folder, manifest, design)


def compile_netlist(folder: Path, manifest: Manifest, netlist: str, cells: str) -> Compiled:
    """Compile an accelerator's netlist, or return the earlier result for an equal one.

    Args:
        folder: the accelerator's.
        manifest: its manifest.
        netlist: a module with the accelerator's name and ports.
        cells: the modules that it instantiates.

    Raises:
        UserError: a compiler is missing, or the sources do not compile.
    """
    with scratch("netlist") as place:
        texts = {place / "cells.sv": cells, place / "netlist.v": netlist}
        for path, text in texts.items():
            path.write_text(text)
        sources = list(map(str, texts))
        taps = {"taps.h": "#define TAPS(X)\n"}
        design = Design(manifest.top, sources, _HARNESS, taps, _NETLIST_FLAGS, layers=False)
        return compile_design(folder, manifest, design)


class Simulator:
    """A compiled accelerator ready to take images."""

    def __init__(self, compiled: Compiled, folder: Path, manifest: Manifest, taps: bool = True):
        """Load the library.

        Args:
            compiled: from :func:`compile_accelerator`, or from :func:`compile_netlist`.
            folder: the accelerator's; its hex files are read at every pass.
            manifest: its manifest.
            taps: whether the streams between layers are observed; a netlist has none.
        """
        self.taps = manifest.streams[1:] if taps else ()
        self.folder = folder
        self.manifest = manifest
        self.library = ctypes.CDLL(str(compiled.library))
        self.library.sim_cycle.restype = ctypes.c_uint64

    def stream(
        self, images: npt.NDArray[np.uint8], tapped: int, label: str, seed: int | None = None
    ) -> Streamed:
        """Put images through the accelerator after a reset.

        Args:
            images: uint8 [N, ...], of the manifest's shape.
            tapped: for how many images, the first ones, all streams are recorded.
            label: the progress bar's.
            seed: None for full rate; else the seed of random gaps at the input and stalls at the
                output.

        Raises:
            UserError: the accelerator hangs, breaks the stream protocol, or a stream has more or
                fewer beats than the images need.
        """
        frames, described = len(images), self.manifest.streams
        # In simulator.cpp's order: the two ports, then all streams but the input.
        ports = [described[0], described[-1], *self.taps]
        entering = Frames(self.manifest).of(images).reshape(-1, beat_bytes(ports[0]))
        data = [entering, _room(frames, ports[1])]
        data += [_room(min(tapped, frames), port) for port in ports[2:]]
        ends = np.zeros((len(ports), frames), np.uint64)
        streams = np.zeros(len(ports), _STREAM)
        for stream, port, array, row in zip(streams, ports, data, ends, strict=True):
            stream["data"], stream["bytes"] = array.ctypes.data, array.shape[1]
            stream["room"], stream["frame"] = len(array), port.beats
            stream["images"], stream["ends"] = frames, row.ctypes.data
        longest = max(layer.cycles for layer in self.manifest.layers)
        began = time.monotonic()
        with self._pass(streams, seed, patience=4 * longest + 10_000) as sim:
            for _ in track(self._images_out(sim, streams, frames), label, frames, "images"):
                pass
            self._advance(sim, streams, 2 * longest, _FOREVER)  # extra beats would come here
            cycles = int(self.library.sim_cycle(sim))
        self._check_beats(streams)
        numbered = [0, *range(2, len(ports))] if self.taps else [0, 1]
        return Streamed(
            out=decode(data[1], ports[1]),
            taps=[decode(array, port) for array, port in zip(data[2:], ports[2:], strict=True)],
            starts=streams["first"][numbered],
            ends=ends[numbered],
            waited=streams["waited"][numbered],
            cycles=cycles,
            seconds=time.monotonic() - began,
        )

    def _check_beats(self, streams: npt.NDArray[np.void]) -> None:
        names = stream_names(self.manifest)[1:]
        checked = streams[2:] if self.taps else streams[1:]
        for name, stream in zip(names[-len(checked) :], checked, strict=True):
            moved, beats, images = (int(stream[key]) for key in ("moved", "frame", "images"))
            if moved != images * beats:
                raise UserError(
                    f"{self.folder}: {name} gave {moved} beats for {images} images of {beats} beats"
                )

    @contextlib.contextmanager
    def _pass(
        self, streams: npt.NDArray[np.void], seed: int | None, patience: int
    ) -> Iterator[ctypes.c_void_p]:
        """Yield the simulation after its reset, with the hex files of rtl/ loaded."""
        # Long enough for a stalled output to fill every buffer, and for a stalled input to empty
        # them all.
        phase = 0 if seed is None else max(64, 2 * self.manifest.cycles_per_frame)
        random = ctypes.c_uint64(seed or 0)
        sim = start(self.library, "sim_new", self.folder, self.manifest, random)
        try:
            pointer = ctypes.c_void_p(streams.ctypes.data)
            self.library.sim_start(sim, pointer, ctypes.c_uint64(phase), ctypes.c_uint64(patience))
            yield sim
        finally:
            self.library.sim_delete(sim)

    def _images_out(
        self, sim: ctypes.c_void_p, streams: npt.NDArray[np.void], images: int
    ) -> Iterator[None]:
        """Simulate, and yield once for each image that has come out."""
        done, cycles = 0, 1000
        beats = int(streams[1]["frame"])
        while done < images:
            began = time.monotonic()
            self._advance(sim, streams, cycles, images * beats)
            cycles = max(1, int(cycles * _CALL_SECONDS / max(time.monotonic() - began, 1e-4)))
            now = int(streams[1]["moved"]) // beats
            yield from [None] * (now - done)
            done = now

    def _advance(
        self, sim: ctypes.c_void_p, streams: npt.NDArray[np.void], cycles: int, until: int
    ) -> None:
        status = self.library.sim_advance(sim, ctypes.c_uint64(cycles), ctypes.c_uint64(until))
        if status == _UNSTABLE:
            raise UserError(
                f"{self.folder}: out0_V withdraws or changes a beat that was not yet taken, "
                f"after beat {streams[1]['moved']}, in cycle {self.library.sim_cycle(sim)}"
            )
        if status == _HANGS:
            cycle = int(self.library.sim_cycle(sim))
            if not self.taps:
                raise UserError(f"{self.folder}: the netlist hangs in cycle {cycle}")
            states = [_state(stream) for stream in (streams[0], *streams[2:])]
            raise UserError(f"{self.folder}: {explain(self.manifest, states, cycle)}")


def _state(stream: np.void) -> State:
    return State(
        moved=int(stream["moved"]),
        beats=int(stream["images"] * stream["frame"]),
        frame=int(stream["frame"]),
        last=int(stream["last"]),
        valid=bool(stream["valid"]),
        ready=bool(stream["ready"]),
    )


def _room(images: int, port: Stream) -> Bytes:
    return np.zeros((images * port.beats, beat_bytes(port)), np.uint8)
