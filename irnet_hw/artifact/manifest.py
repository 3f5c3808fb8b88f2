"""The manifest: what an accelerator's folder holds, and all that its users need to know of it.

The compiler writes it; every other station and the driver on a board read it. A hash in it shows
changes by accident, but anybody can compute that anew: whoever reads a manifest trusts it no
further than it was checked here.
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
from irnet_hw.errors import UserError
from irnet_hw.form import POSITIVE, Annotated, Count, Kind, Name, Positive, Size, matching
from irnet_hw.read import json_file, shown

FORMAT = 4

_HINT = "build it again"
#: A frame of more bytes would be none.
_MOST = 2**30


def _multiple(of: int, least: int) -> Kind:
    return Kind(
        lambda value: type(value) is int and value >= least and value % of == 0,
        f"a multiple of {of}, at least {least}",
    )


# Names go into scripts and paths, so that they are words.
Module = Annotated[str, matching(r"[A-Za-z_]\w*", "a module's name")]
BoardName = Annotated[str, matching(r"[A-Za-z0-9][\w.-]*", "a board's name")]
Source = Annotated[str, matching(r"rtl/[A-Za-z_]\w*\.sv", "a source, rtl/NAME.sv")]
HexFile = Annotated[str, matching(r"rtl/[A-Za-z_]\w*\.hex", "a hex file, rtl/NAME.hex")]
ShellSource = Annotated[str, matching(r"shell/[A-Za-z_]\w*\.sv", "a source, shell/NAME.sv")]
Hash = Annotated[str, matching("[0-9a-f]{64}", "64 hexadecimal digits")]
#: With it every logit, an integer of at most 25 bits, is zero or a normal float32.
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
    """An AXI4-Stream between two layers, or between one and the outside.

    Attributes:
        tensor: the QONNX tensor that it carries; null if it carries none.
        scale: what one step of the integers is worth; null if it carries no tensor.
        shape: of a frame, NHWC without N.
        datatype: FINN's name of the type of an element.
        lanes: elements in a beat, the first in the least significant bits.
        bits: width of a beat.
        tdata_bits: the same, padded to whole bytes.
        beats: beats in a frame.
        source: index in `layers` of what writes it; null for the accelerator's input.
        target: index in `layers` of what reads it; null for the accelerator's output.
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
        """Elements of a frame."""
        return prod(self.shape)


@dataclass(frozen=True)
class End(Stream):
    """The stream at an end of the accelerator, which carries a tensor for certain."""

    tensor: str
    scale: Scale


@dataclass(frozen=True)
class Times:
    """The first frame through a layer, by the models, in cycles from the first beat on.

    Attributes:
        first_in: when the first beat is taken, of whichever input.
        first_out: when the first beat is there for the next layer.
        last_out: when the last one is.
        busy: cycles of work.
    """

    first_in: Count
    first_out: Count
    last_out: Count
    busy: Count


@dataclass(frozen=True)
class Layer:
    """A hardware op of the accelerator; its name is its module's.

    Attributes:
        name: of its module.
        op: FINN's or our name of the op.
        text: what it is, in words.
        fold: `PE` and `SIMD`, as far as it has them.
        cycles: that a frame takes, by the model.
        area: by the model.
        inputs: indices into `streams`, in the order of its ports.
        outputs: indices into `streams`.
        schedule: when the first frame passes.
        plumbing: what an op that only moves beats is called, such as "FIFO"; "" for one that
            computes.
        parameters: sizes, channels, bits.
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
        aim: "area", the least that reaches `target_fps`, or "rate", the highest that fits.
        distance: how far the result is from the best possible at most; 0.01 is 1 %.
    """

    aim: Literal["area", "rate"]
    distance: float


@dataclass(frozen=True)
class Doubling:
    """What about twice the rate would take.

    Attributes:
        fps: the rate.
        area: by the models.
        fits: whether the board has it.
    """

    fps: Positive
    area: Area
    fits: bool


@dataclass(frozen=True)
class Shell:
    """What is around the accelerator in a bitstream.

    Attributes:
        top: the bitstream's top module.
        sources: files in `shell/`, in the order in which to compile them, without the top's.
        version: of the register map.
        address_bits: of the port to the board's memory.
        base_address: at which the processor finds the registers.
        identity: 32 hexadecimal digits that the [registers](registers.md) repeat, made of the
            hashes of model, sources and shell and of what the driver uses.
        registers: offsets, by the registers' names.
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
    """SHA-256 of what belongs together.

    Attributes:
        model: of `model.onnx`.
        dataflow: of `dataflow.onnx`.
        folding_config: of `folding_config.json`, as the build wrote it.
        sources: of the files in `rtl/`.
        shell: of the files in `shell/`, without the identity's digits.
        manifest: of this file, without this hash.
    """

    model: Hash
    dataflow: Hash
    folding_config: Hash
    sources: Hash
    shell: Hash
    manifest: Hash


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` holds.

    Attributes:
        format: of this file.
        name: of the network.
        versions: of the packages that built it.
        board: by its name on the command line.
        part: AMD's name of the board's FPGA.
        clock_mhz: the fabric's clock.
        target_fps: frames a second that were asked for.
        top: the accelerator's top module.
        sources: SystemVerilog in `rtl/`, in the order in which to compile it.
        data: contents of memories in `rtl/`.
        input: the first of `streams`.
        output: the last of `streams`.
        labels: the classes' names, or `[]`.
        cycles_per_frame: by the models, as are the next three.
        fps: frames a second.
        bottleneck: the slowest layer.
        latency_cycles: from a frame's first beat in to its last beat out.
        folding: how the folds were chosen.
        next_doubling: what about twice the rate would take, or null.
        streams: the input first, then each layer's, in the order of the layers.
        layers: in the order of the data.
        area: by the models.
        resources: what the FPGA has.
        usable: what an accelerator may use of it.
        hashes: SHA-256 of what belongs together.
        metadata: what the QONNX file says about the network.
        shell: what is around the accelerator.
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
    input: End
    output: End
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
    def image(self) -> Tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = self.input.shape
        return height, width, channels

    @property
    def files(self) -> Tuple[str, ...]:
        """The paths of all SystemVerilog in the folder: the accelerator's, then the shell's."""
        return (*self.sources, *self.shell.files)


#: What the driver trusts: the identity is made of it, and a bitstream holds the identity.
_TRUSTED = ("board", "clock_mhz", "input", "output", "labels", "cycles_per_frame", "latency_cycles")
_TRUSTED_SHELL = ("top", "version", "address_bits", "base_address")


def load(folder: Path) -> Manifest:
    """Read the manifest in a folder.

    Raises:
        UserError: it is missing, is no JSON, is of another format or form, was changed, or its
            parts don't fit together.
    """
    path = Path(folder) / MANIFEST
    content = json_file(path, "must be in a folder made by irnet-hw build")
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise UserError(
            f"{path}: is of format {shown(str(found))}, must be of format {FORMAT}; {_HINT}"
        )
    manifest = form.load(Manifest, content, str(path), _HINT)
    names = [Path(name).name for name in (*manifest.data, *manifest.files)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"{path}: {twice[0]} stands there twice; {_HINT}")
    if manifest.hashes.manifest != own_digest(content):
        raise UserError(f"{path}: was changed since the build; {_HINT}")
    wrong = _misfit(manifest)
    if wrong:
        raise UserError(f"{path}: {wrong}; {_HINT}")
    return manifest


def write(manifest: Manifest, folder: Path) -> Manifest:
    """Write a manifest into a folder, checked; return it with its own hash."""
    own = own_digest(form.plain(manifest))
    manifest = replace(manifest, hashes=replace(manifest.hashes, manifest=own))
    content, path = form.plain(manifest), Path(folder) / MANIFEST
    form.check(content, form.form_of(Manifest), str(path))
    path.write_text(json.dumps(content, indent=1) + "\n")
    return manifest


def _misfit(manifest: Manifest) -> str:
    """Return which parts of a manifest don't fit together, or nothing."""
    for end, port in (("input", manifest.input), ("output", manifest.output)):
        if port.values > _MOST or port.lanes * port.beats != port.values:
            return (
                f"{end}.shape = {list(port.shape)}, must be of lanes * beats = "
                f"{port.lanes * port.beats} values, at most {_MOST}"
            )
    if len(manifest.input.shape) != 3:
        return f"input.shape = {list(manifest.input.shape)}, must be height, width and channels"
    labels, classes = len(manifest.labels), manifest.output.values
    if labels not in (0, classes):
        return f"labels: {labels}, must be {classes} or none"
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
        return f"bottleneck {shown(repr(manifest.bottleneck))} is no layer"
    return ""


def own_digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest, as JSON has it, without that hash."""
    hashes = {key: value for key, value in content["hashes"].items() if key != "manifest"}
    text = json.dumps({**content, "hashes": hashes}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def identity(manifest: Manifest) -> str:
    """Return what the identity registers of an accelerator hold: 16 bytes, as hex.

    Args:
        manifest: of which the hashes of the model, the sources and the shell count, and all that
            the driver trusts.
    """
    content: Dict[str, Any] = form.plain(manifest)
    made_of = [
        [content["hashes"][key] for key in ("model", "sources", "shell")],
        [content[key] for key in _TRUSTED],
        [content["shell"][key] for key in _TRUSTED_SHELL],
    ]
    text = json.dumps(made_of, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
