"""Writes SystemVerilog: modules, their ports, and instances in them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

#: Keeps a module from being dissolved in what instantiates it.
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
        name: the module's.
        ports: in order.
        body: lines, each with its end.
        about: the lines of the comment before it.
        attribute: of the module, if any.
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
        module: its name.
        name: the instance's.
        connections: what each port is connected to.
        parameters: as SystemVerilog writes them.
    """
    given = f"#(\n{_by_name(parameters)}\n    ) " if parameters else ""
    return f"    {module} {given}{name} (\n{_by_name(connections)}\n    );\n"


def _by_name(values: Mapping[str, object]) -> str:
    return ",\n".join(f"        .{name}({value})" for name, value in values.items())
