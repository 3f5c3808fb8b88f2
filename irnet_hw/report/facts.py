"""What a report states, gathered from an accelerator's folder.

Every figure stands under its kind: ``model`` (a formula), ``sim`` (counted in a cycle-accurate
simulation of the RTL), ``synth`` (counted after synthesis by Yosys), ``route`` (after place and
route, of the whole design with shell and interconnect). A figure of one kind never stands in for
another.
"""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from irnet_hw.compiler import manifest
from irnet_hw.errors import UserError
from irnet_hw.flows.build_folder import open_build
from irnet_hw.runtime.package import ROUTE

#: The resources that a report states, with the names that people know them by.
RESOURCES = {"LUT": "LUTs", "FF": "flip-flops", "BRAM18": "18 Kib block RAMs", "DSP": "DSP slices"}

#: What a report takes from simulation.json, from synthesis.json and from route.json.
_SIMULATION = {
    *("images", "logits_compared", "differences", "irregular", "tapped_images", "tensors"),
    *("cycles_per_frame", "latency_cycles", "first_frame", "waiting", "accuracy"),
    *("cycles", "seconds", "cycles_per_second", "frames_per_second"),
}
_SYNTHESIS = {"total", "layers", "tool", "seconds"}
_ROUTE = {*RESOURCES, "tool", "flow", "target_mhz", "clock_mhz", "clock_from", "bytes", "seconds"}


@dataclass(frozen=True)
class Sample:
    """Some simulated images.

    Attributes:
        images: uint8 [N, height, width, channels].
        labels: what they show, or None where that is not known.
        predictions: what the RTL said.
    """

    images: npt.NDArray[np.uint8]
    labels: list[str] | None
    predictions: list[str]


def gather(folder: Path) -> dict[str, Any]:
    """Return what is known about an accelerator, as report.json holds it.

    Raises:
        UserError: the folder is no accelerator's, or one of its files is damaged or was changed.
    """
    built = open_build(folder)
    simulation = _read(folder / "simulation.json", _SIMULATION, "simulate")
    synthesis = _read(folder / "synthesis.json", _SYNTHESIS, "build")
    route = _read(folder / ROUTE, _ROUTE, "build with --flow")
    metadata = built["metadata"]
    return {
        "format": 2,
        "name": built["name"],
        "board": built["board"],
        "part": built["part"],
        "clock_mhz": built["clock_mhz"],
        "target_fps": built["target_fps"],
        "folding": built["folding"],
        "verdict": _verdict(simulation),
        "throughput": _throughput(built, simulation),
        "accuracy": _accuracy(metadata, simulation),
        "area": _area(built, synthesis, route),
        "route": route,
        "input": built["input"],
        "output": built["output"],
        "streams": built["streams"],
        "layers": _layers(built, simulation, synthesis),
        "proof": simulation
        and {
            key: simulation[key]
            for key in (
                "images",
                "logits_compared",
                "differences",
                "irregular",
                "tapped_images",
                "tensors",
            )
        },
        "making": {
            "versions": built["versions"],
            "training": {key: metadata[key] for key in ("recipe", "seed") if key in metadata},
            "hashes": built["hashes"],
            "simulation": simulation
            and {
                key: simulation[key]
                for key in ("cycles", "seconds", "cycles_per_second", "frames_per_second")
            },
            "synthesis": synthesis and {key: synthesis[key] for key in ("tool", "seconds")},
        },
    }


def read_sample(folder: Path) -> Sample | None:
    """Return the images that the simulation kept for the report, or None if it has not run.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / "sample.npz"
    if not path.is_file():
        return None
    names = [str(name) for name in manifest.load(folder)["labels"]]
    try:
        with np.load(path, allow_pickle=False) as content:
            labels = content.get("labels")
            return Sample(
                images=content["images"],
                labels=None if labels is None else _named(labels, names),
                predictions=_named(content["predictions"], names),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: is damaged; simulate again") from error


def _verdict(simulation: dict[str, Any] | None) -> dict[str, Any]:
    if simulation is None:
        return {"bit_exact": None, "text": "Not simulated yet: nothing is proved."}
    *inner, logits = simulation["tensors"]
    exact = simulation["differences"] == 0
    text = (
        f"{'Bit-exact' if exact else 'NOT bit-exact'}: {_count(simulation['images'], 'image')}, "
        f"{_count(simulation['logits_compared'], 'logit')}, "
        f"{_count(logits['differences'], 'difference')}"
    )
    if simulation["tapped_images"]:
        values = sum(tensor["values"] for tensor in inner)
        wrong = sum(tensor["differences"] for tensor in inner)
        text += (
            f"; between layers {_count(values, 'value')} of "
            f"{_count(simulation['tapped_images'], 'image')}, {_count(wrong, 'difference')}"
        )
    return {"bit_exact": exact, "text": text + "."}


def _throughput(built: dict[str, Any], simulation: dict[str, Any] | None) -> dict[str, Any]:
    hertz = built["clock_mhz"] * 1e6
    figures: dict[str, Any] = {
        "cycles_per_frame": {"model": built["cycles_per_frame"]},
        "frames_per_second": {"model": built["fps"]},
        "latency_cycles": {"model": built["latency_cycles"]},
        "latency_us": {"model": built["latency_cycles"] / built["clock_mhz"]},
        "bottleneck": built["bottleneck"],
        "next_doubling": built["next_doubling"],
    }
    if simulation is not None:
        cycles, latency = simulation["cycles_per_frame"], simulation["latency_cycles"]
        if cycles is not None:  # too few images to measure it
            figures["cycles_per_frame"]["sim"] = cycles
            figures["frames_per_second"]["sim"] = hertz / cycles
        figures["latency_cycles"]["sim"] = latency
        figures["latency_us"]["sim"] = latency / built["clock_mhz"]
    return figures


def _accuracy(metadata: dict[str, Any], simulation: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return rows of who was right how often, on how many images."""
    rows = []
    trained = metadata.get("accuracy") or {}
    for key, who in (("pytorch", "PyTorch, after training"), ("qonnx", "QONNX, at export")):
        if key in trained:
            rows.append({"who": who, "accuracy": trained[key], "images": trained["images"]})
    if simulation is not None and simulation["accuracy"] is not None:
        for key, who in (("qonnx", "QONNX, in this simulation"), ("rtl", "RTL, simulated")):
            rows.append(
                {
                    "who": who,
                    "accuracy": simulation["accuracy"][key],
                    "images": simulation["images"],
                }
            )
    return rows


def _area(
    built: dict[str, Any], synthesis: dict[str, Any] | None, route: dict[str, Any] | None
) -> dict[str, Any]:
    area = {}
    for name, title in RESOURCES.items():
        area[name] = {
            "title": title,
            "board": built["resources"][name],
            "usable": built["usable"][name],
            "model": built["area"][name],
        }
        if synthesis is not None:
            area[name]["synth"] = synthesis["total"][name]
        if route is not None:
            area[name]["route"] = route[name]
    return area


def _layers(
    built: dict[str, Any], simulation: dict[str, Any] | None, synthesis: dict[str, Any] | None
) -> list[dict[str, Any]]:
    synthesised = {layer["name"]: layer for layer in synthesis["layers"]} if synthesis else {}
    layers = []
    for layer in built["layers"]:
        area = {"model": {name: layer["area"][name] for name in RESOURCES}}
        if layer["name"] in synthesised:
            area["synth"] = {name: synthesised[layer["name"]][name] for name in RESOURCES}
        times = {key: layer["schedule"][key] for key in ("first_in", "first_out", "last_out")}
        schedule, waiting = {"model": times}, {}
        if simulation is not None:
            schedule["sim"] = _times(layer, simulation["first_frame"])
            waiting["sim"] = max(simulation["waiting"][stream] for stream in layer["inputs"])
        layers.append(
            {
                "name": layer["name"],
                "op": layer["op"],
                "text": layer["text"],
                "fold": layer["fold"],
                "parameters": layer["parameters"],
                "cycles": {"model": layer["cycles"]},
                "busy": {"model": layer["schedule"]["busy"] / built["cycles_per_frame"]},
                "schedule": schedule,
                "waiting": waiting,
                "area": area,
                "inputs": layer["inputs"],
                "outputs": layer["outputs"],
            }
        )
    return layers


def _times(layer: dict[str, Any], frame: list[dict[str, int]]) -> dict[str, int]:
    """Return when the first image's beats went into a layer and came out of it."""
    return {
        "first_in": min(frame[stream]["start"] for stream in layer["inputs"]),
        "first_out": min(frame[stream]["start"] for stream in layer["outputs"]),
        "last_out": max(frame[stream]["end"] for stream in layer["outputs"]),
    }


def _read(path: Path, keys: set[str], redo: str) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is damaged ({error}); {redo} again") from error
    absent = sorted(keys - content.keys() if isinstance(content, dict) else keys)
    if absent:
        raise UserError(f"{path}: is damaged (no {', '.join(absent)}); {redo} again")
    assert isinstance(content, dict)
    return content


def _named(classes: npt.NDArray[np.integer[Any]], names: list[str]) -> list[str]:
    return [names[i] if i < len(names) else str(i) for i in classes.tolist()]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
