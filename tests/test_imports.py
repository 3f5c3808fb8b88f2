"""Imports go one way: a room imports only rooms that come before it in the flow of data."""

import ast
from collections.abc import Iterator
from pathlib import Path

import irnet_hw

PACKAGE = Path(irnet_hw.__file__).parent
#: For each room, the rooms that it may import. Every room may import top-level modules.
MAY: dict[str, set[str]] = {}


def room(module: str) -> str:
    """Return the room of a module: "irnet_hw.compiler.graph" is in "compiler"."""
    parts = module.split(".")
    is_room = len(parts) > 1 and (PACKAGE / parts[1]).is_dir()
    return parts[1] if is_room else ""


def imports(path: Path) -> Iterator[str]:
    """Yield the modules of irnet_hw that a file imports anywhere, including in functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("irnet_hw"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("irnet_hw"):
            yield from (f"{node.module}.{name.name}" for name in node.names)
