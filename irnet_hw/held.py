"""Locks an accelerator's folder while a station works in it."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from irnet_hw.artifact.folder import open_build
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import (
    BITSTREAM_LOG,
    GATES,
    SAMPLE,
    SIMULATION,
    SYNTHESIS,
    SYNTHESIS_LOG,
    VIVADO,
)
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

#: The results that stations write into the folder, and the checks that tell that a file is ours.
RESULTS: dict[str, Known] = {
    SIMULATION: holds_json(kind="sim"),
    SAMPLE: holds_arrays("images", "predictions"),
    GATES: holds_json(kind="synth", netlist=...),
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
    """Lock an accelerator's folder while a station works on results that go into it.

    Args:
        folder: the accelerator's; meanwhile it can't be built again.
        names: the files to write, from :data:`RESULTS`; no other process may write them.
        force: overwrite files of these names that irnet-hw did not write.
        opened: checks the folder and returns the manifest.

    Yields:
        the manifest.

    Raises:
        UserError: as from ``opened``, or another process is writing the files, irnet-hw did not
            write them, or they can't be written.
    """
    with in_use(folder):
        built = opened(folder)
        with claimed(folder, {name: RESULTS[name] for name in names}, force):
            yield built
