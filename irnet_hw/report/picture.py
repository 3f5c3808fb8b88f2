"""The dataflow as an SVG picture: a box a layer, top down, and the streams between them.

A stream to the next box is an arrow down; one that passes boxes by runs on a rail at their left.
"""

import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

from markupsafe import Markup

#: The picture's width in units of its own; on a phone a unit is about a pixel.
WIDTH = 372
#: What only hands streams on.
PLUMBING = frozenset({"RegisterSlice", "StreamFIFO", "StreamFork", "WidthConverter"})
_RIGHT = 366
_LINE = 16
_ARROW = 30
_RAIL = 11
#: Characters that fit into so many units, in bold and in small letters.
_TITLE, _SMALL = 50 / 360, 58 / 360


class _Box(NamedTuple):
    """Where a layer is."""

    top: float
    bottom: float


def draw(facts: dict[str, Any]) -> Markup:
    """Return the dataflow as an ``svg`` element, coloured by the page's style sheet.

    Args:
        facts: from :func:`irnet_hw.report.facts.gather`.
    """
    streams, layers = facts["streams"], facts["layers"]
    rails = _rails(streams)
    left = WIDTH - _RIGHT + _RAIL * (max(rails.values(), default=-1) + 1)
    parts = [_label(f"images {_shape(facts['input'])}", (left + _RIGHT) / 2, 14)]
    parts.append(_arrow(20, left, facts["input"]))
    y = 20.0 + _ARROW
    busiest = max((layer["cycles"]["model"] for layer in layers), default=1)
    boxes = []
    for layer in layers:
        is_bottleneck = layer["name"] == facts["throughput"]["bottleneck"]
        busy = layer["cycles"]["model"] / busiest
        drawn, height = _layer(layer, y, left, busy, is_bottleneck)
        boxes.append(_Box(y, y + height))
        y += height
        parts.append(drawn)
        passing = [_beat(streams[i]) for i in layer["outputs"] if i in rails]
        parts += [_arrow(y, left, streams[i]) for i in layer["outputs"] if i not in rails]
        if passing:
            parts.append(_text(left + 4, y + _ARROW / 2 + 4, f"← {' · '.join(passing)}"))
        y += _ARROW
    parts += [_rail(i, rail, left, streams, layers, boxes) for i, rail in rails.items()]
    parts.append(_label(f"logits {_shape(facts['output'])}", (left + _RIGHT) / 2, y + 12))
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="The dataflow, layer by layer">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" class="svg-tip"/></marker></defs>'
        "{}</svg>"
    ).format(WIDTH, round(y + 20), Markup("\n").join(parts))


def area_kind(layer: dict[str, Any]) -> str:
    """Return the best kind of area that is known of a layer: synth, else model."""
    return "synth" if "synth" in layer["area"] else "model"


def _rails(streams: list[dict[str, Any]]) -> dict[int, int]:
    """Return the rail of each stream that does not end at the next box, 0 next to the boxes."""
    found: dict[int, int] = {}
    taken: list[int] = []  # for each rail, the box down to which it is in use
    for i, stream in enumerate(streams):
        source, target = stream["source"], stream["target"]
        if source is None or target is None or target == source + 1:
            continue
        free = next((rail for rail, end in enumerate(taken) if end < source), len(taken))
        taken[free : free + 1] = [target]
        found[i] = free
    return found


def _rail(
    i: int,
    rail: int,
    left: float,
    streams: list[dict[str, Any]],
    layers: list[dict[str, Any]],
    boxes: list[_Box],
) -> Markup:
    """Draw a stream that passes boxes by: out of the lower half of one, into another's upper."""
    stream = streams[i]
    start, end = boxes[stream["source"]], boxes[stream["target"]]
    outputs, inputs = layers[stream["source"]]["outputs"], layers[stream["target"]]["inputs"]
    out = start.bottom - (start.bottom - start.top) / 2 * _part(outputs, i)
    into = end.top + (end.bottom - end.top) / 2 * _part(inputs, i)
    return Markup(
        '<g class="svg-rail"><title>{}</title>'
        '<path d="M{} {}H{}V{}H{}" class="svg-wire" marker-end="url(#tip)"/></g>'
    ).format(
        _beat(stream), left, round(out, 1), left - _RAIL * (rail + 0.7), round(into, 1), left - 1
    )


def _part(streams: list[int], i: int) -> float:
    """Return how far between the ends a stream has its place among others."""
    return (streams.index(i) + 1) / (len(streams) + 1)


def _layer(
    layer: dict[str, Any], y: float, left: float, busy: float, is_bottleneck: bool
) -> tuple[Markup, float]:
    kind = area_kind(layer)
    box = _RIGHT - left
    fold = ", ".join(f"{name} {value}" for name, value in sorted(layer["fold"].items()))
    used = ", ".join(f"{value:,} {name}" for name, value in layer["area"][kind].items() if value)
    area = f"{used or 'no area'} ({kind})"
    cycles = f"{layer['cycles']['model']:,} cycles"
    if layer["op"] in PLUMBING:
        text = f"{layer['text']}: {area}"
        lines = [("svg-small", line) for line in textwrap.wrap(text, int(box * _SMALL))]
    else:
        lines = [("svg-title", line) for line in textwrap.wrap(layer["text"], int(box * _TITLE))]
        lines += [
            ("svg-text", " · ".join(filter(None, [layer["op"], fold, cycles]))),
            ("svg-text", area),
        ]
    height = 10 + _LINE * len(lines) + (6 if layer["op"] not in PLUMBING else 0)
    css = "svg-box svg-plumbing" if layer["op"] in PLUMBING else "svg-box"
    parts = [
        Markup(
            '<g class="svg-layer"><title>{}</title>'
            '<rect x="{}" y="{}" width="{}" height="{}" rx="6" class="{}"/>'
        ).format(
            layer["name"], left, y, box, height, css + (" svg-bottleneck" if is_bottleneck else "")
        )
    ]
    for row, (css, text) in enumerate(lines):
        parts.append(_text(left + 10, y + 17 + _LINE * row, text, css))
    if is_bottleneck:
        parts.append(_text(_RIGHT - 10, y + height - 12, "bottleneck", "svg-mark"))
    if layer["op"] not in PLUMBING:
        parts.append(
            Markup('<rect x="{}" y="{}" width="{}" height="3" rx="1.5" class="{}"/>').format(
                left + 10,
                y + height - 7,
                round((box - 20) * busy, 1),
                "svg-busy svg-busiest" if is_bottleneck else "svg-busy",
            )
        )
    parts.append(Markup("</g>"))
    return Markup("").join(parts), height


def _arrow(y: float, left: float, stream: dict[str, Any]) -> Markup:
    middle = (left + _RIGHT) / 2
    line = '<line x1="{}" y1="{}" x2="{}" y2="{}" class="svg-wire" marker-end="url(#tip)"/>'
    return Markup(line).format(middle, y + 1, middle, y + _ARROW - 1) + _text(
        middle + 10, y + _ARROW / 2 + 4, _beat(stream)
    )


def _text(x: float, y: float, text: str, css: str = "svg-small") -> Markup:
    return Markup('<text x="{}" y="{}" class="{}">{}</text>').format(x, y, css, text)


def _label(text: str, x: float, y: float) -> Markup:
    return _text(x, y, text, "svg-end")


def _beat(stream: Mapping[str, Any]) -> str:
    lanes = f"{stream['lanes']} × " if stream["lanes"] > 1 else ""
    return f"{lanes}{stream['datatype']}, {stream['bits']} bit"


def _shape(stream: Mapping[str, Any]) -> str:
    return " × ".join(str(size) for size in stream["shape"])
