"""The facts in a report, gathered from an accelerator's folder.

Every figure is listed under its kind: ``model`` (a formula), ``sim`` (counted in a cycle-accurate
simulation of the RTL), ``synth`` (counted after synthesis by Yosys), ``route`` (after place and
route of the whole design with shell and interconnect). A figure of one kind never replaces one of
another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from irnet_hw.artifact import manifest
from irnet_hw.artifact.folder import open_build
from irnet_hw.artifact.manifest import Layer, Manifest
from irnet_hw.artifact.names import MANIFEST, ROUTE, SAMPLE, SIMULATION, SYNTHESIS
from irnet_hw.artifact.resources import RESOURCES, Area
from irnet_hw.artifact.results import (
    Frame,
    Route,
    Simulation,
    Synthesis,
    read_route,
    read_simulation,
    read_synthesis,
    require_own_bitstream,
)
from irnet_hw.form import SHARE, SIZE, check, plain
from irnet_hw.images import classes_in, images_in
from irnet_hw.read import arrays

#: The resources' names in plain words.
_TITLES = dict(
    zip(RESOURCES, ("LUTs", "flip-flops", "18 Kib block RAMs", "DSP slices"), strict=True)
)
#: What the metadata say about the accuracy.
_ACCURACY = {"images": SIZE, "pytorch": SHARE, "qonnx": SHARE}


@dataclass(frozen=True)
class Sample:
    """Some simulated images.

    Attributes:
        images: uint8 [N, height, width, channels].
        labels: their classes, or None if unknown.
        predictions: the RTL's classes.
    """

    images: npt.NDArray[np.uint8]
    labels: list[str] | None
    predictions: list[str]


def gather(folder: Path) -> dict[str, Any]:
    """Return all that is known about an accelerator, in the form of report.json.

    Raises:
        UserError: the folder is not an accelerator's, or one of its files is damaged or was
            changed.
    """
    built = open_build(folder)
    trained = _trained(built, folder / MANIFEST)
    simulation = read_simulation(folder / SIMULATION, built)
    synthesis = read_synthesis(folder / SYNTHESIS)
    require_own_bitstream(folder, built)
    route = read_route(folder / ROUTE)
    return {
        "format": 2,
        "name": built.name,
        "board": built.board,
        "part": built.part,
        "clock_mhz": built.clock_mhz,
        "target_fps": built.target_fps,
        "folding": plain(built.folding),
        "verdict": _verdict(simulation),
        "throughput": _throughput(built, simulation),
        "accuracy": _accuracy(trained, simulation),
        "area": _area(built, synthesis, route),
        "route": plain(route),
        "image": list(built.image),
        "input": plain(built.input),
        "output": plain(built.output),
        "streams": plain(built.streams),
        "layers": _layers(built, simulation, synthesis),
        "proof": simulation
        and {
            "images": simulation.images,
            "logits_compared": simulation.logits_compared,
            "differences": simulation.differences,
            "irregular": plain(simulation.irregular),
            "tapped_images": simulation.tapped_images,
            "tensors": plain(simulation.tensors),
        },
        "making": {
            "versions": dict(built.versions),
            "training": {
                key: built.metadata[key] for key in ("recipe", "seed") if key in built.metadata
            },
            "hashes": plain(built.hashes),
            "simulation": simulation
            and {
                "cycles": simulation.cycles,
                "seconds": simulation.seconds,
                "cycles_per_second": simulation.cycles_per_second,
                "frames_per_second": simulation.frames_per_second,
            },
            "synthesis": synthesis and {"tool": synthesis.tool, "seconds": synthesis.seconds},
        },
    }


def _trained(built: Manifest, where: Path) -> Mapping[str, Any]:
    """Return what the metadata say about the accuracy."""
    trained = built.metadata.get("accuracy") or {}
    if trained:
        known = {key: form for key, form in _ACCURACY.items() if key == "images" or key in trained}
        check(trained, known, f"{where}: metadata.accuracy", "build it again")
    found: Mapping[str, Any] = trained
    return found


def read_sample(folder: Path) -> Sample | None:
    """Return the images that the simulation kept for the report, or None if it has not run.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / SAMPLE
    if not path.exists():
        return None
    built, again = manifest.load(folder), "simulate again"
    names, classes = built.labels, built.output.values
    with arrays(path, again) as found:
        images = images_in(found, path, built.image, again)
        known = {
            name: _named(classes_in(found, path, name, len(images), classes, again), names)
            for name in ("labels", "predictions")
            if name in found.names or name == "predictions"
        }
    return Sample(images, known.get("labels"), known["predictions"])


def _verdict(simulation: Simulation | None) -> dict[str, Any]:
    if simulation is None:
        return {"bit_exact": None, "text": "Not simulated yet: nothing is proved."}
    *inner, logits = simulation.tensors
    exact = simulation.differences == 0
    text = (
        f"{'Bit-exact' if exact else 'NOT bit-exact'}: {_count(simulation.images, 'image')}, "
        f"{_count(simulation.logits_compared, 'logit')}, "
        f"{_count(logits.differences, 'difference')}"
    )
    if simulation.tapped_images:
        values = sum(tensor.values for tensor in inner)
        wrong = sum(tensor.differences for tensor in inner)
        text += (
            f"; between layers {_count(values, 'value')} of "
            f"{_count(simulation.tapped_images, 'image')}, {_count(wrong, 'difference')}"
        )
    return {"bit_exact": exact, "text": text + "."}


def _throughput(built: Manifest, simulation: Simulation | None) -> dict[str, Any]:
    hertz = built.clock_mhz * 1e6
    figures: dict[str, Any] = {
        "cycles_per_frame": {"model": built.cycles_per_frame},
        "frames_per_second": {"model": built.fps},
        "latency_cycles": {"model": built.latency_cycles},
        "latency_us": {"model": built.latency_cycles / built.clock_mhz},
        "bottleneck": built.bottleneck,
        "next_doubling": plain(built.next_doubling),
    }
    if simulation is not None:
        cycles, latency = simulation.cycles_per_frame, simulation.latency_cycles
        if cycles is not None:  # too few images to measure it
            figures["cycles_per_frame"]["sim"] = cycles
            figures["frames_per_second"]["sim"] = hertz / cycles
        figures["latency_cycles"]["sim"] = latency
        figures["latency_us"]["sim"] = latency / built.clock_mhz
    return figures


def _accuracy(trained: Mapping[str, Any], simulation: Simulation | None) -> list[dict[str, Any]]:
    """Return a row for each known accuracy: of what, how high, on how many images."""
    rows = []
    for key, who in (("pytorch", "PyTorch, after training"), ("qonnx", "QONNX, at export")):
        if key in trained:
            rows.append({"who": who, "accuracy": trained[key], "images": trained["images"]})
    if simulation is not None and simulation.accuracy is not None:
        for accuracy, who in (
            (simulation.accuracy.qonnx, "QONNX, in this simulation"),
            (simulation.accuracy.rtl, "RTL, simulated"),
        ):
            rows.append({"who": who, "accuracy": accuracy, "images": simulation.images})
    return rows


def _area(built: Manifest, synthesis: Synthesis | None, route: Route | None) -> dict[str, Any]:
    area: dict[str, dict[str, Any]] = {}
    for name, title in _TITLES.items():
        area[name] = {
            "title": title,
            "board": built.resources[name],
            "usable": built.usable[name],
            "model": built.area[name],
        }
        if synthesis is not None:
            area[name]["synth"] = synthesis.total[name]
        if route is not None:
            area[name]["route"] = route.area[name]
    return area


def _layers(
    built: Manifest, simulation: Simulation | None, synthesis: Synthesis | None
) -> list[dict[str, Any]]:
    synthesised = {layer.name: layer.area for layer in synthesis.layers} if synthesis else {}
    layers = []
    for layer in built.layers:
        area = {"model": plain(layer.area)}
        if layer.name in synthesised:
            area["synth"] = plain(Area.of(synthesised[layer.name]))
        times = plain(layer.schedule)
        busy = times.pop("busy")
        schedule, waiting = {"model": times}, {}
        if simulation is not None:
            schedule["sim"] = _times(layer, simulation.first_frame)
            waiting["sim"] = max(simulation.waiting[stream] for stream in layer.inputs)
        layers.append(
            {
                "name": layer.name,
                "op": layer.op,
                "text": layer.text,
                "plumbing": layer.plumbing,
                "fold": dict(layer.fold),
                "parameters": dict(layer.parameters),
                "cycles": {"model": layer.cycles},
                "busy": {"model": busy / built.cycles_per_frame},
                "schedule": schedule,
                "waiting": waiting,
                "area": area,
                "inputs": list(layer.inputs),
                "outputs": list(layer.outputs),
            }
        )
    return layers


def _times(layer: Layer, frame: Sequence[Frame]) -> dict[str, int]:
    """Return when the first image's beats went into a layer and came out of it."""
    return {
        "first_in": min(frame[stream].start for stream in layer.inputs),
        "first_out": min(frame[stream].start for stream in layer.outputs),
        "last_out": max(frame[stream].end for stream in layer.outputs),
    }


def _named(classes: npt.NDArray[np.int64], names: Sequence[str]) -> list[str]:
    return [names[i] if i < len(names) else str(i) for i in classes.tolist()]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
