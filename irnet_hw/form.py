"""Check the keys and values of JSON files: each file states its form once, one function checks it.

A form is

- a :class:`Kind`, such as :data:`TEXT` or :data:`COUNT` below, for a single value;
- ``{"key": form}`` for an object that has at least these keys;
- ``[form]`` for a list of any length whose items all have that form;
- :class:`Each` for an object with any keys whose values all have one form;
- :class:`Maybe` for a value of some form, or null.

Example:
    >>> check({"images": 3, "tensors": []}, {"images": COUNT, "tensors": [TEXT]}, "result.json")
    >>> check({"images": -1}, {"images": COUNT}, "result.json")
    Traceback (most recent call last):
    irnet_hw.errors.UserError: result.json: images = -1, must be an integer of at least 0
"""

from __future__ import annotations

import json
import math
from typing import Any, Callable, NamedTuple

from irnet_hw.errors import UserError
from irnet_hw.read import shown


class Kind(NamedTuple):
    """A constraint on a single value.

    Attributes:
        fits: returns whether a value, of any type, is valid.
        text: describes the valid values, for messages.
    """

    fits: Callable[[Any], bool]
    text: str


class Each(NamedTuple):
    """An object whose values all have one form, whatever its keys."""

    form: Any


class Maybe(NamedTuple):
    """A value of some form, or null."""

    form: Any


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


TEXT = Kind(lambda value: isinstance(value, str), "a string")
FLAG = Kind(lambda value: isinstance(value, bool), "true or false")
INTEGER = Kind(lambda value: type(value) is int, "an integer")
COUNT = Kind(lambda value: type(value) is int and value >= 0, "an integer of at least 0")
SIZE = Kind(lambda value: type(value) is int and value >= 1, "an integer of at least 1")
NUMBER = Kind(_is_number, "a finite number")
AMOUNT = Kind(lambda value: _is_number(value) and value >= 0, "a finite number of at least 0")
POSITIVE = Kind(lambda value: _is_number(value) and value > 0, "a finite number above 0")
SHARE = Kind(lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1")
OBJECT = Kind(lambda value: isinstance(value, dict), "an object")
LIST = Kind(lambda value: isinstance(value, list), "a list")


def check(content: Any, form: Any, where: str, hint: str = "") -> None:
    """Refuse content that doesn't have a form.

    Args:
        content: the content of a JSON file.
        form: the required form, see above.
        where: the file, for messages.
        hint: what the user can do; it ends the message.

    Raises:
        UserError: names the place, the value and what would be right.
    """
    wrong = _wrong(content, form, "")
    if wrong:
        raise UserError(f"{where}: {wrong}" + (f"; {hint}" if hint else ""))


def _wrong(value: Any, form: Any, place: str) -> str:
    """Return the first fault, or "" if there is none."""
    if isinstance(form, Maybe):
        return "" if value is None else _wrong(value, form.form, place)
    if isinstance(form, Each):
        return _must_be(value, OBJECT, place) or _first(
            _wrong(each, form.form, _below(place, key)) for key, each in value.items()
        )
    if isinstance(form, dict):
        missing = [key for key in form if isinstance(value, dict) and key not in value]
        if missing:
            return f"{_below(place, missing[0])} is missing"
        return _must_be(value, OBJECT, place) or _first(
            _wrong(value[key], each, _below(place, key)) for key, each in form.items()
        )
    if isinstance(form, list):
        return _must_be(value, LIST, place) or _first(
            _wrong(each, form[0], f"{place}[{index}]") for index, each in enumerate(value)
        )
    return _must_be(value, form, place)


def _must_be(value: Any, kind: Kind, place: str) -> str:
    if kind.fits(value):
        return ""
    written = shown(json.dumps(value, ensure_ascii=False))
    return f"{place or 'content'} = {written}, must be {kind.text}"


def _below(place: str, key: str) -> str:
    return f"{place}.{shown(key)}" if place else shown(key)


def _first(reasons: Any) -> str:
    return next((reason for reason in reasons if reason), "")
