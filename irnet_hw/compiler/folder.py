"""An accelerator's folder under work: held by a station, and built again without losing files."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from irnet_hw.artifact import manifest
from irnet_hw.artifact.folder import open_build
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import (
    BITSTREAM,
    BITSTREAM_LOG,
    DATAFLOW,
    FOLDING,
    MANIFEST,
    MODEL,
    SAMPLE,
    SIMULATION,
    SYNTHESIS,
    SYNTHESIS_LOG,
    VIVADO,
)
from irnet_hw.compiler import testbench
from irnet_hw.errors import UserError
from irnet_hw.files import (
    LOG_HEAD,
    Known,
    begins,
    claimed,
    holds_arrays,
    holds_json,
    in_use,
    is_page,
    is_sealed,
)
from irnet_hw.progress import say
from irnet_hw.read import sha256

#: What stations leave in the folder, of this very build, and what tells that it is theirs.
RESULTS: dict[str, Known] = {
    SIMULATION: holds_json(kind="sim"),
    SAMPLE: holds_arrays("images", "predictions"),
    SYNTHESIS: holds_json(kind="synth"),
    SYNTHESIS_LOG: begins(LOG_HEAD),
    "report.html": is_page,
    "report.json": holds_json(verdict=..., proof=..., layers=...),
    BITSTREAM_LOG: begins(LOG_HEAD),
    **{
        f"{VIVADO}/{name}": is_sealed
        for name in ("build.tcl", "flow.tcl", "irnet_vivado.v", "processing_system.tcl")
    },
}


@contextlib.contextmanager
def held(
    folder: Path,
    names: Iterable[str],
    force: bool,
    opened: Callable[[Path], Manifest] = open_build,
) -> Iterator[Manifest]:
    """Hold an accelerator's folder while a station works on results that go into it.

    Args:
        folder: the accelerator's, which is not built again meanwhile.
        names: of the files to be written, of :data:`RESULTS`; no other process writes them.
        force: overwrite others' files of these names.
        opened: returns the manifest, having checked the folder.

    Yields:
        the manifest.

    Raises:
        UserError: as from ``opened``, or the files are another process' or somebody
            else's, or can't be written.
    """
    with in_use(folder):
        built = opened(folder)
        with claimed(folder, {name: RESULTS[name] for name in names}, force):
            yield built


def replaced(old: Path, new: Path | None, folding: Path | None, force: bool) -> set[str]:
    """Return which files of an accelerator's folder go when it is built again.

    Args:
        old: the folder.
        new: what comes into its place, or None if it is not there yet.
        folding: the file that fixes folds, which may be the folder's own, edited.
        force: take it as it is.

    Raises:
        UserError: the folder holds no accelerator or one that was changed, and force is not set.
    """
    ours: set[str] = set()
    built: Manifest | None = None
    try:
        built = manifest.load(old)
        ours = {MANIFEST, MODEL, DATAFLOW, *built.files, *built.data}
        open_build(old)
    except UserError as error:
        if not force:
            raise UserError(
                f"{old}: holds files, and is not as irnet-hw build wrote it ({error}); choose "
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
    """Return the identity of the accelerator in a folder, or None if it holds no accelerator."""
    try:
        return manifest.load(folder).shell.identity
    except UserError:
        return None


def set_bitstream_aside(folder: Path, built: Manifest, former: str | None) -> None:
    """Keep the bitstream of another design from being taken for this one's: rename its folder.

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
    say(f"  {bitstream} is of the former build, which had another design: it is now {kept}")
