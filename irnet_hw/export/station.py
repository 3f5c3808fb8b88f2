"""The export station: turns a checkpoint into QONNX with metadata and golden vectors."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw import data, models, progress, spec
from irnet_hw.data.classes import difference
from irnet_hw.errors import UserError
from irnet_hw.export.file import set_metadata, to_bytes, to_qonnx
from irnet_hw.export.folder import GOLDEN_IMAGES, SUMMARY, known, npz, write
from irnet_hw.export.network import Network, deploy
from irnet_hw.export.verify import Verified, verify
from irnet_hw.files import claimed
from irnet_hw.models.blocks import PIXEL_OFFSET, PIXEL_SCALE
from irnet_hw.train.checkpoint import Checkpoint, load_checkpoint, versions
from irnet_hw.train.run import data_of
from irnet_hw.train.table import table

#: A recipe's keys that are paths on the training machine and meaningless elsewhere.
LOCAL = ("data_folder", "start", "teacher")

#: Number of held-out images to evaluate of a dataset that doesn't fit in memory.
STREAMED_IMAGES = 1000

#: Number of drawn images on which a network is checked without its dataset, and their seed.
DRAWN_IMAGES, DRAWN_SEED = 64, 0


@dataclass(frozen=True)
class Exported:
    """The files that an export wrote.

    Attributes:
        model: the QONNX file.
        golden: the file with the tensors of its run on a few images.
        images: the file with the held-out images and their labels, if there are any.
        summary: the content of export.json.
    """

    model: Path
    golden: Path
    images: Path | None
    summary: dict[str, Any]


def export(
    checkpoint: Path,
    out: Path | None = None,
    data_folder: str = "",
    force: bool = False,
    drawn: bool = False,
    count: int | None = None,
) -> Exported:
    """Write a trained network as QONNX, having checked it on the held-out images.

    It writes

    - ``model.onnx``, the network with its metadata; the same checkpoint gives the same bytes;
    - ``golden.npz``: "images" (uint8, [N, height, width, channels]), "labels", and all signs,
      streams and "logits" by the name of the QONNX tensor (float32, [N, ...], NCHW);
    - ``heldout.npz``: the held-out "images" and "labels", for simulation: all of them, or 1,000
      of a streamed dataset;
    - ``export.json``: the results of the checks, and the accuracies.

    Args:
        checkpoint: a training checkpoint.
        out: the folder, by default the checkpoint's.
        data_folder: where the dataset's files lie, by default where they lay in the training.
        force: overwrite others' files of these names.
        drawn: check it on images of random pixels, without the dataset. Nothing states an accuracy
            then, and there is no ``heldout.npz``.
        count: check it on this many images, the first ones; by default on all. The accuracy is
            stated for these; ``heldout.npz`` still holds all.

    Raises:
        UserError: the checkpoint can't be read, holds something that can't be exported, or
            the exported network isn't the trained one; or the folder can't be written, or holds
            files of these names that irnet-hw did not write. Nothing is written then. Or there are
            fewer images than ``count``.
    """
    checkpoint = Path(checkpoint)
    folder = checkpoint.parent if out is None else Path(out)
    with claimed(folder, known(("model.onnx", "golden.npz", "heldout.npz")), force):
        return _export(checkpoint, folder, data_folder, drawn, count)


def _export(
    checkpoint: Path, folder: Path, data_folder: str, drawn: bool, count: int | None
) -> Exported:
    """Do what :func:`export` says; the folder's files are held."""
    trained = load_checkpoint(checkpoint)
    if drawn:
        shape = (DRAWN_IMAGES, *trained.recipe.model.image)
        images = np.random.default_rng(DRAWN_SEED).integers(0, 256, shape, np.uint8)
        labels = None
    else:
        images, labels = _held_out(trained, checkpoint, data_folder)
    if count is not None and not 1 <= count <= len(images):
        raise UserError(f"images: {count}, must be from 1 to {len(images)}, the images there are")
    try:
        _check_precision(trained.recipe.model)
        height, width, channels = trained.recipe.model.image
        network = deploy(trained.model(), (height, width, channels))
        model = to_qonnx(network)
        verified = verify(network, model, images[:count])
    except UserError as error:
        raise UserError(f"{checkpoint}: {error}") from error
    checked = verified.summary(None if labels is None else labels[:count])
    set_metadata(model, _metadata(trained, checked))
    golden = images[:GOLDEN_IMAGES], None if labels is None else labels[:GOLDEN_IMAGES]
    files = {"model.onnx": to_bytes(model), "golden.npz": _golden(network, model, *golden)}
    if labels is not None:
        files["heldout.npz"] = npz({"images": images, "labels": labels})
    summary = {
        "name": trained.recipe.name,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "logits_step": network.step,
        **checked,
    }
    files[SUMMARY] = (json.dumps(summary, indent=2) + "\n").encode()
    write(folder, files)
    if labels is None:
        (folder / "heldout.npz").unlink(missing_ok=True)  # of an earlier export
    progress.say(_conclusion(folder / "model.onnx", verified, checked))
    held_out = None if labels is None else folder / "heldout.npz"
    return Exported(folder / "model.onnx", folder / "golden.npz", held_out, summary)


def _held_out(
    trained: Checkpoint, checkpoint: Path, data_folder: str
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the held-out images of the dataset that a network was trained on, and their labels."""
    dataset = data.load(
        trained.recipe.data, data_folder or trained.recipe.data_folder, trained.recipe.model.image
    )
    _check_data(dataset, trained, checkpoint, data_folder)
    if isinstance(dataset, data.StreamedDataset):
        return dataset.test_arrays(STREAMED_IMAGES)
    return dataset.test_images, dataset.test_labels


def _check_data(
    dataset: data.Dataset | data.StreamedDataset, trained: Checkpoint, path: Path, folder: str
) -> None:
    """Check that a dataset matches the one that the network was trained on.

    Raises:
        UserError: its image shape or classes differ.
    """
    where = folder or data_of(trained.recipe)
    shape = list(dataset.image_shape)
    if trained.recipe.model.image != shape:
        raise UserError(
            f"{where}: images are {shape}, must be {trained.recipe.model.image}, as in {path}"
        )
    if differing := difference(dataset.labels, trained.labels, where, str(path)):
        raise UserError(f"{differing}; pass the images that it was trained on with --data-folder")


def _check_precision(config: models.Config) -> None:
    """Check that a network was trained in a precision that can be exported.

    Raises:
        UserError: it has layers in float.
    """
    if getattr(config, "activation_bits", 1) != 1:
        raise UserError(
            "model.activation_bits = 32: activations in float can't be exported; train with "
            "1-bit ones, --set model.activation_bits=1 --set model.precision=hardware"
        )
    if getattr(config, "precision", "hardware") == "paper":
        raise UserError(
            'model.precision = "paper": layers in float can\'t be exported; train with '
            "--set model.precision=hardware"
        )


def _metadata(trained: Checkpoint, checked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": trained.recipe.name,
        "recipe": {key: value for key, value in table(trained.recipe).items() if key not in LOCAL},
        "seed": trained.seed,
        "epoch": trained.epoch,
        "labels": trained.labels,
        "preprocessing": {
            "layout": "NHWC",
            "dtype": "uint8",
            "offset": PIXEL_OFFSET,
            "scale": PIXEL_SCALE,
        },
        **{key: checked[key] for key in ("accuracy", "predictions_differ") if key in checked},
        "versions": versions() | {name: version(name) for name in ("onnx", "qonnx")},
    }


def _golden(
    network: Network,
    model: ModelWrapper,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64] | None,
) -> bytes:
    tensors = spec.run(model, images, network.boundaries())
    given = {} if labels is None else {"labels": labels}
    return npz({"images": images, **given, **tensors})


def _conclusion(path: Path, verified: Verified, checked: Mapping[str, Any]) -> str:
    accuracy = checked.get("accuracy")
    values = sum(found.values for found in verified.equalities)
    kind, accuracies = "drawn", ""
    if accuracy:
        kind = "held-out"
        accuracies = (
            f"accuracy {accuracy['pytorch']:.2%} as trained, {accuracy['qonnx']:.2%} as exported, "
        )
    return (
        f"{path}: checked on {len(verified.qonnx)} {kind} images: the QONNX run equals PyTorch in "
        f"all {values} signs, stream values and logits; "
        f"rounding turned {verified.differences('sign')} signs and moved "
        f"{verified.differences('stream')} stream values; "
        f"{accuracies}{checked['predictions_differ']} predictions differ"
    )
