"""From a checkpoint to a small file that is worth keeping in a repository."""

import dataclasses
from pathlib import Path

from irnet_hw.errors import UserError
from irnet_hw.progress import say
from irnet_hw.train.checkpoint import load_checkpoint, save_checkpoint
from irnet_hw.train.packed import pack_state

#: What is kept of a checkpoint's metrics: not the rows of every epoch.
_METRICS = ("last_test_accuracy", "best_test_accuracy", "best_epoch")


def pack(checkpoint: Path, out: Path) -> None:
    """Write a checkpoint that holds a network for use, and nothing to train on.

    ``load_checkpoint(out).model()`` computes bit for bit what the checkpoint's network does. The
    file is a checkpoint with a packed state dict, see :mod:`irnet_hw.train.packed`, without the
    optimiser's state, the metrics of each epoch and the recipe's paths on this machine.

    Args:
        checkpoint: of a training, after a whole epoch.
        out: the file.

    Raises:
        UserError: the checkpoint can't be read or was interrupted within an epoch, or the file
            can't be written.
    """
    trained = load_checkpoint(checkpoint)
    if trained.partial.get("step"):
        raise UserError(
            f"{checkpoint}: was saved within epoch {trained.epoch + 1}; must be of a whole epoch: "
            "best.pt is, and --resume goes on with the training"
        )
    try:
        state = pack_state(trained.model())
    except UserError as error:
        raise UserError(f"{checkpoint}: {error}") from error
    metrics = {key: trained.metrics[key] for key in _METRICS if key in trained.metrics}
    packed = dataclasses.replace(
        trained,
        recipe=dataclasses.replace(trained.recipe, data_folder="", start=""),
        state_dict=state,
        optimizer={},
        metrics=metrics,
    )
    save_checkpoint(packed, out)
    before, after = (Path(path).stat().st_size for path in (checkpoint, out))
    say(f"{out}: {after:,} bytes, the checkpoint has {before:,}")
