"""What a report states, gathered from an accelerator's folder.

Every figure stands under its kind: ``model`` (a formula), ``sim`` (counted in a cycle-accurate
simulation of the RTL), ``synth`` (counted after synthesis by Yosys), ``route`` (after place and
route, of the whole design with shell and interconnect). A figure of one kind never stands in for
another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from irnet_hw.compiler.emission import manifest
from irnet_hw.compiler.folder import open_build
from irnet_hw.errors import UserError
from irnet_hw.form import AMOUNT, COUNT, OBJECT, POSITIVE, SHARE, SIZE, TEXT, Each, Maybe, check
from irnet_hw.images import classes_in, images_in
from irnet_hw.read import arrays, json_file, shown
from irnet_hw.runtime.package import ROUTE, require_own_bitstream

#: The resources that a report states, with the names that people know them by.
RESOURCES = {"LUT": "LUTs", "FF": "flip-flops", "BRAM18": "18 Kib block RAMs", "DSP": "DSP slices"}

#: What a report takes from manifest.json, simulation.json, synthesis.json and route.json.
_COUNTS = dict.fromkeys(RESOURCES, COUNT)
_MANIFEST = {
    **dict.fromkeys(("clock_mhz", "target_fps", "fps"), POSITIVE),
    **dict.fromkeys(("cycles_per_frame", "latency_cycles"), SIZE),
    **dict.fromkeys(("resources", "usable", "area"), _COUNTS),
    "next_doubling": Maybe({"fps": POSITIVE, "area": _COUNTS}),
    "streams": [
        {
            "shape": [SIZE],
            **dict.fromkeys(("lanes", "bits", "tdata_bits", "beats"), SIZE),
            **dict.fromkeys(("source", "target"), Maybe(COUNT)),
        }
    ],
    "layers": [
        {
            "name": TEXT,
            "fold": Each(SIZE),
            "cycles": SIZE,
            "area": _COUNTS,
            **{key: [COUNT] for key in ("inputs", "outputs")},
            "schedule": dict.fromkeys(("first_in", "first_out", "last_out", "busy"), COUNT),
        }
    ],
    "metadata": OBJECT,
}
_ACCURACY = {"images": SIZE, "pytorch": SHARE, "qonnx": SHARE}
_SIMULATION = {
    "images": SIZE,
    "logits_compared": COUNT,
    "differences": COUNT,
    "irregular": {"images": COUNT, "seed": COUNT, "cycles": COUNT, "logits_compared": COUNT},
    "tapped_images": COUNT,
    "tensors": [
        {"layer": TEXT, "tensor": TEXT, "against": TEXT, "values": COUNT, "differences": COUNT}
    ],
    "cycles_per_frame": Maybe(POSITIVE),
    "latency_cycles": COUNT,
    "first_frame": [{"start": COUNT, "end": COUNT}],
    "waiting": [SHARE],
    "accuracy": Maybe({"rtl": SHARE, "qonnx": SHARE}),
    **dict.fromkeys(("cycles", "seconds", "cycles_per_second", "frames_per_second"), AMOUNT),
}
_SYNTHESIS = {
    "total": _COUNTS,
    "layers": [{"name": TEXT, **_COUNTS}],
    "tool": TEXT,
    "seconds": AMOUNT,
}
_ROUTE = {
    **_COUNTS,
    **dict.fromkeys(("tool", "flow", "clock_from"), TEXT),
    **dict.fromkeys(("target_mhz", "clock_mhz"), POSITIVE),
    **dict.fromkeys(("bytes", "seconds"), AMOUNT),
}


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
    _check_manifest(built, str(folder / manifest.FILE))
    simulation = _simulation(folder / "simulation.json", built)
    synthesis = _read(folder / "synthesis.json", _SYNTHESIS, "build")
    require_own_bitstream(folder, built)
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


def _check_manifest(built: dict[str, Any], where: str) -> None:
    """Refuse a manifest whose parts don't fit together, as the schema can't tell."""
    again = "build it again"
    check(built, _MANIFEST, where, again)
    if trained := built["metadata"].get("accuracy"):
        known = {key: form for key, form in _ACCURACY.items() if key == "images" or key in trained}
        check(trained, known, f"{where}: metadata.accuracy", again)
    layers, streams = len(built["layers"]), len(built["streams"])
    ends = {each[key] for each in built["streams"] for key in ("source", "target")} - {None}
    ports = {port for each in built["layers"] for port in each["inputs"] + each["outputs"]}
    if max(ends, default=0) >= layers or max(ports, default=0) >= streams:
        raise UserError(f"{where}: streams and layers don't fit together; {again}")
    if built["bottleneck"] not in {layer["name"] for layer in built["layers"]}:
        raise UserError(f"{where}: bottleneck {built['bottleneck']!r} is no layer; {again}")


def read_sample(folder: Path) -> Sample | None:
    """Return the images that the simulation kept for the report, or None if it has not run.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / "sample.npz"
    if not path.is_file():
        return None
    content, again = manifest.load(folder), "simulate again"
    names, classes = content["labels"], prod(content["output"]["shape"])
    height, width, channels = content["input"]["shape"]
    with arrays(path, again) as found:
        images = images_in(found, path, (height, width, channels), again)
        known = {
            name: _named(classes_in(found, path, name, len(images), classes, again), names)
            for name in ("labels", "predictions")
            if name in found.names or name == "predictions"
        }
    return Sample(images, known.get("labels"), known["predictions"])


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
                "plumbing": layer["plumbing"],
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


def _simulation(path: Path, built: dict[str, Any]) -> dict[str, Any] | None:
    """Return what simulation.json says of an accelerator, whose manifest is given."""
    content = _read(path, _SIMULATION, "simulate")
    if content is None:
        return None
    streams, names = len(built["streams"]), {layer["name"] for layer in built["layers"]}
    wrong = {one["layer"] for one in content["tensors"]} - names
    if wrong:
        raise UserError(
            f"{path}: tensors of {shown(min(wrong))}, which is no layer; simulate again"
        )
    for key, least in (("first_frame", streams), ("waiting", streams), ("tensors", 1)):
        if len(content[key]) < least:
            raise UserError(
                f"{path}: {key} has {len(content[key])} entries, which does not fit the "
                f"accelerator's {streams} streams; simulate again"
            )
    return content


def _read(path: Path, form: Mapping[str, Any], redo: str) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    content: dict[str, Any] = json_file(path, f"{redo} again")
    check(content, form, str(path), f"{redo} again")
    return content


def _named(classes: npt.NDArray[np.int64], names: list[str]) -> list[str]:
    return [names[i] if i < len(names) else str(i) for i in classes.tolist()]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
