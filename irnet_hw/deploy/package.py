"""The deployment package: a zip file with everything that a board, or a simulated one, needs.

The model itself is not included: its hash, in the manifest and in the golden vectors, identifies
it.
"""

import contextlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from irnet_hw import __version__, read, spec
from irnet_hw.artifact.folder import open_build
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.names import BITSTREAMS, MANIFEST, MODEL, SAMPLE
from irnet_hw.artifact.results import require_own_bitstream
from irnet_hw.deploy.wheel import build_wheel
from irnet_hw.errors import UserError
from irnet_hw.files import claimed, in_use, whole_file
from irnet_hw.images import read_images
from irnet_hw.runtime import boards
from irnet_hw.scratch import scratch
from irnet_hw.share import share

README = "README.md"
NOTEBOOK = "classify.ipynb"
GOLDEN = "golden.npz"
#: This many images, the first ones, become golden vectors.
_IMAGES = 64
#: Every file in the zip file has this date, the earliest that the format knows.
_DATE = (1980, 1, 1, 0, 0, 0)


def package(folder: Path, out: Path, images: Path | None = None, force: bool = False) -> list[str]:
    """Write the deployment package of an accelerator.

    Args:
        folder: the accelerator's.
        out: the zip file.
        images: a file of images for the golden vectors; None: those that the simulation kept.
        force: overwrite a file even if it is not a package.

    Returns:
        the names of the files in it.

    Raises:
        UserError: the folder is not an accelerator's or was changed, the images are missing or
            do not fit it, or the file can't be written or exists and is not a package.
    """
    out = Path(out)
    with (
        in_use(folder),
        claimed(out.parent, {out.name: _is_package}, force),
        scratch("package") as made,
    ):
        built = open_build(folder)
        require_own_bitstream(folder, built)
        _write_golden(made / GOLDEN, folder, built, images)
        wheel = build_wheel(made)
        entries = {
            GOLDEN: made / GOLDEN,
            wheel.name: wheel,
            README: _readme(made / README, built),
            NOTEBOOK: _blank(share("boards") / NOTEBOOK, made),
        }
        own = [MANIFEST, *built.files, *built.data]
        bitstream = sorted((folder / BITSTREAMS).glob("*"))
        own += [f"{BITSTREAMS}/{path.name}" for path in bitstream if not path.is_dir()]
        entries |= {name: folder / name for name in own}
        with whole_file(out) as target, zipfile.ZipFile(target, "w") as archive:
            for name in sorted(entries):
                # Another machine has other users, so everybody may read.
                entry = zipfile.ZipInfo(name, _DATE)
                entry.create_system, entry.external_attr = 3, 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, read.file_bytes(entries[name]))
    return sorted(entries)


def _readme(path: Path, built: Manifest) -> Path:
    """Write what a package is, what its board needs, and what the user has to trust."""
    board = boards.board(built.board)
    path.write_text(
        f"""# An accelerator for the {board.title}

Made by irnet-hw {__version__}. It needs a {board.title} with {board.versions()}.

On the board, unpack it, run `sudo pip3 install --no-deps irnet_hw_runtime-*.whl` and open
`{NOTEBOOK}` in Jupyter. Elsewhere, with irnet-hw installed, the notebook runs on a simulated board
if Jupyter is started with `IRNET_HW_DEVICE=sim`.

If you don't trust whoever gave you this package, note that

- its wheel and its notebook are programs: use irnet-hw's own runtime instead;
- `bitstream/` configures the FPGA, which can access all of the board's memory;
- the hashes guard against mistakes, not against attackers, who can recompute them. Simulating the
  sources is safe: modules of irnet-hw's library must equal the installed ones, and the others may
  only describe hardware.
"""
    )
    return path


def _is_package(path: Path) -> bool:
    with contextlib.suppress(UserError), read.zip_file(path) as archive:
        return {MANIFEST, NOTEBOOK, GOLDEN} <= set(archive.names)
    return False


def _blank(notebook: Path, folder: Path) -> Path:
    """Copy a notebook into a folder without its outputs, which come from another accelerator."""
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    target = folder / notebook.name
    target.write_text(json.dumps(content, indent=1) + "\n")
    return target


def _write_golden(path: Path, folder: Path, built: Manifest, images: Path | None) -> None:
    """Write images, the QONNX run's logits, labels if known, and the model's hash."""
    source = images or folder / SAMPLE
    if images is None and not source.exists():
        raise UserError(
            f"{source}: not found, and golden vectors need images; "
            "run irnet-hw simulate first, or give --images"
        )
    pixels, labels = read_images(source, built.image, built.output.values)
    pixels = pixels[:_IMAGES]
    (logits,) = spec.run(spec.load(folder / MODEL), pixels).values()
    arrays: dict[str, Any] = {
        "images": pixels,
        "logits": logits,
        "model": np.array(built.hashes.model),
    }
    if labels is not None:
        arrays["labels"] = labels[:_IMAGES]
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
