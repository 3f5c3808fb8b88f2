"""Rebuilding in an accelerator's folder: which files are replaced, and which are kept."""

from pathlib import Path

from irnet_hw.artifact import manifest
from irnet_hw.artifact.folder import open_build
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import BITSTREAM, DATAFLOW, FOLDING, GIVEN, MANIFEST, MODEL
from irnet_hw.compiler import testbench
from irnet_hw.errors import UserError
from irnet_hw.held import RESULTS
from irnet_hw.progress import say
from irnet_hw.read import sha256


def replaced(old: Path, new: Path | None, folding: Path | None, force: bool) -> set[str]:
    """Return which files of an accelerator's folder are removed when it is built again.

    Args:
        old: the folder.
        new: the new build that replaces it, or None before the first one is complete.
        folding: the file that fixes folds, which may be the folder's own, edited.
        force: accept the folder whatever it contains.

    Raises:
        UserError: the folder contains no accelerator or one that was changed, and force is not set.
    """
    ours: set[str] = set()
    built: Manifest | None = None
    try:
        built = manifest.load(old)
        ours = {MANIFEST, MODEL, GIVEN, DATAFLOW, *built.files, *built.data}
        open_build(old)
    except UserError as error:
        if not force:
            raise UserError(
                f"{old}: contains files, but is not as irnet-hw build wrote it ({error}); choose "
                "another folder, or write into it with --force"
            ) from error
    config = old / FOLDING
    written = None if built is None else built.hashes.folding_config
    if config.is_file() and (
        sha256(config) == written
        or (folding is not None and folding.exists() and folding.samefile(config))
    ):
        ours.add(FOLDING)
    candidates = dict(testbench.KNOWN)
    if new is None or manifest.load(new) != built:
        candidates.update(RESULTS)
    ours.update(
        name for name, known in candidates.items() if (old / name).is_file() and known(old / name)
    )
    return ours


def former_identity(folder: Path) -> str | None:
    """Return the identity of the accelerator in a folder, or None without one."""
    try:
        return manifest.load(folder).shell.identity
    except UserError:
        return None


def set_bitstream_aside(folder: Path, built: Manifest, former: str | None) -> None:
    """Rename the folder of another design's bitstream, so that it is not taken for this one's.

    Args:
        folder: the accelerator's.
        built: its manifest.
        former: the identity that the accelerator had before it was built again.
    """
    bitstream = (folder / BITSTREAM).parent
    if former in (None, built.shell.identity) or not bitstream.is_dir():
        return
    kept, number = folder / f"{bitstream.name}-{former[:8]}", 1
    while kept.exists():
        number += 1
        kept = folder / f"{bitstream.name}-{former[:8]}-{number}"
    bitstream.rename(kept)
    say(f"  {bitstream} belongs to the previous build, a different design: renamed to {kept}")
