from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Optional, Tuple  # noqa: UP035 (as boards have it)

import pytest

from irnet_hw.errors import UserError
from irnet_hw.form import (
    AMOUNT,
    COUNT,
    FLAG,
    REST,
    SHARE,
    SIZE,
    TEXT,
    Count,
    Each,
    Maybe,
    Positive,
    Size,
    check,
    load,
    plain,
)

FORM = {
    "images": SIZE,
    "accuracy": Maybe({"rtl": SHARE}),
    "tensors": [{"name": TEXT, "differences": COUNT}],
    "area": Each(AMOUNT),
    "exact": FLAG,
}
RIGHT = {
    "images": 3,
    "accuracy": {"rtl": 1, "more": None},
    "tensors": [{"name": "a", "differences": 0}],
    "area": {"LUT": 3.5},
    "exact": True,
    "unknown": [],
}


def test_what_is_right_passes():
    check(RIGHT, FORM, "f.json")
    check({**RIGHT, "accuracy": None, "tensors": [], "area": {}}, FORM, "f.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": True}, "images = true, must be an integer of at least 1"),
        ({"images": 0}, "images = 0, must be an integer of at least 1"),
        ({"images": "x" * 300}, f'images = "{"x" * 199}..., must be an integer of at least 1'),
        ({"accuracy": 1}, "accuracy = 1, must be an object"),
        ({"accuracy": {}}, "accuracy.rtl is missing"),
        ({"accuracy": {"rtl": 1.5}}, "accuracy.rtl = 1.5, must be a number from 0 to 1"),
        ({"tensors": {}}, "tensors = {}, must be a list"),
        (
            {"tensors": [{"name": "a", "differences": 0}, {"name": 1, "differences": 0}]},
            "tensors[1].name = 1, must be a string",
        ),
        ({"area": {"a\nb": -1}}, "area.'a\\nb' = -1, must be a finite number of at least 0"),
        ({"exact": 1}, "exact = 1, must be true or false"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(UserError) as error:
        check({**RIGHT, **changes}, FORM, "f.json", "make it again")
    assert str(error.value) == f"f.json: {message}; make it again"


def test_content_of_another_type():
    with pytest.raises(UserError) as error:
        check([], FORM, "f.json")
    assert str(error.value) == "f.json: content = [], must be an object"


@dataclass(frozen=True)
class Cells:
    name: str
    counts: Mapping[str, Count] = field(metadata=REST)


@dataclass(frozen=True)
class Box:
    kind: Literal["box", "bag"]
    sides: Tuple[Size, ...]  # noqa: UP006
    scale: Optional[Positive]  # noqa: UP045
    cells: Tuple[Cells, ...]  # noqa: UP006
    more: Mapping[str, Any]
    first: Optional[Cells]  # noqa: UP045


BOX = {
    "kind": "box",
    "sides": [3, 4],
    "scale": 1,
    "cells": [{"name": "a", "LUT": 1, "FF": 2}],
    "more": {"any": [1, None, "x"]},
    "first": None,
}


def test_a_dataclass_is_read_and_written_as_it_was():
    box = load(Box, BOX, "b.json")
    assert (box.sides, box.first) == ((3, 4), None)
    assert box.cells == (Cells("a", {"LUT": 1, "FF": 2}),)
    assert plain(box) == BOX and list(plain(box)) == list(BOX)
    assert load(Box, {**BOX, "first": {"name": "b"}}, "b.json").first == Cells("b", {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "can"}, 'kind = "can", must be "box" or "bag"'),
        ({"sides": [3, 0]}, "sides[1] = 0, must be an integer of at least 1"),
        ({"scale": -1.5}, "scale = -1.5, must be a finite number above 0"),
        ({"cells": [{}]}, "cells[0].name is missing"),
        (
            {"cells": [{"name": "a", "LUT": -1}]},
            "cells[0].LUT = -1, must be an integer of at least 0",
        ),
        ({"more": []}, "more = [], must be an object"),
        ({"x": 1}, "x is unknown, must be one of kind, sides, scale, cells, more, first"),
    ],
)
def test_what_is_wrong_in_a_dataclass_is_named(changes, message):
    with pytest.raises(UserError) as caught:
        load(Box, {**BOX, **changes}, "b.json", "make it again")
    assert str(caught.value) == f"b.json: {message}; make it again"
