"""Renders pages from templates: a single file that needs no network."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from irnet_hw.files import whole_file


def save(folder: Path, name: str, html: str, facts: dict[str, Any]) -> tuple[Path, Path]:
    """Write a page, NAME.html, and its facts for programs, NAME.json.

    Args:
        folder: for the two files, which are locked.
        name: the files' name without suffix.
        html: the page.
        facts: the page's facts.

    Returns:
        the two files.

    Raises:
        UserError: they can't be written.
    """
    page, data = folder / f"{name}.html", folder / f"{name}.json"
    with whole_file(page) as temporary:
        temporary.write_text(html, encoding="utf-8")
    with whole_file(data) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return page, data


def render(template: str, **content: Any) -> str:
    """Return a page.

    Args:
        template: the template's file name.
        content: the template's variables.
    """
    environment = Environment(
        loader=PackageLoader("irnet_hw.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=2)
    environment.filters["percent"] = lambda share: f"{100 * share:.2f} %"
    environment.filters["share"] = lambda part: f"{100 * part:.3g} %"
    return environment.get_template(template).render(content)


def _number(value: float) -> str:
    """Return a number with thousands separators, and four digits if it is not whole."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
