"""The page on QONNX lists the ops that the compiler takes, and no others."""

import re
from pathlib import Path

import pytest

from irnet_hw.artifact.tail import OPS
from irnet_hw.compiler.onnx_ops import (
    ELEMENTWISE,
    LAYERS,
    MONOTONE,
    RESHAPING,
    SUBSAMPLING,
    SUMMING,
)

#: They do nothing.
NOTHING = ("Identity", "Dropout")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "qonnx.md"


def tables():
    """Return the ops of the page's tables by heading: for each row, those in its first column."""
    found, heading = {}, ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("| `"):
            first = line.split("|")[1]
            found.setdefault(heading, []).append(re.findall(r"`(\w+)`", first))
    return found


@pytest.mark.parametrize(
    ("heading", "ops"),
    [
        ("Layers", {"Gemm", *LAYERS}),
        ("Elementwise", {*ELEMENTWISE}),
        ("Pools", {"MaxPool", *SUMMING}),
        ("Additions and concatenations", {"Add", "Concat"}),
        ("Shapes", {*NOTHING, *RESHAPING, *SUBSAMPLING}),
        ("Tail", {*OPS, *NOTHING, *RESHAPING}),
    ],
)
def test_the_page_lists_exactly_the_ops_of_the_compiler(heading, ops):
    listed = [op for row in tables()[heading] for op in row]
    assert sorted(listed) == sorted(ops)


def test_the_page_tells_ops_that_are_monotone_from_others():
    *monotone, others = tables()["Elementwise"]
    assert {op for row in monotone for op in row} == {*MONOTONE}
    assert {*others} == {*ELEMENTWISE} - {*MONOTONE}
