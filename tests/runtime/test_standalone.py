"""The runtime for boards needs nothing but numpy, and works with an old Python."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent / "irnet_hw"
NAMES = ("__init__", "errors", "form", "read", "scratch")
ROOMS = ("artifact", "runtime")
FILES = [
    *(ROOT / f"{name}.py" for name in NAMES),
    *(file for room in ROOMS for file in sorted((ROOT / room).glob("*.py"))),
]

#: Imports the runtime where only the runtime, numpy and the standard library can be imported.
ALONE = """
import sys

class Bare:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        alone = top in ("numpy", *sys.stdlib_module_names)
        ours = ("irnet_hw", *(f"irnet_hw.{each}" for each in ("errors", "form", "read", "scratch")))
        rooms = ("irnet_hw.artifact", "irnet_hw.runtime")
        if not alone and name not in ours and not name.startswith(rooms):
            raise ImportError(f"{name} is not on the board")

sys.meta_path.insert(0, Bare())
from irnet_hw.runtime import Accelerator
import irnet_hw.form
import irnet_hw.read
import irnet_hw.runtime.pynq_device
print(Accelerator.__name__)
"""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_python_3_8_reads_it(file):
    ast.parse(file.read_text(), feature_version=(3, 8))


def test_annotations_are_not_evaluated():
    """What Python 3.8 can't evaluate, such as ``str | None``, occurs in annotations only.

    Annotations of artifact's dataclasses are evaluated, so they have to be valid in Python 3.8.
    """
    for file in FILES:
        if file.parent.name == "artifact":
            words = re.findall(r"\b(?:tuple|list|dict|type)\[| \| None", file.read_text())
            assert words == [], file.name
            continue
        tree = ast.parse(file.read_text())
        if any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree)):
            names = [
                alias.name
                for node in tree.body
                if isinstance(node, ast.ImportFrom) and node.module == "__future__"
                for alias in node.names
            ]
            assert names == ["annotations"], file.name


def test_it_imports_numpy_and_nothing_else():
    run = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, check=False, cwd=ROOT.parent
    )
    assert (run.stdout, run.stderr) == ("Accelerator\n", "")
