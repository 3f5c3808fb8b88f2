"""The proof: simulates an accelerator's RTL on images and compares it with its specification.

The specification is the QONNX file. Every output of every image must equal it, and for some
images every tensor between two layers; each stream must also equal what the NumPy models of the
dataflow graph compute, which covers the streams that are not tensors of the QONNX file. All
comparisons are exact. Some images pass a second time, back to back, with random gaps at the input
and stalls at the output: results must not depend on timing, above all where branches join.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from irnet_hw import spec
from irnet_hw.artifact import results
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import MODEL, SAMPLE, SIMULATION
from irnet_hw.artifact.results import Accuracy, Compared, Frame, Irregular, Simulation
from irnet_hw.compiler.emission.reference import dataflow_run
from irnet_hw.errors import UserError
from irnet_hw.files import whole_file
from irnet_hw.held import held
from irnet_hw.images import check_classes
from irnet_hw.progress import say, track
from irnet_hw.runtime import tail
from irnet_hw.simulate.deadlock import stream_names
from irnet_hw.simulate.simulator import Simulator, Streamed, compile_accelerator
from irnet_hw.verilog.trusted import open_for_tools

#: This many images, the first ones, pass a second time with gaps and stalls.
IRREGULAR_IMAGES = 8
#: Fewer images than this are repeated to make up the number: enough to fill every buffer.
IRREGULAR_LEAST = 4
#: The seed of the gaps and stalls.
IRREGULAR_SEED = 1
#: Images per batch of the QONNX run.
BATCH = 256
#: This many images, the first ones, are kept for the report.
KEPT = 16


def simulate(
    folder: Path,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64] | None,
    tapped: int = 4,
    force: bool = False,
) -> Simulation:
    """Simulate an accelerator on images and compare; write simulation.json into its folder.

    The first images, with the RTL's predictions, go to sample.npz in the same folder, for the
    report.

    Args:
        folder: the accelerator's.
        images: uint8 [N, ...], of the manifest's shape.
        labels: [N], for the accuracy; classes from 0.
        tapped: for how many images, the first ones, every stream is compared.
        force: overwrite files of these names that irnet-hw did not write.

    Returns:
        the contents of simulation.json.

    Raises:
        UserError: the folder contains no accelerator or one that was changed, the images or labels
            do not fit it, the compiler is missing, the simulation hangs, or the result can't be
            written or would overwrite a file that irnet-hw did not write.
    """
    with held(folder, (SIMULATION, SAMPLE), force, open_for_tools) as manifest:
        return _simulate(folder, manifest, images, labels, tapped)


def _simulate(
    folder: Path,
    manifest: Manifest,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64] | None,
    tapped: int,
) -> Simulation:
    """Do what :func:`simulate` says; the folder is locked."""
    require_images(manifest, images)
    if labels is not None:
        check_classes(labels, manifest.output.values, "labels")
    tapped = min(tapped, len(images))
    say("compiling the simulation")
    compiled = compile_accelerator(folder, manifest)
    simulator = Simulator(compiled, folder, manifest)
    regular = simulator.stream(images, tapped, "simulating")
    repeated = images[again(len(images))]
    irregular = simulator.stream(repeated, tapped, "with gaps and stalls", IRREGULAR_SEED)
    reference = Reference(folder, manifest, images, tapped)
    tensors = compare(manifest, reference, [regular, irregular])
    first = next((entry.layer for entry in tensors if entry.differences), None)
    predictions = tail.predictions(tail.outputs(manifest, regular.out))
    expected = tail.predictions(reference.logits)
    result = Simulation(
        kind="sim",
        images=len(images),
        logits_compared=reference.logits.size,
        differences=sum(entry.differences for entry in tensors),
        first_difference=first,
        tapped_images=tapped,
        tensors=tuple(tensors),
        cycles_per_frame=steady(regular),
        latency_cycles=int(regular.ends[-1][0] - regular.starts[0]) + 1,
        first_frame=_first_frame(regular),
        waiting=tuple(int(cycles) / regular.cycles for cycles in regular.waited),
        cycles=regular.cycles,
        seconds=regular.seconds,
        cycles_per_second=regular.cycles / regular.seconds,
        frames_per_second=len(images) / regular.seconds,
        compile_seconds=compiled.seconds,
        irregular=Irregular(
            images=len(repeated),
            seed=IRREGULAR_SEED,
            cycles=irregular.cycles,
            logits_compared=len(repeated) * prod(manifest.tail.shape),
        ),
        predictions=tuple(predictions.tolist()),
        expected=tuple(expected.tolist()),
        labels=None if labels is None else tuple(labels.tolist()),
        accuracy=None
        if labels is None
        else Accuracy(
            rtl=float((predictions == labels).mean()),
            qonnx=float((expected == labels).mean()),
        ),
    )
    with whole_file(folder / SIMULATION) as target:
        target.write_text(results.text(result))
    _write_sample(folder / SAMPLE, images, labels, predictions)
    return result


def require_images(manifest: Manifest, images: npt.NDArray[np.uint8]) -> None:
    """Raise a UserError unless there are images, of the accelerator's shape."""
    if images.shape[1:] != manifest.image or images.dtype != np.uint8 or len(images) == 0:
        raise UserError(
            f"images: {images.dtype} of shape {list(images.shape)}, must be uint8 of shape "
            f"[N, {', '.join(map(str, manifest.image))}]"
        )


def _write_sample(
    path: Path,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64] | None,
    predictions: npt.NDArray[np.int64],
) -> None:
    """Keep the first images, with their labels and the RTL's predictions."""
    arrays: dict[str, npt.NDArray[Any]] = {"images": images, "predictions": predictions}
    if labels is not None:
        arrays["labels"] = labels
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: a[:KEPT] for name, a in arrays.items()})


class Reference:
    """What the specification and the NumPy models compute from the images.

    Attributes:
        logits: the network's outputs from the QONNX run, for all images.
        tapped: how many images, the first ones, the other attributes cover.
        tensors: from the QONNX run, by name, NHWC.
        models: from the NumPy models, for each stream but the input.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, images: npt.NDArray[np.uint8], tapped: int
    ) -> None:
        model = spec.load(folder / MODEL)
        entry, logits = model.graph.input[0].name, model.graph.output[0].name
        names = {stream.tensor for stream in manifest.streams if stream.tensor is not None}
        starts = range(0, len(images), BATCH)
        self.logits = np.concatenate(
            [
                spec.run(model, images[start : start + BATCH])[logits]
                for start in track(starts, "running the QONNX file", len(starts), "batches")
            ]
        )
        self.tapped = tapped
        self.tensors: dict[str, npt.NDArray[Any]] = {}
        self.models: list[npt.NDArray[np.int64]] = []
        if tapped:
            found = spec.run(model, images[:tapped], names - {entry, logits})
            self.tensors = {name: spec.channels_last(tensor) for name, tensor in found.items()}
            self.tensors[entry] = images[:tapped]
            self.models = dataflow_run(folder, images[:tapped])[1:]


def compare(manifest: Manifest, reference: Reference, passes: Sequence[Streamed]) -> list[Compared]:
    """Return one entry for each stream and reference, in the streams' order, then the logits'.

    Args:
        manifest: the accelerator's.
        reference: the expected values.
        passes: what the RTL gave in each pass, which starts with the first image.
    """
    layers, entries = manifest.layers, []
    named = list(zip(stream_names(manifest), manifest.streams, strict=True))[1:]
    for index, (name, stream) in enumerate(named if reference.tapped else ()):
        assert stream.source is not None, "only the first stream has no source"
        layer = layers[stream.source].name
        taps = [streamed.taps[index] for streamed in passes]
        if stream.tensor is not None and stream.scale is not None:
            scaled = [(tap * stream.scale).astype(np.float32) for tap in taps]
            wanted = reference.tensors[stream.tensor]
            entries.append(_entry(layer, stream.tensor, "QONNX", scaled, wanted))
        entries.append(_entry(layer, name, "NumPy model", taps, reference.models[index]))
    last = manifest.tail
    outs = [tail.outputs(manifest, streamed.out) for streamed in passes]
    equal = partial(tail.equal, last)
    return [
        *entries,
        _entry(layers[-1].name, last.name, "QONNX", outs, reference.logits, equal),
    ]


def _entry(
    layer: str,
    tensor: str,
    against: Literal["QONNX", "NumPy model"],
    found: Iterable[npt.NDArray[Any]],
    wanted: npt.NDArray[Any],
    equal: Callable[[npt.NDArray[Any], npt.NDArray[Any]], npt.NDArray[np.bool_]] = np.equal,
) -> Compared:
    values = differences = 0
    for array in found:
        values += array.size
        right = np.take(wanted, range(len(array)), 0, mode="wrap").reshape(array.shape)
        differences += int(np.count_nonzero(~equal(array, right)))
    return Compared(layer, tensor, against, values, differences)


def again(images: int) -> npt.NDArray[np.int64]:
    """Return which images pass a second time."""
    return np.arange(max(min(images, IRREGULAR_IMAGES), IRREGULAR_LEAST)) % images


def _first_frame(streamed: Streamed) -> tuple[Frame, ...]:
    """Return when each stream carries the first image, relative to the input's first beat."""
    origin = int(streamed.starts[0])
    return tuple(
        Frame(start=int(start) - origin, end=int(end) - origin)
        for start, end in zip(streamed.starts, streamed.ends[:, 0], strict=True)
    )


def steady(streamed: Streamed) -> float | None:
    """Return the cycles per image in the second half of the images; None for fewer than 4."""
    ends = streamed.ends[-1].astype(np.int64)
    if len(ends) < 4:
        return None
    half = len(ends) // 2
    return float((ends[-1] - ends[half - 1]) / (len(ends) - half))
