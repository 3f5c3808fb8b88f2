"""The manifest: what an accelerator's folder contains, and all that its users need to know.

The compiler writes it; every other station and the driver on a board read it. Its hash detects
accidental changes only, since anybody can recompute it: readers of a manifest may rely on nothing
but the checks made here.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, Dict, List, Literal, Mapping, Optional, Tuple

from irnet_hw import form
from irnet_hw.artifact.names import MANIFEST, SHELL
from irnet_hw.artifact.resources import Area
from irnet_hw.artifact.tail import Tail, fault
from irnet_hw.errors import UserError
from irnet_hw.form import POSITIVE, Annotated, Count, Kind, Name, Positive, Size, matching
from irnet_hw.read import json_file, shown

FORMAT = 6

_HINT = "build it again"
#: What to do with a package where a folder is needed.
PACKAGES = 'a package runs in Python, by irnet_hw.runtime.Accelerator(path, device="sim")'
#: The largest plausible frame, in values.
_MOST = 2**30


def _multiple(of: int, least: int) -> Kind:
    return Kind(
        lambda value: type(value) is int and value >= least and value % of == 0,
        f"a multiple of {of}, at least {least}",
    )


# Names go into scripts and paths, so they must be plain words.
Module = Annotated[str, matching(r"[A-Za-z_]\w*", "a module's name")]
BoardName = Annotated[str, matching(r"[A-Za-z0-9][\w.-]*", "a board's name")]
Source = Annotated[str, matching(r"rtl/[A-Za-z_]\w*\.sv", "a source, rtl/NAME.sv")]
HexFile = Annotated[str, matching(r"rtl/[A-Za-z_]\w*\.hex", "a hex file, rtl/NAME.hex")]
ShellSource = Annotated[str, matching(r"shell/[A-Za-z_]\w*\.sv", "a source, shell/NAME.sv")]
Hash = Annotated[str, matching("[0-9a-f]{64}", "64 hexadecimal digits")]
Codes = Annotated[str, matching("[0-9a-f]{256}", "256 hexadecimal digits")]
#: Keeps every logit, an integer of at most 25 bits, zero or a normal float32.
Scale = Annotated[
    float,
    Kind(
        lambda value: POSITIVE.fits(value) and 2.0**-126 <= value <= 2.0**103,
        "a number from 2^-126 to 2^103",
    ),
]
Identity = Annotated[str, matching("[0-9a-f]{32}", "32 hexadecimal digits")]
Megahertz = Annotated[
    float,
    Kind(lambda value: POSITIVE.fits(value) and 0.1 <= value <= 1000, "a number from 0.1 to 1000"),
]
Bytes = Annotated[int, _multiple(8, 8)]
Words = Annotated[int, _multiple(4, 0)]
Pages = Annotated[int, _multiple(4096, 0)]
AddressBits = Annotated[
    int, Kind(lambda value: type(value) is int and 32 <= value <= 64, "an integer from 32 to 64")
]


@dataclass(frozen=True)
class Stream:
    """An AXI4-Stream between two layers, or between a layer and the outside.

    Attributes:
        tensor: the QONNX tensor that it carries, or null.
        scale: the value of one integer step; null if it carries no tensor.
        shape: the shape of a frame, NHWC without N; flat at the input if beats cross pixels.
        datatype: FINN's name of the element type.
        lanes: elements per beat, the first in the least significant bits.
        bits: the width of a beat.
        tdata_bits: the same, padded to whole bytes.
        beats: beats per frame.
        source: index in `layers` of the layer that writes it; null for the accelerator's input.
        target: index in `layers` of the layer that reads it; null for the accelerator's output.
    """

    tensor: Optional[str]
    scale: Optional[Positive]
    shape: Tuple[Size, ...]
    datatype: Name
    lanes: Size
    bits: Size
    tdata_bits: Bytes
    beats: Size
    source: Optional[Count]
    target: Optional[Count]

    @property
    def values(self) -> int:
        """Elements per frame."""
        return prod(self.shape)


@dataclass(frozen=True)
class End(Stream):
    """The accelerator's output stream, which always carries a tensor."""

    tensor: str
    scale: Scale


@dataclass(frozen=True)
class Times:
    """A layer's modelled times for the first frame, in cycles since the accelerator's first beat.

    Attributes:
        first_in: when it takes the first beat on any input.
        first_out: when it offers its first beat.
        last_out: when it offers its last beat.
        busy: how many cycles it works.
    """

    first_in: Count
    first_out: Count
    last_out: Count
    busy: Count


@dataclass(frozen=True)
class Layer:
    """A hardware op of the accelerator.

    Attributes:
        name: the layer's name, which is also its module's.
        op: FINN's or our name of the op.
        text: a description.
        fold: `PE` and `SIMD`, if the op has them.
        cycles: cycles per frame, by the model.
        area: the area, by the model.
        inputs: indices into `streams`, in the order of the ports.
        outputs: indices into `streams`.
        schedule: the times of the first frame.
        plumbing: a short name for an op that only moves beats, such as "FIFO"; "" for an op that
            computes.
        parameters: sizes, channels and bits.
    """

    name: Module
    op: Name
    text: Name
    fold: Mapping[str, Size]
    cycles: Size
    area: Area
    inputs: Tuple[Count, ...]
    outputs: Tuple[Count, ...]
    schedule: Times
    plumbing: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Folding:
    """How the folds were chosen.

    Attributes:
        aim: "area", the smallest that reaches `target_fps`, or "rate", the highest that fits.
        distance: upper bound on the distance from the optimum; 0.01 is 1 %.
    """

    aim: Literal["area", "rate"]
    distance: float


@dataclass(frozen=True)
class Doubling:
    """The cost of about twice the rate.

    Attributes:
        fps: the rate, in frames per second.
        area: the area, by the models.
        fits: whether it fits the board.
    """

    fps: Positive
    area: Area
    fits: bool


@dataclass(frozen=True)
class Shell:
    """The logic around the accelerator in a bitstream.

    Attributes:
        top: the bitstream's top module.
        sources: files in `shell/`, in compilation order, without the top's.
        version: the version of the register map.
        address_bits: the address width of the port to the board's memory.
        base_address: the address of the registers, for the processor.
        identity: 32 hexadecimal digits, which the [registers](registers.md) repeat: a hash of the
            hashes of model, sources and shell and of the entries that the driver uses.
        registers: the registers' offsets by name.
    """

    top: Module
    sources: Tuple[ShellSource, ...]
    version: Size
    address_bits: AddressBits
    base_address: Pages
    identity: Identity
    registers: Mapping[str, Words]

    @property
    def top_file(self) -> str:
        """The path of the top module's file in the folder."""
        return f"{SHELL}/{self.top}.sv"

    @property
    def files(self) -> Tuple[str, ...]:
        """The paths of the shell's files in the folder, the top last."""
        return (*self.sources, self.top_file)


@dataclass(frozen=True)
class Hashes:
    """SHA-256 hashes of the files that belong together.

    Attributes:
        model: hash of `model.onnx`.
        dataflow: hash of `dataflow.onnx`.
        folding_config: hash of `folding_config.json` as the build wrote it.
        sources: hash of the files in `rtl/`.
        shell: hash of the files in `shell/`, without the identity's digits.
        manifest: hash of this file, without this entry.
    """

    model: Hash
    dataflow: Hash
    folding_config: Hash
    sources: Hash
    shell: Hash
    manifest: Hash


@dataclass(frozen=True)
class Manifest:
    """The contents of `manifest.json`.

    Attributes:
        format: the version of this file's format.
        name: the network's name.
        versions: the versions of the packages that built it.
        board: the board's name on the command line.
        part: AMD's name of the board's FPGA.
        clock_mhz: the fabric's clock.
        target_fps: the requested rate, in frames per second.
        top: the accelerator's top module.
        sources: SystemVerilog files in `rtl/`, in compilation order.
        data: hex files with memory contents in `rtl/`.
        image: shape of an image: height, width and channels, length, 1 and channels, or length.
        pixel_codes: what the driver makes of pixels: for all of them or for each channel, a digit
            for each pixel from 0 to 255, the element's bits in the stream; `[]` if the input
            carries the pixels themselves.
        input: the first of `streams`.
        output: the last of `streams`.
        tail: what the QONNX file computes after it.
        labels: the classes' names, or `[]`.
        cycles_per_frame: cycles per frame, by the models, as are the next three.
        fps: frames per second.
        bottleneck: the slowest layer.
        latency_cycles: cycles from a frame's first beat in to its last beat out.
        folding: how the folds were chosen.
        next_doubling: the cost of about twice the rate, or null.
        streams: the input first, then each layer's outputs, in the order of the layers.
        layers: the layers, in dataflow order.
        area: the total area, by the models.
        resources: the FPGA's resources.
        usable: the resources that an accelerator may use.
        hashes: SHA-256 hashes of the files that belong together.
        metadata: the QONNX file's metadata about the network.
        shell: the logic around the accelerator.
    """

    format: Size
    name: Name
    versions: Mapping[str, str]
    board: BoardName
    part: Name
    clock_mhz: Megahertz
    target_fps: Positive
    top: Module
    sources: Tuple[Source, ...]
    data: Tuple[HexFile, ...]
    image: Tuple[Size, ...]
    pixel_codes: Tuple[Codes, ...]
    input: Stream
    output: End
    tail: Tail
    labels: Tuple[str, ...]
    cycles_per_frame: Size
    fps: Positive
    bottleneck: Name
    latency_cycles: Size
    folding: Folding
    next_doubling: Optional[Doubling]
    streams: Tuple[Stream, ...]
    layers: Tuple[Layer, ...]
    area: Area
    resources: Area
    usable: Area
    hashes: Hashes
    metadata: Mapping[str, Any]
    shell: Shell

    @property
    def files(self) -> Tuple[str, ...]:
        """The paths of all SystemVerilog in the folder: the accelerator's, then the shell's."""
        return (*self.sources, *self.shell.files)


#: What the driver relies on: the identity is computed from it, and the bitstream contains that.
_TRUSTED = (
    *("board", "clock_mhz", "image", "pixel_codes", "input", "output", "tail", "labels"),
    *("cycles_per_frame", "latency_cycles"),
)
_TRUSTED_SHELL = ("top", "version", "address_bits", "base_address")


def load(folder: Path) -> Manifest:
    """Read the manifest in a folder.

    Raises:
        UserError: it is missing, is not JSON, has another format or form, was changed, or its parts
            don't fit together.
    """
    path = Path(folder) / MANIFEST
    if Path(folder).is_file():
        raise UserError(f"{folder}: is a file, must be a folder made by irnet-hw build; {PACKAGES}")
    content = json_file(path, "must be in a folder made by irnet-hw build")
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise UserError(
            f"{path}: has format {shown(str(found))}, must have format {FORMAT}; {_HINT}"
        )
    manifest = form.load(Manifest, content, str(path), _HINT)
    names = [Path(name).name for name in (*manifest.data, *manifest.files)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"{path}: lists {twice[0]} twice; {_HINT}")
    if manifest.hashes.manifest != own_digest(content):
        raise UserError(f"{path}: was changed since the build; {_HINT}")
    wrong = _misfit(manifest)
    if wrong:
        raise UserError(f"{path}: {wrong}; {_HINT}")
    return manifest


def write(manifest: Manifest, folder: Path) -> Manifest:
    """Check a manifest and write it into a folder; return it with its own hash."""
    own = own_digest(form.plain(manifest))
    manifest = replace(manifest, hashes=replace(manifest.hashes, manifest=own))
    content, path = form.plain(manifest), Path(folder) / MANIFEST
    form.check(content, form.form_of(Manifest), str(path))
    path.write_text(json.dumps(content, indent=1) + "\n")
    return manifest


def _misfit(manifest: Manifest) -> str:
    """Return which parts of a manifest don't fit together, or an empty string."""
    for end, port in (("input", manifest.input), ("output", manifest.output)):
        if port.values > _MOST or port.lanes * port.beats != port.values:
            return (
                f"{end}.shape = {list(port.shape)}, must have lanes * beats = "
                f"{port.lanes * port.beats} values, at most {_MOST}"
            )
    if len(manifest.image) not in (1, 3):
        return (
            f"image = {list(manifest.image)}, must be height, width and channels, or the length of "
            "a vector"
        )
    wrong = _misfit_of_input(manifest)
    if wrong:
        return wrong
    if prod(manifest.tail.entry) != manifest.output.values:
        return (
            f"tail.entry = {list(manifest.tail.entry)}, must have output.shape's "
            f"{manifest.output.values} values"
        )
    wrong = fault(manifest.tail)
    if wrong:
        return wrong
    labels, classes = len(manifest.labels), manifest.output.values
    if labels not in (0, classes):
        return f"labels: {labels}, must be {classes} or 0"
    ends: List[int] = []
    ports: List[int] = []
    for stream in manifest.streams:
        ends += [end for end in (stream.source, stream.target) if end is not None]
    for layer in manifest.layers:
        ports += [*layer.inputs, *layer.outputs]
    layers, streams = len(manifest.layers), len(manifest.streams)
    idle = [layer for layer in manifest.layers if not (layer.inputs and layer.outputs)]
    if streams < 2 or max(ends, default=0) >= layers or max(ports, default=0) >= streams or idle:
        return "streams and layers don't fit together"
    if manifest.bottleneck not in {layer.name for layer in manifest.layers}:
        return f"bottleneck {shown(repr(manifest.bottleneck))} is not a layer"
    return ""


def _misfit_of_input(manifest: Manifest) -> str:
    """Return what of the input's stream does not fit the images, or an empty string."""
    pixels, entry, tables = prod(manifest.image), manifest.input, len(manifest.pixel_codes)
    if entry.values != pixels:
        return f"image = {list(manifest.image)}, must have input.shape's {entry.values} values"
    if tables and pixels % tables:
        return f"pixel_codes: {tables}, must be 0, 1 or one for each channel of an image"
    bits = entry.bits // entry.lanes
    if bits * entry.lanes != entry.bits or not (1 <= bits <= 4 if tables else bits == 8):
        right = "1 to 4" if tables else "8"
        return f"input.bits = {entry.bits}, must be {right} for each of {entry.lanes} lanes"
    if entry.tdata_bits != -(-entry.bits // 8) * 8:
        return f"input.tdata_bits = {entry.tdata_bits}, must be {entry.bits} in whole bytes"
    most = max(
        (int(digit, 16) for codes in manifest.pixel_codes for digit in set(codes)), default=0
    )
    if most >> bits:
        return f"pixel_codes: contain {most:x}, must have at most {bits} bits"
    return ""


def own_digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest's JSON content without that hash."""
    hashes = {key: value for key, value in content["hashes"].items() if key != "manifest"}
    text = json.dumps({**content, "hashes": hashes}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def identity(manifest: Manifest) -> str:
    """Return the contents of an accelerator's identity registers: 16 bytes, as hex.

    Args:
        manifest: the identity covers its hashes of the model, the sources and the shell, and all
            that the driver relies on.
    """
    content: Dict[str, Any] = form.plain(manifest)
    made_of = [
        [content["hashes"][key] for key in ("model", "sources", "shell")],
        [content[key] for key in _TRUSTED],
        [content["shell"][key] for key in _TRUSTED_SHELL],
    ]
    text = json.dumps(made_of, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
