"""Verilator -Wall has nothing to say about any kernel."""

from pathlib import Path

import pytest

from irnet_hw.share import share
from tests.hls.designs import DESIGNS
from tests.lint import lint


@pytest.mark.parametrize("name", DESIGNS)
def test_verilator_has_no_warnings(name, tmp_path):
    design = DESIGNS[name]()  # its sources last as long as it does
    kernel = design.kernel
    top = kernel.onnx_node.name
    sources = kernel.get_rtl_file_list(abspath=True)
    run = lint(top, [share("hls") / "lint.vlt", *sources], tmp_path)
    assert "%" not in run.stderr and run.returncode == 0, run.stderr


def test_every_module_is_linted():
    linted = set()
    for design in DESIGNS.values():
        linted.update(Path(file).name for file in design().kernel.get_rtl_file_list())
    modules = {file.name for file in share("hls").rglob("*.sv")}
    assert modules - linted == set()


def test_each_file_is_the_module_of_its_folder():
    for file in share("hls").rglob("*.sv"):
        modules = [line for line in file.read_text().splitlines() if line.startswith("module ")]
        assert len(modules) == 1 and modules[0].split()[1] == file.stem == file.parent.name
