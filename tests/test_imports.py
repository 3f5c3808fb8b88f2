"""Imports go one way: a room imports only rooms that come before it in the flow of data."""

import ast
from collections.abc import Iterator
from pathlib import Path

import irnet_hw

PACKAGE = Path(irnet_hw.__file__).parent
#: For each room, the rooms that it may import; modules at the top, such as errors, are for all.
#: Whoever may import one room may not import all that this one imports: each edge stands here.
MAY: dict[str, set[str]] = {
    "artifact": set(),
    "tools": set(),
    "data": set(),
    "quant": set(),
    "models": {"quant"},
    "train": {"data", "models", "quant"},
    "export": {"compiler", "data", "models", "quant", "train"},
    "verilog": {"artifact"},
    "kernels": {"artifact", "verilog"},
    "compiler": {"artifact", "kernels", "runtime", "verilog"},
    "finn": {"artifact", "compiler", "kernels"},
    "simulate": {"artifact", "compiler", "runtime", "synthesise", "tools", "verilog"},
    "synthesise": {"artifact", "tools", "verilog"},
    "bitstream": {"artifact", "synthesise", "tools", "verilog"},
    "runtime": {"artifact"},
    "deploy": {"artifact", "runtime"},
    "report": {"artifact", "data", "quant", "train"},
}
#: Modules that reach beyond their room, lazily: each is imported only when it is asked for.
EXCEPT = {
    ("runtime.accelerator", "simulate"),  # device="sim"
    ("train.__main__", "cli"),  # the command that torchrun starts
}
#: The rooms of the compiler: each imports only those before it.
COMPILER = ("numbers", "passes", "folding", "emission")
#: Of the modules at the top, these know a room.
TOP = {"__init__": {"export"}, "boards": {"artifact"}, "held": {"artifact"}}


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


def modules() -> dict[str, Path]:
    """Return every module's file, by its name without "irnet_hw."."""
    files = (path for path in PACKAGE.rglob("*.py") if "share" not in path.parts)
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in files
    }


def test_every_room_is_listed() -> None:
    rooms = {room(f"irnet_hw.{name}") for name in modules()} - {""}
    assert rooms == MAY.keys() | {"cli"}


def test_the_order_has_no_circle() -> None:
    left = dict(MAY)
    while left:
        free = {name for name, needs in left.items() if not needs & left.keys()}
        assert free, f"{', '.join(left)} need one another"
        left = {name: needs for name, needs in left.items() if name not in free}


def test_rooms_import_only_what_comes_before_them() -> None:
    """Lazy imports count as others do; ``cli`` may import everything."""
    wrong = []
    for name, path in modules().items():
        own = room(f"irnet_hw.{name}")
        if own == "cli":
            continue
        allowed = MAY[own] | {own} if own else TOP.get(name, set())
        for imported in imports(path):
            other = room(imported)
            if other and other not in allowed and (name, other) not in EXCEPT:
                wrong.append(f"{name} imports {imported}")
    assert wrong == []


def test_the_compilers_rooms_import_only_what_comes_before_them() -> None:
    wrong = []
    for later, own in enumerate(COMPILER):
        for path in sorted((PACKAGE / "compiler" / own).glob("*.py")):
            rooms = [f"irnet_hw.compiler.{other}." for other in COMPILER[later + 1 :]]
            found = [one for one in imports(path) if one.startswith(tuple(rooms))]
            wrong += [f"{own}/{path.name} imports {one}" for one in found]
    assert wrong == []


def test_every_edge_and_exception_is_in_use() -> None:
    found = {
        (name, room(imported)) for name, path in modules().items() for imported in imports(path)
    }
    edges = {(room(f"irnet_hw.{name}"), other) for name, other in found}
    assert [
        (own, other)
        for own, needs in MAY.items()
        for other in needs - {own}
        if (own, other) not in edges
    ] == []
    assert found >= EXCEPT
    assert {(name, other) for name, others in TOP.items() for other in others} <= found
