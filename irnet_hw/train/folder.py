"""The folder of a run: whose it is, and whether a training may begin in it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from irnet_hw.errors import UserError
from irnet_hw.files import begins, claimed, whole_file
from irnet_hw.train import table
from irnet_hw.train.checkpoint import is_checkpoint, load_checkpoint
from irnet_hw.train.recipe import Recipe, load_recipe

_RECIPE, _LAST = "recipe.toml", "last.pt"
#: What a training leaves, by which its folder is known; a file of each other's kind is not ours.
_RESULTS = {
    _LAST: is_checkpoint,
    "best.pt": is_checkpoint,
    "metrics.csv": begins("epoch,"),
    "weights.csv": begins("epoch,"),
}


@contextlib.contextmanager
def run_folder(out: Path, recipe: Recipe, resume: bool, force: bool) -> Iterator[None]:
    """Hold a run's folder for a training: no other process can train there.

    Args:
        out: the folder.
        recipe: what is trained.
        resume: the training goes on from the folder's last.pt.
        force: it begins anew, whatever is there.

    Raises:
        UserError: another process trains there, there is a run that would be lost, or a file
            that irnet-hw did not write.
    """

    def is_recipe(path: Path) -> bool:
        with contextlib.suppress(UserError):
            found = load_recipe(str(path.absolute()))
            # As we write it: no comments, no other order. Keys may have been added since.
            lines = table.write(table.table(found)).splitlines()
            return found == recipe or set(path.read_text().splitlines()) <= set(lines)
        return False

    with claimed(out, {_RECIPE: is_recipe, **_RESULTS}, force):
        if not resume and not force:
            _require_no_run(out)
        yield


def begin(out: Path, recipe: Recipe, resume: bool) -> None:
    """Leave recipe.toml in a run's folder, and of earlier runs only what is gone on from.

    Args:
        out: the folder, held.
        recipe: as used.
        resume: the training goes on from the folder's last.pt.
    """
    if not resume:
        for name in _RESULTS:
            (out / name).unlink(missing_ok=True)
    path = out / _RECIPE
    with contextlib.suppress(UserError):
        if load_recipe(str(path.absolute())) == recipe:
            return  # the user's own file may say more about it
    with whole_file(path) as target:
        target.write_text(table.write(table.table(recipe)), encoding="utf-8")


def _require_no_run(out: Path) -> None:
    """Refuse to begin anew where a run is."""
    found = [name for name in _RESULTS if (out / name).exists()]
    if not found:
        return
    if _LAST not in found:
        raise UserError(
            f"{out}: holds {found[0]} of a run, but no {_LAST} to go on from; --force begins anew, "
            "--out takes another folder"
        )
    checkpoint = load_checkpoint(out / _LAST)
    planned = checkpoint.recipe.epochs
    if checkpoint.epoch < planned:
        raise UserError(
            f"{out / _LAST}: is of a run that has done {checkpoint.epoch} of {planned} epochs; "
            "--resume goes on with it, --force begins anew, --out takes another folder"
        )
    raise UserError(
        f"{out / _LAST}: is of a finished run of {planned} epochs; --resume with a higher epochs "
        "prolongs it, --force begins anew, --out takes another folder"
    )
