"""An accelerator's folder: opened only if it is whole and as the compiler left it, and rebuilt."""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from irnet_hw.compiler import testbench
from irnet_hw.compiler.emission import manifest
from irnet_hw.compiler.emission.board_top import shell_digest, shell_files
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
from irnet_hw.runtime.package import BITSTREAM

_MODEL = "model.onnx"
#: What stations leave in the folder, of this very build, and what tells that it is theirs.
RESULTS: dict[str, Known] = {
    "simulation.json": holds_json(kind="sim"),
    "sample.npz": holds_arrays("images", "predictions"),
    "synthesis.json": holds_json(kind="synth"),
    "synthesis.log": begins(LOG_HEAD),
    "report.html": is_page,
    "report.json": holds_json(verdict=..., proof=..., layers=...),
    "bitstream.log": begins(LOG_HEAD),
    **{
        f"vivado/{name}": is_sealed
        for name in ("build.tcl", "flow.tcl", "irnet_vivado.v", "processing_system.tcl")
    },
}


def open_build(folder: Path) -> dict[str, Any]:
    """Return the manifest of an accelerator's folder.

    Raises:
        UserError: the folder holds no accelerator, the manifest is damaged, or it, the model, the
            hardware graph or a source is missing or was changed since.
    """
    content = manifest.load(folder)
    for what in ("model", "dataflow"):
        file = folder / f"{what}.onnx"
        _require_no_device(file)
        try:
            found = _sha256(file)
        except OSError as error:
            raise UserError(f"{file}: can't be read: {error.strerror}") from error
        _require_equal(folder, file.name, found, content["hashes"][what])
    require_sources(folder, content)
    return content


@contextlib.contextmanager
def results(
    folder: Path,
    names: Iterable[str],
    force: bool,
    opened: Callable[[Path], dict[str, Any]] = open_build,
) -> Iterator[dict[str, Any]]:
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
        content = opened(folder)
        with claimed(folder, {name: RESULTS[name] for name in names}, force):
            yield content


def require_sources(folder: Path, content: Mapping[str, Any]) -> None:
    """Make sure that the sources of an accelerator and of its shell are those of the build.

    Args:
        folder: the accelerator's, or a package's, which has no model.
        content: its manifest.

    Raises:
        UserError: one is missing or was changed since.
    """
    for file in (*content["sources"], *content["data"], *shell_files(content)):
        _require_no_device(folder / file)
    try:
        rtl = manifest.digest(folder / file for file in content["sources"] + content["data"])
        shell = shell_digest(content, folder)
    except OSError as error:
        raise UserError(f"{error.filename}: can't be read: {error.strerror}") from error
    _require_equal(folder, "a source or hex file in rtl/", rtl, content["hashes"]["sources"])
    _require_equal(folder, "a source in shell/", shell, content["hashes"]["shell"])


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
    # They import FINN, for which --help of other commands should not wait.
    from irnet_hw.compiler.emission import reference
    from irnet_hw.compiler.folding import config as folding_file

    ours: set[str] = set()
    content: Mapping[str, Any] = {}
    try:
        content = manifest.load(old)
        ours = {manifest.FILE, _MODEL, reference.FILE}
        ours.update(content["sources"], content["data"], shell_files(content))
        open_build(old)
    except UserError as error:
        if not force:
            raise UserError(
                f"{old}: holds files, and is not as irnet-hw build wrote it ({error}); choose "
                "another folder, or write into it with --force"
            ) from error
    config = old / folding_file.FILE
    written = content.get("hashes", {}).get("folding_config")
    if config.is_file() and (
        _sha256(config) == written
        or (folding is not None and folding.exists() and folding.samefile(config))
    ):
        ours.add(folding_file.FILE)
    candidates = dict(testbench.KNOWN)
    if new is None or manifest.load(new) != content:
        candidates.update(RESULTS)
    ours.update(
        name for name, known in candidates.items() if (old / name).is_file() and known(old / name)
    )
    return ours


def former_identity(folder: Path) -> str | None:
    """Return the identity of the accelerator in a folder, or None if there is none."""
    try:
        return str(manifest.load(folder)["shell"]["identity"])
    except UserError:
        return None


def set_bitstream_aside(folder: Path, content: Mapping[str, Any], former: str | None) -> None:
    """Keep the bitstream of another design from being taken for this one's: rename its folder.

    Args:
        folder: the accelerator's.
        content: its manifest.
        former: the identity that the accelerator had before it was built again.
    """
    bitstream = (folder / BITSTREAM).parent
    if former in (None, content["shell"]["identity"]) or not bitstream.is_dir():
        return
    kept, number = folder / f"{bitstream.name}-{former[:8]}", 1
    while kept.exists():
        number += 1
        kept = folder / f"{bitstream.name}-{former[:8]}-{number}"
    bitstream.rename(kept)
    say(f"  {bitstream} is of the former build, which had another design: it is now {kept}")


def _require_no_device(path: Path) -> None:
    """Refuse what a folder from elsewhere may link to, and what can be read without end."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: is not a file, must be one; build it again")


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _require_equal(folder: Path, what: str, found: str, built: str) -> None:
    if found != built:
        raise UserError(f"{folder}: {what} was changed since the build; build it again")
