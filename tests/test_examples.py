import doctest
import importlib
from pathlib import Path

import pytest

import irnet_hw

PACKAGE = Path(irnet_hw.__file__).parent
NAMES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_in_the_docstrings_hold(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_every_room_is_searched():
    assert {"irnet_hw.quant.frozen", "irnet_hw.quant.dyadic", "irnet_hw.models"} <= set(NAMES)
