"""The notebook runs on the simulated board, and the committed notebooks show real outputs."""

import nbformat
import pytest

from irnet_hw.boards import known_boards
from irnet_hw.deploy.package import package
from irnet_hw.share import share
from tests.deploy.notebook import execute, output

#: Lines of code from the start to the predicted classes.
MAIN_PATH = 6


def shown(board):
    return nbformat.read(share("boards") / board / "notebooks" / "classify.ipynb", as_version=4)


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


@pytest.mark.parametrize("board", known_boards())
def test_what_is_shown_has_run(board):
    notebook = shown(board)
    nbformat.validate(notebook)
    assert all(cell.execution_count for cell in code(notebook))
    text = output(notebook)
    assert "640 logits compared, 0 differences\n" in text
    assert f"board            {board}\n" in text


def test_there_is_one_notebook_for_all_boards():
    sources = {tuple(cell.source for cell in shown(board).cells) for board in known_boards()}
    assert len(sources) == 1


def test_the_main_path_is_short():
    first = code(shown("pynq-z2"))[0].source.splitlines()
    assert len([line for line in first if line]) <= MAIN_PATH + 1  # and one that shows them
