"""Runs a package's notebook headless on the simulated board.

To update the outputs shown in boards/classify.ipynb, with a package of the demo's network::

    python -m tests.deploy.notebook demo.zip
"""

import os
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from irnet_hw.deploy.package import NOTEBOOK
from irnet_hw.share import share

ROOT = Path(__file__).parent.parent.parent


def execute(package: Path, folder: Path) -> NotebookNode:
    """Unpack a package into a folder, run its notebook there and return it with its outputs."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    notebook = nbformat.read(folder / NOTEBOOK, as_version=4)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "IRNET_HW_DEVICE": "sim"}
    # The driver's progress messages are for a terminal.
    with mock.patch.dict(os.environ, environment):
        NotebookClient(
            notebook,
            timeout=300,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
        ).execute()
    return notebook


def output(notebook: NotebookNode) -> str:
    """Return all text that the notebook printed."""
    return "".join(
        one["text"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for one in cell.outputs
        if one.output_type == "stream" and one.name == "stdout"
    )


def renew(package: Path) -> None:
    """Run a package's notebook and keep the outputs."""
    with TemporaryDirectory() as folder:
        notebook = execute(package, Path(folder))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, share("boards") / NOTEBOOK)


if __name__ == "__main__":
    renew(Path(sys.argv[1]))
