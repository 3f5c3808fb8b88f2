"""Writes SystemVerilog: modules with their ports, and instances."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

#: Keeps a module from being flattened into the module that instantiates it.
KEEP_HIERARCHY = '(* keep_hierarchy = "yes" *)'


@dataclass(frozen=True)
class Port:
    """A port of a module; a scalar if ``bits`` is None.

    Attributes:
        above: comments, attributes or directives on the lines before it.
    """

    name: str
    incoming: bool
    bits: int | None = None
    above: tuple[str, ...] = ()


def stream(name: str, bits: int, incoming: bool) -> list[Port]:
    """Return the ports of an AXI4-Stream with FINN's names."""
    return [
        Port(f"{name}_TDATA", incoming, bits),
        Port(f"{name}_TVALID", incoming),
        Port(f"{name}_TREADY", not incoming),
    ]


def module(
    name: str,
    ports: Sequence[Port],
    body: str,
    about: Iterable[str] = (),
    attribute: str = "",
    net: str = "logic",
) -> str:
    """Return the source of a module.

    Args:
        name: the module's name.
        ports: its ports, in order.
        body: the lines inside it, each with its line end.
        about: the lines of the comment above it.
        attribute: its attribute, if any.
        net: "logic", or "wire" for Verilog.
    """
    comment = "".join(f"// {line}".rstrip() + "\n" for line in about)
    declared = []
    for port in ports:
        way = "input " if port.incoming else "output"
        width = "" if port.bits is None else f"[{port.bits - 1}:0] "
        lines = (*port.above, f"{way} {net} {width}{port.name}")
        declared.append("\n".join(f"    {line}" for line in lines))
    return (
        (f"{comment}\n" if comment else "")
        + (f"{attribute}\n" if attribute else "")
        + f"module {name} (\n"
        + ",\n".join(declared)
        + f"\n);\n\n{body}\nendmodule\n"
    )


def instance(
    module: str,
    name: str,
    connections: Mapping[str, str],
    parameters: Mapping[str, object] | None = None,
) -> str:
    """Return an instance of a module.

    Args:
        module: the module's name.
        name: the instance's name.
        connections: the expression connected to each port.
        parameters: the parameters' values, in SystemVerilog syntax.
    """
    given = f"#(\n{_by_name(parameters)}\n    ) " if parameters else ""
    return f"    {module} {given}{name} (\n{_by_name(connections)}\n    );\n"


def _by_name(values: Mapping[str, object]) -> str:
    return ",\n".join(f"        .{name}({value})" for name, value in values.items())
