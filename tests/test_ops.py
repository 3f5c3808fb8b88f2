"""An op answers for itself: no other room knows the names of ops."""

import ast
from collections.abc import Iterator
from pathlib import Path

import finn.custom_op.fpgadataflow.rtl as rtl
import pytest

import irnet_hw
import irnet_hw.kernels
from irnet_hw.kernels.registry import OPS
from irnet_hw.verilog.library import library

PACKAGE = Path(irnet_hw.__file__).parent
#: The passes that create hardware ops, which have to name them.
CREATORS = {"emit.py", "forks.py", "links.py"}


def strings(path: Path) -> Iterator[str]:
    """Yield the string constants of a source file, without docstrings."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def op_names(path: Path) -> list[str]:
    return [text for text in strings(path) if text.removesuffix("_rtl") in OPS]


def test_ops_are_named_only_in_their_modules_and_where_they_are_created():
    others = [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if "kernels" not in path.parts and path.name not in CREATORS
    ]
    assert {path.name: op_names(path) for path in others if op_names(path)} == {}


def test_each_creator_creates_one():
    creators = [path for path in PACKAGE.rglob("*.py") if path.name in CREATORS]
    assert {path.name for path in creators if op_names(path)} == CREATORS


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_op_has_an_rtl_backend_whose_module_is_in_the_library(name):
    module = rtl.custom_op[f"{name}_rtl"].module
    assert isinstance(module, property) or module in library()
