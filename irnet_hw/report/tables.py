"""The tables of a build's report, with repeated entries summed up."""

from collections.abc import Iterable
from typing import Any

from irnet_hw.report.condense import Facts, area, kernels


def doubling(facts: Facts) -> list[dict[str, Any]]:
    """Return a row for each resource: how much is used now and at about twice the rate."""
    twice = facts["throughput"]["next_doubling"]
    if twice is None:
        return []
    return [
        {
            "title": entry["title"],
            "now": entry["model"],
            "then": twice["area"][name],
            "usable": entry["usable"],
        }
        for name, entry in facts["area"].items()
    ]


def ops(facts: Facts) -> list[dict[str, Any]]:
    """Return a row for each op: how many layers it has, and their total area."""
    rows = []
    for op, layers in _grouped((layer["op"], layer) for layer in facts["layers"]).items():
        kinds = [kind for kind in ("model", "synth") if all(kind in one["area"] for one in layers)]
        areas = {kind: area(layers, kind) for kind in kinds}
        rows.append({"op": op, "count": len(layers), "area": areas})
    return sorted(rows, key=lambda row: -row["area"]["model"]["LUT"])


def layers(facts: Facts) -> list[dict[str, Any]]:
    """Return a row for each kernel, with the LUTs of the plumbing in front of it listed apart."""
    return [
        {
            **kernel.layer,
            "before": {
                kind: area(kernel.before, kind).get("LUT", 0) for kind in kernel.layer["area"]
            },
        }
        for kernel in kernels(facts)
    ]


def compared(facts: Facts) -> list[dict[str, Any]]:
    """Return a row for each op and reference: how many streams and values were compared."""
    op_of = {layer["name"]: layer["op"] for layer in facts["layers"]}
    tensors = facts["proof"]["tensors"] if facts["proof"] else []
    pairs = _grouped(((op_of[one["layer"]], one["against"]), one) for one in tensors)
    return [
        {
            "op": op,
            "against": against,
            "count": len(found),
            "values": sum(one["values"] for one in found),
            "differences": sum(one["differences"] for one in found),
        }
        for (op, against), found in pairs.items()
    ]


def _grouped(pairs: Iterable[tuple[Any, Facts]]) -> dict[Any, list[Facts]]:
    """Group values by key, in the order in which the keys first appear."""
    found: dict[Any, list[Facts]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
