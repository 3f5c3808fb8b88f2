"""The results of the stations after the compiler: one JSON file each."""

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
    """A stream, or the logits, compared with a reference in both passes.

    Attributes:
        layer: the layer that writes the stream.
        tensor: the network's tensor, or the stream's name.
        against: the reference: the QONNX run or the layer's own model.
        values: how many values were compared.
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
        start: the first beat's cycle.
        end: the last beat's cycle.
    """

    start: Count
    end: Count


@dataclass(frozen=True)
class Irregular:
    """The pass with random gaps at the accelerator's input and stalls at its output.

    Attributes:
        images: the number of images.
        seed: the seed of the gaps and stalls.
        cycles: how many cycles it took.
        logits_compared: the number of logits compared.
    """

    images: Count
    seed: Count
    cycles: Count
    logits_compared: Count


@dataclass(frozen=True)
class GateSimulation:
    """What the simulation of the netlist found (gates.json).

    Attributes:
        kind: "synth".
        netlist: the tool that made it, with its version.
        images: the number of images at full rate.
        logits_compared: how many values were compared with the QONNX run, in both passes.
        differences: how many of them differ.
        cycles_per_frame: in the second half of the images; None for fewer than 4.
        irregular: the pass with gaps and stalls.
    """

    kind: Literal["synth"]
    netlist: str
    images: Count
    logits_compared: Count
    differences: Count
    cycles_per_frame: Optional[Positive]
    irregular: Irregular


@dataclass(frozen=True)
class Accuracy:
    """The share of images that are classified correctly.

    Attributes:
        rtl: in the simulation.
        qonnx: in the QONNX run.
    """

    rtl: Share
    qonnx: Share


@dataclass(frozen=True)
class Simulation:
    """The contents of `simulation.json`.

    Attributes:
        kind: how the figures were obtained.
        images: how many images passed at full rate.
        logits_compared: how many of their logits were compared.
        differences: how many logits and tensor values differ, in both passes.
        first_difference: the first layer with a difference, or null.
        tapped_images: for how many images, the first ones, every stream was compared.
        tensors: the comparisons, in the streams' order; the last covers all logits.
        cycles_per_frame: cycles from image to image in the second half of the images; null for
            fewer than 4 images.
        latency_cycles: cycles from the first image's first beat in to its last beat out, both
            included.
        first_frame: when each stream carries the first image.
        waiting: the share of cycles in which each stream offers a beat that is not taken: streams
            wait before the slowest layer, and not after it.
        cycles: cycles of the simulation at full rate, as are the next three.
        seconds: how long it took.
        cycles_per_second: simulated cycles per second.
        frames_per_second: simulated frames per second.
        compile_seconds: how long compiling took; 0 if it was cached.
        irregular: the pass with gaps and stalls.
        predictions: the RTL's class of each image.
        expected: the QONNX run's class of each image.
        labels: the correct classes, or null.
        accuracy: the accuracy; null without labels.
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
    """A layer's area after synthesis.

    Attributes:
        name: the layer's name.
        area: LUT, FF, BRAM18, DSP and other cells, such as CARRY4.
    """

    name: str
    area: Mapping[str, Count] = field(metadata=REST)


@dataclass(frozen=True)
class Synthesis:
    """The contents of `synthesis.json`.

    Attributes:
        kind: how the figures were obtained.
        tool: the tool's name and version.
        part: the FPGA's part name.
        total: the area of all layers.
        layers: the area of each layer.
        resources: the board's resources.
        seconds: how long it took.
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
    """The contents of `bitstream/route.json`: the whole design, with shell and interconnect.

    Attributes:
        kind: how the figures were obtained.
        identity: the accelerator's identity.
        flow: "vivado" or "openxc7".
        part: the FPGA's part name.
        target_mhz: the requested clock.
        LUT: lookup tables, each with one function of up to six inputs or two of up to five.
        half_luts: functions in these LUTs; a LUT has room for two. nextpnr-xilinx counts them as
            SLICE_LUTX. Null for Vivado.
        FF: flip-flops.
        BRAM18: block RAMs of 18 Kib.
        DSP: DSP slices.
        tool: the tool's name and version.
        clock_mhz: the highest clock at which the tool's timing analysis finds no path too slow.
        seeds: the clock reached with each of the placer's seeds that was tried; irnet.bit has the
            best. Empty for Vivado.
        clock_from: where the delays come from: "vendor", signed off by the device's maker, or
            "estimate".
        bytes: the size of irnet.bit.
        seconds: how long it took.
    """

    kind: Literal["route"]
    identity: Name
    flow: Name
    part: Name
    target_mhz: Positive
    LUT: Count
    half_luts: Optional[Count]
    FF: Count
    BRAM18: Count
    DSP: Count
    tool: Name
    clock_mhz: Positive
    seeds: Mapping[str, Positive]
    clock_from: Name
    bytes: Count
    seconds: Amount

    @property
    def area(self) -> Area:
        """The area of everything in the bitstream."""
        return Area(self.LUT, self.FF, self.BRAM18, self.DSP)


def text(result: Any) -> str:
    """Return a result as the text of its file."""
    return json.dumps(form.plain(result), indent=1) + "\n"


def read(kind: Type[Result], path: Path, hint: str) -> Optional[Result]:
    """Read a result; None if the file does not exist.

    Args:
        kind: the result's class.
        path: the result's file.
        hint: the end of the error message: what to do if the file is damaged.

    Raises:
        UserError: the file is damaged.
    """
    return form.load(kind, json_file(path, hint), str(path), hint) if path.exists() else None


def read_simulation(path: Path, built: Manifest) -> Optional[Simulation]:
    """Read the result of an accelerator's simulation; None if it has not run.

    Args:
        path: the path of simulation.json.
        built: the accelerator's manifest.

    Raises:
        UserError: the file is damaged, or belongs to another accelerator.
    """
    again = "simulate again"
    found = read(Simulation, path, again)
    if found is None:
        return None
    streams, names = len(built.streams), {layer.name for layer in built.layers}
    wrong = {one.layer for one in found.tensors} - names
    if wrong:
        raise UserError(f"{path}: has tensors of {shown(min(wrong))}, not a layer; {again}")
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
    """Read an accelerator's area after synthesis; None if it was not synthesised.

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
    """Read the result of place and route; None if it has not run.

    Raises:
        UserError: the file is damaged.
    """
    return read(Route, path, "build with --flow again")


def require_own_bitstream(folder: Path, built: Manifest) -> None:
    """Refuse a bitstream that was made from another accelerator than the one in the folder.

    A bitstream without a route.json, as after running Vivado by hand, can't be checked here; once
    it is loaded on a board, the driver checks its identity registers.

    Raises:
        UserError: its route.json is damaged or names another identity.
    """
    route = folder / ROUTE
    found = read_route(route)
    own = built.shell.identity
    if found is not None and found.identity != own:
        raise UserError(
            f"{route.parent}: belongs to another build, with identity {found.identity}; this one's "
            f"is {own}; move it away, or build with --flow again"
        )
