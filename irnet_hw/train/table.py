"""TOML tables as dataclasses: read with errors that name the key, override, write."""

import dataclasses
import json
import math
import typing
from collections.abc import Iterable
from typing import Any, TypeVar

from irnet_hw.errors import UserError
from irnet_hw.read import check_values, shown
from irnet_hw.toml import NotTomlError, toml_text

T = TypeVar("T")

_ABSENT = "not given"

Table = dict[str, Any]

_TYPES = {
    bool: ("true or false", "true or false values"),
    int: ("an integer", "integers"),
    float: ("a finite number", "finite numbers"),
    str: ("a string", "strings"),
}


def override(table: Table, assignments: Iterable[str]) -> None:
    """Change values of a table in place.

    Args:
        table: a TOML file's table.
        assignments: each "key=value", with dotted keys for nested tables. The value is TOML; if
            it isn't valid TOML, it is taken as a string.

    Raises:
        UserError: an assignment is malformed, or its key leads through something that is not a
            table.

    Example:
        >>> recipe = {"epochs": 100, "model": {"widths": [32, 64]}}
        >>> override(recipe, ["epochs=2", "model.widths=[8, 8]"])
        >>> recipe
        {'epochs': 2, 'model': {'widths': [8, 8]}}
    """
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        *path, last = (part.strip() for part in key.split("."))
        if not equals or not last:
            raise UserError(f"--set {shown(assignment)}: must be key=value")
        inner = table
        for part in path:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise UserError(f"--set {shown(assignment)}: {shown(part)} is a value, not a table")
        inner[last] = _value(value.strip(), f"--set {shown(key)}")


def build(kind: type[T], table: Table, where: str, prefix: str = "") -> T:
    """Build a dataclass from a table.

    Args:
        kind: the dataclass; its fields are bool, int, float, str or lists of them, or of any
            other class if the table already holds an instance.
        table: the values; every key must be a field, and every field without a default must have
            a key.
        where: the file, for messages.
        prefix: prefix of the keys in messages.

    Raises:
        UserError: a key is unknown, missing or has the wrong type, or the dataclass refuses a
            value.
    """
    hints = typing.get_type_hints(kind)
    for key, value in table.items():
        if key not in hints:
            raise UserError(
                f"{where}: {prefix}{key} = {_written(value)}: no such key; "
                f"the keys are {', '.join(prefix + known for known in hints)}"
            )
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name not in table and _required(field):
            raise UserError(f"{where}: {prefix}{field.name}: is missing")
    values = {key: _typed(hints[key], value, where, prefix + key) for key, value in table.items()}
    try:
        return kind(**values)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def table(instance: Any) -> Table:
    """Return a dataclass, with nested ones, as a table."""
    return dataclasses.asdict(instance)


def changes(old: Any, new: Any) -> dict[str, tuple[str, str]]:
    """Return the keys in which two dataclasses differ, each with its two values in words.

    Keys of nested tables are dotted. Where a table has no such key, the value is "not given".
    """
    before, after = _flat(table(old)), _flat(table(new))
    return {
        key: (shown(before.get(key, _ABSENT)), shown(after.get(key, _ABSENT)))
        for key in before | after
        if before.get(key) != after.get(key)
    }


def write(content: Table) -> str:
    """Return a table as TOML.

    Args:
        content: values of the types that :func:`build` takes; nested tables must come last.

    Example:
        >>> print(write({"epochs": 2, "model": {"name": "vgg", "pools": [True, False]}}), end="")
        epochs = 2
        <BLANKLINE>
        [model]
        name = "vgg"
        pools = [true, false]
    """
    lines = []
    for key, value in content.items():
        if isinstance(value, dict):
            lines.append(f"\n[{key}]\n{write(value)}")
        else:
            lines.append(f"{key} = {_written(value)}\n")
    return "".join(lines)


def _flat(content: Table, prefix: str = "") -> dict[str, str]:
    """Return a table's values in TOML by their dotted keys."""
    found = {}
    for key, value in content.items():
        if isinstance(value, dict):
            found.update(_flat(value, f"{prefix}{key}."))
        else:
            found[prefix + key] = _written(value)
    return found


def _required(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _value(written: str, where: str) -> Any:
    """Parse one TOML value; return the text itself if it is not exactly one value.

    Raises:
        UserError: it is TOML but too large or deep, or holds something that no recipe may hold.
    """
    try:
        content = toml_text(f"value = {written}", where)
    except NotTomlError:
        check_values(written, where)
        return written
    return content["value"] if len(content) == 1 else written


def _written(value: Any) -> str:
    """Return a value in TOML, which equals JSON except for one control character."""
    return json.dumps(value, default=str, ensure_ascii=False).replace("\x7f", "\\u007f")


def _typed(hint: Any, value: Any, where: str, key: str) -> Any:
    if typing.get_origin(hint) is list:
        (inner,) = typing.get_args(hint)
        if isinstance(value, list) and all(_is(inner, item) for item in value):
            return [inner(item) for item in value]
        wanted = f"a list of {_TYPES[inner][1]}"
    elif hint not in _TYPES:
        return value
    elif _is(hint, value):
        return hint(value)
    else:
        wanted = _TYPES[hint][0]
    raise UserError(f"{where}: {key} = {_written(value)}: must be {wanted}")


def _is(hint: type, value: Any) -> bool:
    """Return whether a value fits a type; true and false don't count as numbers."""
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is hint
