"""Draws the dataflow as an SVG picture: one box per kernel, top down, and the streams between them.

A stream to the next box is an arrow down; one that skips boxes runs on a rail to their left. A
chain that repeats is drawn once, with a bracket on its right.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from irnet_hw.report.condense import Box, Repeat, area, beat, boxes, kernels, kind_of

#: The picture's width in user units; on a phone a unit is about a pixel.
WIDTH = 372
_EDGE = 6
_LINE = 16
_ARROW = 30
_RAIL = 11
_BRACKET = 34
#: Characters per unit of width, in bold and in small letters.
_TITLE, _SMALL = 50 / 360, 58 / 360


class _Place(NamedTuple):
    """Where a box is; left and right are the same for all boxes."""

    left: float
    right: float
    top: float
    bottom: float


class _Way(NamedTuple):
    """A stream's route: the boxes at its ends, and its index among the target's inputs."""

    source: int
    target: int
    port: int


def draw(facts: dict[str, Any]) -> Markup:
    """Return the dataflow as an ``svg`` element, coloured by the page's style sheet.

    Args:
        facts: from :func:`irnet_hw.report.facts.gather`.
    """
    drawn, repeats = boxes(kernels(facts))
    rails = _rails(drawn)
    left = _EDGE + _RAIL * (max(rails.values(), default=-1) + 1)
    right = WIDTH - (_BRACKET if repeats else _EDGE)
    middle = (left + right) / 2
    packed = "" if facts["input"]["datatype"] == "UINT8" else ", packed by the driver"
    parts = [_text(middle, 14, f"images {_shape(facts['image'])}{packed}", "svg-end")]
    parts.append(_arrow(20, middle, facts["input"]))
    y = 20.0 + _ARROW
    busiest = facts["throughput"]["cycles_per_frame"]["model"]
    places = []
    for number, box in enumerate(drawn):
        is_bottleneck = any(
            kernel.holds(facts["throughput"]["bottleneck"]) for kernel in box.kernels
        )
        part, height = _box(box, y, left, right, busiest, is_bottleneck)
        places.append(_Place(left, right, y, y + height))
        parts.append(part)
        y += height
        following = drawn[number + 1] if number + 1 < len(drawn) else None
        if following is None:
            parts.append(_arrow(y, middle, facts["output"]))
        else:
            parts += [
                _arrow(y, middle, link.stream) for link in following.links if link.source == number
            ]
            passing = [
                beat(drawn[way.target].links[way.port].stream)
                for way in rails
                if way.source == number
            ]
            if passing:
                parts.append(_text(left + 4, y + _ARROW / 2 + 4, f"← {' · '.join(passing)}"))
        y += _ARROW
    parts += [_rail(way, rail, rails, drawn, places) for way, rail in rails.items()]
    parts += [_bracket(repeat, places) for repeat in repeats]
    parts.append(_text(middle, y + 12, f"logits {_shape(facts['output']['shape'])}", "svg-end"))
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="The dataflow, kernel by kernel">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" class="svg-tip"/></marker></defs>'
        "{}</svg>"
    ).format(WIDTH, round(y + 20), Markup("\n").join(parts))


def _rails(drawn: Sequence[Box]) -> dict[_Way, int]:
    """Return the rail of each stream that does not end at the next box; 0 is next to the boxes."""
    ways = [
        _Way(link.source, target, port)
        for target, box in enumerate(drawn)
        for port, link in enumerate(box.links)
        if link.source is not None and target > link.source + 1
    ]
    found: dict[_Way, int] = {}
    taken: list[int] = []  # for each rail, the box down to which it is in use
    for way in sorted(ways):
        free = next((rail for rail, end in enumerate(taken) if end < way.source), len(taken))
        taken[free : free + 1] = [way.target]
        found[way] = free
    return found


def _rail(
    way: _Way, rail: int, ways: Mapping[_Way, int], drawn: Sequence[Box], places: Sequence[_Place]
) -> Markup:
    """Draw a stream that skips boxes: out of the lower half of one, into another's upper half."""
    start, end = places[way.source], places[way.target]
    leaving = [other for other in ways if other.source == way.source]
    ports = len(drawn[way.target].links)
    out = start.bottom - (start.bottom - start.top) / 2 * _part(leaving.index(way), len(leaving))
    into = end.top + (end.bottom - end.top) / 2 * _part(way.port, ports)
    return Markup(
        '<g class="svg-rail"><title>{}</title>'
        '<path d="M{} {}H{}V{}H{}" class="svg-wire" marker-end="url(#tip)"/></g>'
    ).format(
        beat(drawn[way.target].links[way.port].stream),
        start.left,
        round(out, 1),
        start.left - _RAIL * (rail + 0.7),
        round(into, 1),
        start.left - 1,
    )


def _part(place: int, count: int) -> float:
    """Return the relative position of one of ``count`` evenly spaced places."""
    return (place + 1) / (count + 1)


def _bracket(repeat: Repeat, places: Sequence[_Place]) -> Markup:
    """Draw how often a chain of boxes repeats."""
    top, bottom = places[repeat.first].top, places[repeat.last - 1].bottom
    right = places[0].right
    return Markup('<g class="svg-repeat"><path d="M{} {}h6V{}h-6" class="svg-wire"/>{}</g>').format(
        right + 3,
        top,
        bottom,
        _text(right + 12, (top + bottom) / 2 + 4, f"{repeat.times} ×", "svg-times"),
    )


def _box(
    box: Box, y: float, left: float, right: float, busiest: int, is_bottleneck: bool
) -> tuple[Markup, float]:
    """Draw a box; it shows the area of all its kernels together."""
    first = box.kernels[0].layer
    fold = ", ".join(f"{name} {value}" for name, value in sorted(first["fold"].items()))
    cycles = first["cycles"]["model"]
    lines = [
        ("svg-title", line) for line in textwrap.wrap(first["text"], int((right - left) * _TITLE))
    ]
    lines.append(("svg-text", " · ".join(filter(None, [first["op"], fold, f"{cycles:,} cycles"]))))
    lines.append(("svg-text", _area([kernel.layer for kernel in box.kernels])))
    before = [layer for kernel in box.kernels for layer in kernel.before]
    if before:
        text = f"after {_plumbing(before)}"
        lines += [("svg-small", line) for line in textwrap.wrap(text, int((right - left) * _SMALL))]
    if is_bottleneck:
        lines.append(("svg-mark", "bottleneck"))
    height = 16 + _LINE * len(lines)
    parts = [
        Markup(
            '<g class="svg-layer"><title>{}</title>'
            '<rect x="{}" y="{}" width="{}" height="{}" rx="6" class="{}"/>'
        ).format(
            ", ".join(kernel.layer["name"] for kernel in box.kernels),
            left,
            y,
            right - left,
            height,
            "svg-box svg-bottleneck" if is_bottleneck else "svg-box",
        )
    ]
    for row, (css, text) in enumerate(lines):
        parts.append(_text(left + 10, y + 17 + _LINE * row, text, css))
    parts.append(
        Markup('<rect x="{}" y="{}" width="{}" height="3" rx="1.5" class="{}"/>').format(
            left + 10,
            y + height - 7,
            round((right - left - 20) * cycles / busiest, 1),
            "svg-busy svg-busiest" if is_bottleneck else "svg-busy",
        )
    )
    parts.append(Markup("</g>"))
    return Markup("").join(parts), height


def _area(layers: Sequence[Mapping[str, Any]]) -> str:
    kind = kind_of(layers[0])
    used = ", ".join(f"{value:,} {name}" for name, value in area(layers, kind).items() if value)
    return f"{used or 'no area'} ({kind})"


def _plumbing(layers: Sequence[Mapping[str, Any]]) -> str:
    """Return the plumbing and its area in words: "2 FIFOs of up to 64 beats; fork: 45 LUT"."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for layer in layers:
        kinds.setdefault(layer["plumbing"], []).append(layer)
    found = "; ".join(_several(kind, alike) for kind, alike in kinds.items())
    used = area(layers, kind_of(layers[0]))
    sizes = ", ".join(f"{used[name]:,} {name}" for name in ("LUT", "BRAM18") if used[name])
    return f"{found}: {sizes}" if sizes else found


def _several(kind: str, layers: Sequence[Mapping[str, Any]]) -> str:
    """Return plumbing of one kind in words."""
    if len(layers) == 1:
        return str(layers[0]["text"])
    depths = [layer["parameters"]["depth"] for layer in layers if "depth" in layer["parameters"]]
    return f"{len(layers)} {kind}s" + (f" of up to {max(depths):,} beats" if depths else "")


def _arrow(y: float, middle: float, stream: Mapping[str, Any]) -> Markup:
    line = '<line x1="{}" y1="{}" x2="{}" y2="{}" class="svg-wire" marker-end="url(#tip)"/>'
    return Markup(line).format(middle, y + 1, middle, y + _ARROW - 1) + _text(
        middle + 10, y + _ARROW / 2 + 4, beat(stream)
    )


def _text(x: float, y: float, text: str, css: str = "svg-small") -> Markup:
    return Markup('<text x="{}" y="{}" class="{}">{}</text>').format(x, y, css, text)


def _shape(sizes: Sequence[int]) -> str:
    return " × ".join(map(str, sizes))
