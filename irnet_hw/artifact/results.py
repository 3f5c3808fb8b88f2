"""What stations after the compiler find out about an accelerator: one JSON file each."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Mapping, Optional, Tuple, Type, TypeVar

from irnet_hw import form
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import ROUTE
from irnet_hw.artifact.resources import Area
from irnet_hw.errors import UserError
from irnet_hw.form import REST, Amount, Count, Name, Positive, Share, Size
from irnet_hw.read import json_file, shown

Result = TypeVar("Result")


@dataclass(frozen=True)
class Compared:
    """A stream, or the logits, held against a reference in both passes.

    Attributes:
        layer: the stream's source.
        tensor: of the network, or the stream's name.
        against: the reference, the QONNX run or the layer's own model.
        values: how many were compared.
        differences: how many of them differ.
    """

    layer: str
    tensor: str
    against: Literal["QONNX", "NumPy model"]
    values: Count
    differences: Count


@dataclass(frozen=True)
class Frame:
    """When a stream carries the first image, in cycles since the accelerator's first beat.

    Attributes:
        start: of its first beat.
        end: of its last one.
    """

    start: Count
    end: Count


@dataclass(frozen=True)
class Irregular:
    """The pass with random gaps before the accelerator and stalls behind it.

    Attributes:
        images: how many.
        seed: of the gaps and stalls.
        cycles: that it took.
        logits_compared: how many.
    """

    images: Count
    seed: Count
    cycles: Count
    logits_compared: Count


@dataclass(frozen=True)
class Accuracy:
    """The share of images whose class is right.

    Attributes:
        rtl: by the simulation.
        qonnx: by the QONNX run.
    """

    rtl: Share
    qonnx: Share


@dataclass(frozen=True)
class Simulation:
    """What `simulation.json` holds.

    Attributes:
        kind: how the figures were got.
        images: how many passed at full rate.
        logits_compared: of them.
        differences: of logits and tensors in both passes.
        first_difference: the first layer that has any, or null.
        tapped_images: of how many images, the first, every stream was compared.
        tensors: the comparisons, in the streams' order; the last is that of all logits.
        cycles_per_frame: from image to image in the second half of the images; null for fewer
            than 4.
        latency_cycles: from the first beat of the first image in to its last one out, both
            included.
        first_frame: of each stream.
        waiting: in which part of the cycles each stream offers a beat that is not taken: before
            the slowest layer streams wait, behind it none does.
        cycles: of the simulation at full rate, as are the next three.
        seconds: that it took.
        cycles_per_second: simulated.
        frames_per_second: simulated.
        compile_seconds: 0 where it was compiled before.
        irregular: the pass with gaps and stalls.
        predictions: the RTL's class of each image.
        expected: the QONNX run's.
        labels: the right ones, or null.
        accuracy: or null without labels.
    """

    kind: Literal["sim"]
    images: Size
    logits_compared: Count
    differences: Count
    first_difference: Optional[str]
    tapped_images: Count
    tensors: Tuple[Compared, ...]
    cycles_per_frame: Optional[Positive]
    latency_cycles: Count
    first_frame: Tuple[Frame, ...]
    waiting: Tuple[Share, ...]
    cycles: Count
    seconds: Amount
    cycles_per_second: Amount
    frames_per_second: Amount
    compile_seconds: Amount
    irregular: Irregular
    predictions: Tuple[Count, ...]
    expected: Tuple[Count, ...]
    labels: Optional[Tuple[Count, ...]]
    accuracy: Optional[Accuracy]


@dataclass(frozen=True)
class SynthesisedLayer:
    """What a layer takes after synthesis.

    Attributes:
        name: the layer's.
        area: LUT, FF, BRAM18, DSP and other cells, such as CARRY4.
    """

    name: str
    area: Mapping[str, Count] = field(metadata=REST)


@dataclass(frozen=True)
class Synthesis:
    """What `synthesis.json` holds.

    Attributes:
        kind: how the figures were got.
        tool: name and version.
        part: of the FPGA.
        total: what all layers take.
        layers: what each takes.
        resources: of the board.
        seconds: that it took.
    """

    kind: Literal["synth"]
    tool: Name
    part: Name
    total: Mapping[str, Count]
    layers: Tuple[SynthesisedLayer, ...]
    resources: Mapping[str, Count]
    seconds: Amount


@dataclass(frozen=True)
class Route:
    """What `bitstream/route.json` holds: the whole design, with shell and interconnect.

    Attributes:
        kind: how the figures were got.
        identity: of the accelerator.
        flow: "vivado" or "openxc7".
        part: of the FPGA.
        target_mhz: the clock that was asked for.
        LUT: lookup tables.
        FF: flip-flops.
        BRAM18: block RAMs of 18 Kib.
        DSP: DSP slices.
        tool: name and version.
        clock_mhz: the highest clock at which the tool's timing analysis has no path too slow.
        clock_from: whose delays that is by: "vendor", which the maker of the device signs off, or
            "estimate".
        bytes: of irnet.bit.
        seconds: that it took.
    """

    kind: Literal["route"]
    identity: Name
    flow: Name
    part: Name
    target_mhz: Positive
    LUT: Count
    FF: Count
    BRAM18: Count
    DSP: Count
    tool: Name
    clock_mhz: Positive
    clock_from: Name
    bytes: Count
    seconds: Amount

    @property
    def area(self) -> Area:
        """All that is in the bitstream."""
        return Area(self.LUT, self.FF, self.BRAM18, self.DSP)


def text(result: Any) -> str:
    """Return a result as the text of its file."""
    return json.dumps(form.plain(result), indent=1) + "\n"


def read(kind: Type[Result], path: Path, hint: str) -> Optional[Result]:
    """Read a result; None if there is none.

    Args:
        kind: which.
        path: of its file.
        hint: what to do if it is damaged; it ends the message.

    Raises:
        UserError: the file is damaged.
    """
    return form.load(kind, json_file(path, hint), str(path), hint) if path.is_file() else None


def read_simulation(path: Path, built: Manifest) -> Optional[Simulation]:
    """Read what the simulation of an accelerator found; None if it has not run.

    Args:
        path: of simulation.json.
        built: the accelerator's manifest.

    Raises:
        UserError: the file is damaged, or is another accelerator's.
    """
    again = "simulate again"
    found = read(Simulation, path, again)
    if found is None:
        return None
    streams, names = len(built.streams), {layer.name for layer in built.layers}
    wrong = {one.layer for one in found.tensors} - names
    if wrong:
        raise UserError(f"{path}: tensors of {shown(min(wrong))}, which is no layer; {again}")
    for key, entries, least in (
        ("first_frame", found.first_frame, streams),
        ("waiting", found.waiting, streams),
        ("tensors", found.tensors, 1),
    ):
        if len(entries) < least:
            raise UserError(
                f"{path}: {key} has {len(entries)} entries, which does not fit the "
                f"accelerator's {streams} streams; {again}"
            )
    return found


def read_synthesis(path: Path) -> Optional[Synthesis]:
    """Read what an accelerator takes after synthesis; None if it was not synthesised.

    Raises:
        UserError: the file is damaged.
    """
    again = "build again"
    found = read(Synthesis, path, again)
    if found is not None:
        required = form.form_of(Area).fields
        form.check(found.total, required, f"{path}: total", again)
        for place, layer in enumerate(found.layers):
            form.check(layer.area, required, f"{path}: layers[{place}]", again)
    return found


def read_route(path: Path) -> Optional[Route]:
    """Read what came of place and route; None if there was none.

    Raises:
        UserError: the file is damaged.
    """
    return read(Route, path, "build with --flow again")


def require_own_bitstream(folder: Path, built: Manifest) -> None:
    """Refuse a bitstream that was made of another accelerator than the one in the folder.

    A bitstream without a route.json, as after running Vivado by hand, says nothing of itself; once
    loaded on a board, it is known by its identity registers.

    Raises:
        UserError: its route.json is damaged or names another identity.
    """
    route = folder / ROUTE
    found = read_route(route)
    own = built.shell.identity
    if found is not None and found.identity != own:
        raise UserError(
            f"{route.parent}: is of another build, with the identity {found.identity}, and this "
            f"one's is {own}; move it away, or build with --flow again"
        )
