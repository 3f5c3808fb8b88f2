"""Checks the keys and values of JSON files: each file's form is declared once.

A file described by a dataclass is read by :func:`load` and written by :func:`plain`: its keys are
the fields, and the annotations say what their values must be::

    @dataclass(frozen=True)
    class Box:
        name: str
        sides: Tuple[Size, ...]
        scale: Optional[Positive]

An annotation is a plain type, one of the names below such as :data:`Size`, another such
dataclass, ``Optional``, ``Tuple[..., ...]`` for a list, ``Mapping[str, ...]``, ``Literal`` or
``Any``. Annotations are evaluated, so they must be valid in Python 3.8, and modules with such
dataclasses do not use ``from __future__ import annotations``.

For other files there are forms. A form is

- a :class:`Kind`, such as :data:`TEXT` or :data:`COUNT` below, for a single value;
- ``{"key": form}`` for an object that has at least these keys;
- :class:`Record` for an object that has these keys and no others;
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

import dataclasses
import json
import math
import re
import sys
from collections import abc
from typing import Any, Callable, Literal, Mapping, NamedTuple, TypeVar, Union
from typing import get_args as arguments_of
from typing import get_origin as origin_of

from irnet_hw.errors import UserError
from irnet_hw.read import shown

if sys.version_info >= (3, 9):
    from typing import Annotated as Annotated
else:  # the boards' images have Python 3.8

    class Annotated:
        """A type and a form, for annotations."""

        def __class_getitem__(cls, pair: Any) -> Any:
            def annotated(value: Any) -> Any:  # typing accepts callables as types
                return value

            annotated.__metadata__ = pair[1:]  # type: ignore[attr-defined]
            return annotated


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


class Record(NamedTuple):
    """An object that has exactly these keys, or also others that have one form.

    Attributes:
        fields: the form of each key's value.
        rest: the form of the other keys' values; None if there must be no other keys.
    """

    fields: Mapping[str, Any]
    rest: Any = None


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
ANY = Kind(lambda _: True, "anything")
NAME = Kind(lambda value: isinstance(value, str) and value != "", "a non-empty string")

Count = Annotated[int, COUNT]
Size = Annotated[int, SIZE]
Amount = Annotated[float, AMOUNT]
Positive = Annotated[float, POSITIVE]
Share = Annotated[float, SHARE]
Name = Annotated[str, NAME]

_PLAIN: dict[Any, Kind] = {str: TEXT, bool: FLAG, int: INTEGER, float: NUMBER, Any: ANY}
#: For ``field(metadata=REST)``: the field holds all keys of the object that are not fields.
REST = {"rest": True}

Made = TypeVar("Made")


def matching(pattern: str, text: str) -> Kind:
    """Return the kind of texts that a regular expression matches as a whole.

    Args:
        pattern: the regular expression.
        text: describes the valid texts, for messages.
    """
    return Kind(lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value)), text)


def load(kind: type[Made], content: Any, where: str, hint: str = "") -> Made:
    """Return a JSON file's content as a dataclass.

    Args:
        kind: the dataclass.
        content: the content of the file.
        where: the file, for messages.
        hint: what the user can do if it is wrong; it ends the message.

    Raises:
        UserError: a key is missing or unknown, or a value does not match its annotation; names the
            place, the value and what would be right.
    """
    check(content, form_of(kind), where, hint)
    made: Made = _made(kind, content)
    return made


def plain(value: Any) -> Any:
    """Return a dataclass in the form of JSON: objects, lists and single values."""
    if dataclasses.is_dataclass(value):
        found: dict[str, Any] = {}
        for field in dataclasses.fields(value):
            own = plain(getattr(value, field.name))
            found.update(own if field.metadata == REST else {field.name: own})
        return found
    if isinstance(value, abc.Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def form_of(kind: Any) -> Any:
    """Return the form of a dataclass or of an annotation."""
    if dataclasses.is_dataclass(kind):
        own = {field.name: field for field in dataclasses.fields(kind)}
        rest = [key for key, field in own.items() if field.metadata == REST]
        return Record(
            {key: form_of(field.type) for key, field in own.items() if key not in rest},
            form_of(own[rest[0]].type).form if rest else None,
        )
    if hasattr(kind, "__metadata__"):
        return kind.__metadata__[0]
    origin, arguments = origin_of(kind), arguments_of(kind)
    if origin is Union:
        return Maybe(form_of(arguments[0]))
    if origin is tuple:
        return [form_of(arguments[0])]
    if origin is abc.Mapping:
        return Each(form_of(arguments[1]))
    if origin is Literal:
        return Kind(lambda value: value in arguments, " or ".join(map(json.dumps, arguments)))
    return _PLAIN[kind]


def _made(kind: Any, value: Any) -> Any:
    """Return content, whose form was checked, as an object of the annotated type."""
    if dataclasses.is_dataclass(kind):
        own = {field.name: field for field in dataclasses.fields(kind)}
        make: Any = kind
        return make(
            **{
                key: {name: value[name] for name in value if name not in own}
                if field.metadata == REST
                else _made(field.type, value[key])
                for key, field in own.items()
            }
        )
    origin, arguments = origin_of(kind), arguments_of(kind)
    if origin is Union and value is not None:
        return _made(arguments[0], value)
    if origin is tuple:
        return tuple(_made(arguments[0], each) for each in value)
    if origin is abc.Mapping:
        return {key: _made(arguments[1], each) for key, each in value.items()}
    return value


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
    """Return the first fault, or an empty string."""
    if isinstance(form, Maybe):
        return "" if value is None else _wrong(value, form.form, place)
    if isinstance(form, Each):
        return _must_be(value, OBJECT, place) or _first(
            _wrong(each, form.form, _below(place, key)) for key, each in value.items()
        )
    if isinstance(form, Record):
        return _wrong(value, dict(form.fields), place) or _first(
            f"{_below(place, key)} is unknown, must be one of {', '.join(form.fields)}"
            if form.rest is None
            else _wrong(value[key], form.rest, _below(place, key))
            for key in value
            if key not in form.fields
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
