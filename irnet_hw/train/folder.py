"""The folder of a run: whether irnet-hw wrote it, and whether a training may start in it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from irnet_hw.errors import UserError
from irnet_hw.files import begins, claimed, whole_file
from irnet_hw.train import table
from irnet_hw.train.checkpoint import is_checkpoint, load_checkpoint
from irnet_hw.train.recipe import Recipe, load_recipe

_RECIPE, _LAST = "recipe.toml", "last.pt"
#: The files of a training, by which its folder is recognised, and the checks that they are ours.
_RESULTS = {
    _LAST: is_checkpoint,
    "best.pt": is_checkpoint,
    "metrics.csv": begins("epoch,"),
    "weights.csv": begins("epoch,"),
}


@contextlib.contextmanager
def run_folder(out: Path, recipe: Recipe, resume: bool, force: bool) -> Iterator[None]:
    """Lock a run's folder for a training: no other process can train there.

    Args:
        out: the folder.
        recipe: what is trained.
        resume: the training resumes from the folder's last.pt.
        force: the training starts over, whatever the folder contains.

    Raises:
        UserError: another process trains there, or a run or a file that irnet-hw did not write
            would be lost.
    """

    def is_recipe(path: Path) -> bool:
        with contextlib.suppress(UserError):
            found = load_recipe(str(path.absolute()))
            # In the form that we write: no comments, our order. Later versions may add keys.
            lines = table.write(table.table(found)).splitlines()
            return found == recipe or set(path.read_text().splitlines()) <= set(lines)
        return False

    with claimed(out, {_RECIPE: is_recipe, **_RESULTS}, force):
        if not resume and not force:
            _require_no_run(out)
        yield


def begin(out: Path, recipe: Recipe, resume: bool) -> None:
    """Write recipe.toml into a run's folder, and remove an earlier run unless it is resumed.

    Args:
        out: the folder, locked.
        recipe: the recipe as used.
        resume: the training resumes from the folder's last.pt.
    """
    if not resume:
        for name in _RESULTS:
            (out / name).unlink(missing_ok=True)
    path = out / _RECIPE
    with contextlib.suppress(UserError):
        if load_recipe(str(path.absolute())) == recipe:
            return  # keep the user's own file, which may have comments
    with whole_file(path) as target:
        target.write_text(table.write(table.table(recipe)), encoding="utf-8")


def _require_no_run(out: Path) -> None:
    """Refuse to start over in a folder that has a run."""
    found = [name for name in _RESULTS if (out / name).exists()]
    if not found:
        return
    if _LAST not in found:
        raise UserError(
            f"{out}: contains {found[0]} of a run, but no {_LAST} to resume from; use --force to "
            "start over, or --out for another folder"
        )
    checkpoint = load_checkpoint(out / _LAST)
    planned = checkpoint.recipe.epochs
    if checkpoint.epoch < planned:
        raise UserError(
            f"{out / _LAST}: belongs to a run with {checkpoint.epoch} of {planned} epochs done; "
            "use --resume to continue it, --force to start over, or --out for another folder"
        )
    raise UserError(
        f"{out / _LAST}: belongs to a finished run of {planned} epochs; use --resume with more "
        "epochs to extend it, --force to start over, or --out for another folder"
    )
