"""MkDocs hooks: write the parts of the reference that the code knows already.

A line ``{{ name }}`` or ``{{ name: argument }}`` on a page becomes what the function of that name
below returns. Formulas become MathML, so that pages need no script from elsewhere.
"""

import ast
import html
import importlib
import re
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import griffe
from latex2mathml import converter

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ROOT / "docs" / "rooms.toml"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in the generated parts."""
    return re.sub(r"^\{\{ (\w+)(?:: (.*?))? \}\}$", _generated, markdown, flags=re.MULTILINE)


def on_page_content(content: str, **_: Any) -> str:
    """Turn formulas into MathML."""
    return re.sub(r'<(span|div) class="arithmatex">(.*?)</\1>', _formula, content, flags=re.S)


class Docstrings(griffe.Extension):
    """Reads our docstrings as MkDocs does: Markdown, not reStructuredText."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite markup that Markdown writes differently."""
        if obj.docstring is not None:
            text = re.sub(r"^( *)Example:$", r"\1Examples:", obj.docstring.value, flags=re.M)
            text = re.sub(r":(?:attr|class|data|func|meth|mod):`~?", "`", text)
            obj.docstring.value = re.sub(r"^ *::\n", "", text, flags=re.M)


def _generated(match: re.Match[str]) -> str:
    name, argument = match.groups()
    return _GENERATORS[name](*([argument] if argument else []))


def _formula(match: re.Match[str]) -> str:
    kind, text = match.groups()
    display = "block" if kind == "div" else "inline"
    return converter.convert(html.unescape(text.strip())[2:-2], display=display)


def commands() -> str:
    """Return every command's help, as the terminal shows it."""
    from irnet_hw.cli.main import group

    parts = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        context = click.Context(command, info_name=f"irnet-hw {name}", max_content_width=80)
        parts += [f"## {name}", f"```text\n{command.get_help(context)}\n```"]
    return "\n\n".join(parts)


def keys(path: str) -> str:
    """Return a table of a dataclass' fields: type, default and what its docstring says.

    Args:
        path: of the class, such as "irnet_hw.train.recipe.Recipe".
    """
    module, _, name = path.rpartition(".")
    found = griffe.load(module, search_paths=[str(ROOT)])[name]
    sections = found.docstring.parse("google")
    (fields,) = (part.value for part in sections if part.kind.value == "attributes")
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for field in fields:
        attribute = found[field.name]
        default = "" if attribute.value is None else f"`{_default(str(attribute.value))}`"
        kind = str(attribute.annotation).rpartition(".")[2]
        kind = "`table`" if kind == "Config" else f"`{kind}`"
        text = " ".join(field.description.split()).replace("|", "\\|")
        rows.append(f"| `{field.name}` | {kind} | {default} | {text} |")
    return "\n".join(rows)


def json_keys(path: str) -> str:
    """Return a table of the keys of a JSON object: what each value must be, and what it means.

    Args:
        path: of the dataclass that stands for it, such as "irnet_hw.artifact.manifest.Manifest".
    """
    from irnet_hw.form import form_of

    module, _, name = path.rpartition(".")
    kind = getattr(importlib.import_module(module), name)
    own = form_of(kind)
    (fields,) = (
        part.value
        for part in griffe.load(module, search_paths=[str(ROOT)])[name].docstring.parse("google")
        if part.kind.value == "attributes"
    )
    rows = ["| key | value | meaning |", "|---|---|---|"]
    for field in fields:
        form = own.fields.get(field.name)
        key = "other keys" if form is None else f"`{field.name}`"
        text = " ".join(field.description.split()).replace("|", "\\|")
        rows.append(f"| {key} | {_in_words(own.rest if form is None else form)} | {text} |")
    return "\n".join(rows)


def _in_words(form: Any) -> str:
    """Return what a form takes."""
    from irnet_hw.form import Each, Maybe, Record

    if isinstance(form, Maybe):
        return f"{_in_words(form.form)}, or null"
    if isinstance(form, Each):
        return f"an object; each value: {_in_words(form.form)}"
    if isinstance(form, list):
        return f"a list; each item: {_in_words(form[0])}"
    if isinstance(form, Record):
        return f"an object of {', '.join(f'`{key}`' for key in form.fields)}"
    return str(form.text)


def _default(source: str) -> str:
    """Return a default value as a recipe would write it."""
    if match := re.fullmatch(r"field\(default_factory=(?:lambda: )?(.*)\)", source):
        return "[]" if match[1] == "list" else match[1]
    return {"True": "true", "False": "false"}.get(source, source.replace("'", '"'))


def ops() -> str:
    """Return the mkdocstrings entries of all ops: the generic classes, with their attributes."""
    parts = []
    for path in sorted((ROOT / "irnet_hw" / "kernels").glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            registered = isinstance(node, ast.ClassDef) and node.decorator_list
            if registered and not node.name.endswith(("_rtl", "_hls")):
                parts.append(
                    f"::: irnet_hw.kernels.{path.stem}.{node.name}\n    options: {{members: false}}"
                )
    return "\n\n".join(parts)


def registers() -> str:
    """Return the register map: tables of offsets and bits, with the remarks in the source."""
    module = griffe.load("irnet_hw.artifact.registers", search_paths=[str(ROOT)])
    parts = []
    for name, head in (
        ("Register", "offset"),
        ("Control", "bit"),
        ("Status", "bit"),
        ("Error", "bit"),
        ("Interrupt", "bit"),
    ):
        kind = module[name]
        title = {"Register": "Offsets", "Error": "ERRORS"}.get(name, name.upper())
        summary, _, more = kind.docstring.value.partition("\n\n")
        parts += [f"## {title}", summary, more] if more else [f"## {title}", summary]
        rows = [f"| {head} | name | meaning |", "|---|---|---|"]
        for line in kind.source.splitlines():
            if match := re.match(r"\s+(\w+) = (.*?)(?:\s+#: (.*))?$", line):
                key, value, text = match.groups()
                at = f"`{value}`" if head == "offset" else value.removeprefix("1 << ")
                rows.append(f"| {at} | `{key}` | {re.sub(':class:', '', text or '')} |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


def rooms() -> str:
    """Return a table of the rooms."""
    rows = ["| folder | what is in it |", "|---|---|"]
    rows += [f"| `{room['name']}/` | {room['what']} |" for room in _rooms()]
    return "\n".join(rows)


def rooms_picture() -> str:
    """Return a drawing of the rooms, with arrows from each to those that read its output."""
    width, height, across, down = 150, 74, 186, 112
    placed = {room["name"]: room for room in _rooms() if "at" in room}
    columns, rows = (max(room["at"][axis] for room in placed.values()) + 1 for axis in (0, 1))
    size = f"{(columns - 1) * across + width + 4} {(rows - 1) * down + height + 4}"
    parts = [
        f'<svg class="rooms" viewBox="-2 -2 {size}" role="img" aria-label="The rooms, with arrows '
        'from each to those that read what it makes">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
    ]
    for name, room in placed.items():
        left, top = room["at"][0] * across, room["at"][1] * down
        lines = textwrap.wrap(room["what"], 25)
        first = top + height / 2 - 7 * len(lines) + 4
        parts.append(f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="6"/>')
        package = name.removeprefix("irnet_hw/")
        for i, line in enumerate([package if package != name else f"{name}/", *lines]):
            kind = "what" if i else "name"
            x, y = left + width / 2, first + 14 * i
            parts.append(f'<text x="{x:g}" y="{y:g}" class="{kind}">{html.escape(line)}</text>')
        for other in room.get("feeds", []):
            parts.append(_arrow(room["at"], placed[other]["at"], width, height, across, down))
    return "".join([*parts, "</svg>"])


def _arrow(
    start: list[int], end: list[int], width: int, height: int, across: int, down: int
) -> str:
    """Return an arrow between two places: sideways to another column, or up or down in one."""
    x0, y0, x1, y1 = start[0] * across, start[1] * down, end[0] * across, end[1] * down
    if start[0] == end[0]:
        middle = x0 + width / 2
        ends = (y0 + height, y1) if y1 > y0 else (y0, y1 + height)
        return f'<path d="M{middle:g} {ends[0]}V{ends[1]}" marker-end="url(#tip)"/>'
    ends = (x0 + width, x1) if x1 > x0 else (x0, x1 + width)
    tilt = (y0 > y1) - (y0 < y1)
    y0, y1 = y0 + height / 2 - 14 * tilt, y1 + height / 2 + 14 * tilt
    bend = (ends[0] + ends[1]) / 2
    return (
        f'<path d="M{ends[0]} {y0:g}C{bend:g} {y0:g} {bend:g} {y1:g} {ends[1]} {y1:g}" '
        'marker-end="url(#tip)"/>'
    )


def zoo() -> str:
    """Return the cards of the trained networks."""
    from irnet_hw.train.zoo import entries

    return "\n\n".join(
        f"## {entry.name}\n\n{entry.card.text(entry.name, entry.path.stat().st_size)}"
        for entry in entries()
    )


def code(name: str) -> str:
    """Return a file of the repository as a block of code."""
    path = ROOT / name
    return f'```{path.suffix[1:]} title="{name}"\n{path.read_text().rstrip()}\n```'


def file(name: str) -> str:
    """Return a file of the repository, with its links into docs/ as links between pages."""
    return (ROOT / name).read_text().rstrip().replace("](docs/", "](")


def _rooms() -> list[dict[str, Any]]:
    return tomllib.loads(ROOMS.read_text())["room"]


_GENERATORS: dict[str, Callable[..., str]] = {
    function.__name__: function
    for function in (
        code,
        commands,
        file,
        json_keys,
        keys,
        ops,
        registers,
        rooms,
        rooms_picture,
        zoo,
    )
}
