"""Pack a checkpoint into a file small enough to keep in a repository."""

import dataclasses
from pathlib import Path

from irnet_hw.errors import UserError
from irnet_hw.files import claimed
from irnet_hw.progress import say
from irnet_hw.train.checkpoint import is_checkpoint, load_checkpoint, save_checkpoint
from irnet_hw.train.packed import is_packed, pack_state

#: The metrics that are kept; the rows of every epoch are dropped.
_METRICS = (
    *("last_test_accuracy", "best_test_accuracy"),
    *("last_test_psnr", "best_test_psnr"),
    "best_epoch",
)


def pack(checkpoint: Path, out: Path, force: bool = False) -> None:
    """Write a checkpoint that holds a network for use, and nothing to train on.

    ``load_checkpoint(out).model()`` gives the same results as the checkpoint's network, bit for
    bit. The file is a checkpoint with a packed state dict, see :mod:`irnet_hw.train.packed`, and
    without the optimiser's state, the per-epoch metrics and the recipe's local paths.

    Args:
        checkpoint: of a training, after a whole epoch.
        out: the file.
        force: overwrite a file even if it is not a packed checkpoint.

    Raises:
        UserError: the checkpoint can't be read or was interrupted within an epoch, or the file
            can't be written or exists and is not a packed checkpoint.
    """
    out = Path(out)
    with claimed(out.parent, {out.name: _is_packed_file}, force):
        _pack(checkpoint, out)


def _is_packed_file(path: Path) -> bool:
    return is_checkpoint(path) and is_packed(load_checkpoint(path).state_dict)


def _pack(checkpoint: Path, out: Path) -> None:
    """Do what :func:`pack` says; the file is held."""
    trained = load_checkpoint(checkpoint)
    if trained.partial.get("step"):
        raise UserError(
            f"{checkpoint}: was saved during epoch {trained.epoch + 1}, must be from the end of "
            "an epoch; use best.pt, or finish the training with --resume"
        )
    try:
        state = pack_state(trained.model())
    except UserError as error:
        raise UserError(f"{checkpoint}: {error}") from error
    metrics = {key: trained.metrics[key] for key in _METRICS if key in trained.metrics}
    packed = dataclasses.replace(
        trained,
        recipe=dataclasses.replace(trained.recipe, data_folder="", start="", teacher=""),
        state_dict=state,
        optimizer={},
        metrics=metrics,
    )
    before = Path(checkpoint).stat().st_size
    save_checkpoint(packed, out)
    after = out.stat().st_size
    say(f"{out}: {after:,} bytes, the checkpoint has {before:,}")
