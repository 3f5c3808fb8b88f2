"""The export station: turns a checkpoint into QONNX with metadata and golden vectors."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw import data, models, progress, spec
from irnet_hw.data.classes import difference
from irnet_hw.errors import UserError
from irnet_hw.export.file import set_metadata, to_bytes, to_qonnx
from irnet_hw.export.folder import SUMMARY, known, npz, write
from irnet_hw.export.held_out import Drawn, HeldOut, Labelled, Paired
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
    image: tuple[int, int] | None = None,
) -> Exported:
    """Write a trained network as QONNX, having checked it on the held-out images.

    It writes

    - ``model.onnx``, the network with its metadata; the same checkpoint gives the same bytes;
    - ``golden.npz``: "images" (uint8, [N, height, width, channels]), "labels", and all signs,
      streams and "logits" by the name of the QONNX tensor (float32, [N, ...], NCHW); of images to
      be enlarged, crops as in training;
    - ``heldout.npz``: the held-out "images" and "labels", for simulation: all of them, or 1,000
      of a streamed dataset; of images to be enlarged, the first set's, cropped or mirrored at
      their borders to the file's size, without labels;
    - ``export.json``: the results of the checks, and the accuracies, or PSNR and SSIM.

    Args:
        checkpoint: a training checkpoint.
        out: the folder, by default the checkpoint's.
        data_folder: where the dataset's files lie, by default where they lay in the training.
        force: overwrite others' files of these names.
        drawn: check it on images of random pixels, without the dataset. Nothing states an accuracy
            then, and there is no ``heldout.npz``.
        count: check it on this many images, the first ones; by default on all. The accuracy is
            stated for these; ``heldout.npz`` still holds all.
        image: height and width of the file's image, for a network that enlarges images of any
            size; by default those of the crops it was trained on. It is checked on the held-out
            images in their own sizes.

    Raises:
        UserError: the checkpoint can't be read, holds something that can't be exported, or
            the exported network isn't the trained one; or the folder can't be written, or holds
            files of these names that irnet-hw did not write. Nothing is written then. Or there are
            fewer images than ``count``.
    """
    checkpoint = Path(checkpoint)
    folder = checkpoint.parent if out is None else Path(out)
    with claimed(folder, known(("model.onnx", "golden.npz", "heldout.npz")), force):
        return _export(checkpoint, folder, data_folder, drawn, count, image)


def _export(
    checkpoint: Path,
    folder: Path,
    data_folder: str,
    drawn: bool,
    count: int | None,
    image: tuple[int, int] | None,
) -> Exported:
    """Do what :func:`export` says; the folder's files are held."""
    trained = load_checkpoint(checkpoint)
    height, width, channels = trained.recipe.model.image
    if image is not None:
        if not isinstance(trained.recipe.model, models.SuperResolution):
            raise UserError(
                f"image: {image[0]}x{image[1]}, must not be set for a network that classifies "
                f"images of {height}x{width}"
            )
        height, width = image
    if drawn:
        shape = (DRAWN_IMAGES, *trained.recipe.model.image)
        pixels = np.random.default_rng(DRAWN_SEED).integers(0, 256, shape, np.uint8)
        held_out: HeldOut = Drawn(pixels)
    else:
        held_out = _held_out(trained, checkpoint, data_folder, height, width)
    images = held_out.images
    if count is not None and not 1 <= count <= len(images):
        raise UserError(f"images: {count}, must be from 1 to {len(images)}, the images there are")
    try:
        _check_precision(trained.recipe.model)
        network = deploy(trained.model(), (height, width, channels))
        model = to_qonnx(network)
        verified = verify(network, model, images[:count])
    except UserError as error:
        raise UserError(f"{checkpoint}: {error}") from error
    scores = held_out.scores(verified.pytorch, verified.qonnx)
    checked = {**scores, **verified.summary()}
    set_metadata(model, _metadata(trained, scores))
    files = {"model.onnx": to_bytes(model), "golden.npz": _golden(network, model, held_out)}
    if stored := held_out.stored():
        files["heldout.npz"] = npz(stored)
    summary = {
        "name": trained.recipe.name,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "logits_step": network.step,
        **checked,
    }
    files[SUMMARY] = (json.dumps(summary, indent=2) + "\n").encode()
    write(folder, files)
    if not stored:
        (folder / "heldout.npz").unlink(missing_ok=True)  # of an earlier export
    progress.say(_conclusion(folder / "model.onnx", verified, held_out, scores))
    npz_file = folder / "heldout.npz" if stored else None
    return Exported(folder / "model.onnx", folder / "golden.npz", npz_file, summary)


def _held_out(
    trained: Checkpoint, checkpoint: Path, data_folder: str, height: int, width: int
) -> HeldOut:
    """Return the held-out images of the dataset that a network was trained on."""
    dataset = trained.recipe.dataset(data_folder)
    if isinstance(dataset, data.Pairs):
        return Paired(dataset, height, width, trained.recipe.model.image[0])
    _check_data(dataset, trained, checkpoint, data_folder)
    if isinstance(dataset, data.StreamedDataset):
        return Labelled(*dataset.test_arrays(STREAMED_IMAGES))
    return Labelled(dataset.test_images, dataset.test_labels)


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


def _metadata(trained: Checkpoint, scores: Mapping[str, Any]) -> dict[str, Any]:
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
        **scores,
        "versions": versions() | {name: version(name) for name in ("onnx", "qonnx")},
    }


def _golden(network: Network, model: ModelWrapper, held_out: HeldOut) -> bytes:
    given = held_out.golden()
    alike = spec.sized(model, *given["images"].shape[1:3])
    return npz({**given, **spec.run(alike, given["images"], network.boundaries())})


def _conclusion(
    path: Path, verified: Verified, held_out: HeldOut, scores: Mapping[str, Any]
) -> str:
    values = sum(found.values for found in verified.equalities)
    return (
        f"{path}: checked on {len(verified.qonnx)} {held_out.title} images: the QONNX run equals "
        f"PyTorch in all {values} signs, stream values and {held_out.outputs}; "
        f"rounding turned {verified.differences('sign')} signs and moved "
        f"{verified.differences('stream')} stream values; {held_out.words(scores)}"
    )
