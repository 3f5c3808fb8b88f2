"""The notebook runs on the simulated board, and the committed one shows real outputs."""

import nbformat

from irnet_hw.deploy.package import package
from irnet_hw.share import share
from tests.deploy.notebook import execute, output

#: Lines of code from the start to the predicted classes.
MAIN_PATH = 6


def shown():
    return nbformat.read(share("boards") / "classify.ipynb", as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_it_runs_on_the_simulated_board(built, tmp_path):
    package(built, tmp_path / "package.zip")
    notebook = execute(tmp_path / "package.zip", tmp_path / "board")
    assert not [
        one for cell in code(notebook) for one in cell.outputs if one.output_type == "error"
    ]
    text = output(notebook)
    assert "80 logits compared, 0 differences\n" in text
    assert "kind                           sim\n" in text
    assert "ERRORS 0x0 (none)" in text
    pictures = [one for cell in code(notebook) for one in cell.outputs if "data" in one]
    assert [one for one in pictures if "image/png" in one.data]


def test_what_is_shown_has_run():
    notebook = shown()
    nbformat.validate(notebook)
    assert all(cell.execution_count for cell in code(notebook))
    text = output(notebook)
    assert "640 logits compared, 0 differences\n" in text
    assert "board            pynq-z2\n" in text


def test_the_main_path_is_short():
    first = code(shown())[0].source.splitlines()
    assert len([line for line in first if line]) <= MAIN_PATH + 1  # and one that shows them
