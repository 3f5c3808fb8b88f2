"""The SystemVerilog library: where each module is, and which modules it instantiates."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from irnet_hw.share import share

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
#: An instance: a module's name, then its parameters, or the instance's name and its ports.
_INSTANCE = re.compile(r"(?:^|;)\s*([A-Za-z_]\w*)\s+(?:#\s*\(|[A-Za-z_]\w*\s*\()", re.MULTILINE)


@cache
def library() -> dict[str, Path]:
    """Return the file of each kernel and shell module, by module name."""
    return {path.stem: path for path in sorted(share("rtl").rglob("*.sv"))}


def instances(text: str) -> list[str]:
    """Return the names a source may instantiate, in order, without duplicates.

    They may include keywords.
    """
    return list(dict.fromkeys(_INSTANCE.findall(_COMMENT.sub("", text))))


def needed(module: str, text: Callable[[str], str | None]) -> list[str]:
    """Return a module and all modules it instantiates, each before those that instantiate it.

    Args:
        module: its name; it comes last.
        text: returns a module's source, or None for a name that is not a module.
    """
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        source = text(name)
        if source is None or name in found:
            return
        for instance in instances(source):
            if instance != name:
                visit(instance)
        found[name] = None

    visit(module)
    return list(found)


@cache
def module_files(module: str) -> tuple[Path, ...]:
    """Return the files of a library module and its submodules, submodules first."""
    files = library()
    return tuple(files[name] for name in needed(module, source_of))


@cache
def source_of(module: str) -> str | None:
    """Return the source of a library module, or None for any other name."""
    path = library().get(module)
    return None if path is None else path.read_text()
