import doctest
import importlib

import pytest

NAMES = [
    "data",
    "models",
    "models.mlp",
    "models.resnet",
    "quant.ablation",
    "quant.ede",
    "quant.libra",
    "quant.stream",
    "train.table",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_in_the_docstrings_hold(name):
    result = doctest.testmod(importlib.import_module(f"irnet_hw.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
