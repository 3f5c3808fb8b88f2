"""The pipeline as an SVG picture: a box a layer, top down, and the streams between them."""

import textwrap
from typing import Any

from markupsafe import Markup

#: The picture's width in units of its own; on a phone a unit is about a pixel.
WIDTH = 372
_BOX = 360
_LEFT = (WIDTH - _BOX) / 2
_LINE = 16
_ARROW = 30
_PLUMBING = frozenset({"RegisterSlice", "StreamFIFO", "WidthConverter"})


def draw(facts: dict[str, Any]) -> Markup:
    """Return the pipeline as an ``svg`` element, coloured by the page's style sheet.

    Args:
        facts: from :func:`irnet_hw.report.facts.gather`.
    """
    source = facts["input"]
    parts = [_label(f"images {_shape(source)}", 14, "svg-end"), _arrow(20, source)]
    y = 20.0 + _ARROW
    busiest = max((layer["cycles"]["model"] for layer in facts["layers"]), default=1)
    for layer in facts["layers"]:
        is_bottleneck = layer["name"] == facts["throughput"]["bottleneck"]
        box, height = _layer(layer, y, layer["cycles"]["model"] / busiest, is_bottleneck)
        parts += [box, _arrow(y + height, layer["output"])]
        y += height + _ARROW
    parts.append(_label(f"logits {_shape(facts['output'])}", y + 12, "svg-end"))
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="The pipeline, layer by layer">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" class="svg-tip"/></marker></defs>'
        "{}</svg>"
    ).format(WIDTH, round(y + 20), Markup("\n").join(parts))


def area_kind(layer: dict[str, Any]) -> str:
    """Return the best kind of area that is known of a layer: synth, else model."""
    return "synth" if "synth" in layer["area"] else "model"


def _layer(
    layer: dict[str, Any], y: float, busy: float, is_bottleneck: bool
) -> tuple[Markup, float]:
    kind = area_kind(layer)
    fold = ", ".join(f"{name} {value}" for name, value in sorted(layer["fold"].items()))
    used = ", ".join(f"{value:,} {name}" for name, value in layer["area"][kind].items() if value)
    area = f"{used or 'no area'} ({kind})"
    cycles = f"{layer['cycles']['model']:,} cycles"
    if layer["op"] in _PLUMBING:
        lines = [("svg-small", text) for text in textwrap.wrap(f"{layer['text']}: {area}", 58)]
    else:
        lines = [("svg-title", text) for text in textwrap.wrap(layer["text"], 50)]
        lines += [
            ("svg-text", " · ".join(filter(None, [layer["op"], fold, cycles]))),
            ("svg-text", area),
        ]
    height = 10 + _LINE * len(lines) + (6 if layer["op"] not in _PLUMBING else 0)
    css = "svg-box svg-plumbing" if layer["op"] in _PLUMBING else "svg-box"
    parts = [
        Markup(
            '<g><title>{}</title><rect x="{}" y="{}" width="{}" height="{}" rx="6" class="{}"/>'
        ).format(
            layer["name"],
            _LEFT,
            y,
            _BOX,
            height,
            css + (" svg-bottleneck" if is_bottleneck else ""),
        )
    ]
    for row, (css, text) in enumerate(lines):
        parts.append(
            Markup('<text x="{}" y="{}" class="{}">{}</text>').format(
                _LEFT + 10, y + 17 + _LINE * row, css, text
            )
        )
    if is_bottleneck:
        parts.append(
            Markup('<text x="{}" y="{}" class="svg-mark">bottleneck</text>').format(
                _LEFT + _BOX - 10, y + height - 12
            )
        )
    if layer["op"] not in _PLUMBING:
        parts.append(
            Markup('<rect x="{}" y="{}" width="{}" height="3" rx="1.5" class="{}"/>').format(
                _LEFT + 10,
                y + height - 7,
                round((_BOX - 20) * busy, 1),
                "svg-busy svg-busiest" if is_bottleneck else "svg-busy",
            )
        )
    parts.append(Markup("</g>"))
    return Markup("").join(parts), height


def _arrow(y: float, stream: dict[str, Any]) -> Markup:
    lanes, datatype = stream["lanes"], stream["datatype"]
    text = (
        f"{lanes} × {datatype}, {stream['bits']} bit"
        if lanes > 1
        else f"{datatype}, {stream['bits']} bit"
    )
    middle = WIDTH / 2
    return Markup(
        '<line x1="{}" y1="{}" x2="{}" y2="{}" class="svg-wire" marker-end="url(#tip)"/>'
        '<text x="{}" y="{}" class="svg-small">{}</text>'
    ).format(middle, y + 1, middle, y + _ARROW - 1, middle + 10, y + _ARROW / 2 + 4, text)


def _label(text: str, y: float, css: str) -> Markup:
    return Markup('<text x="{}" y="{}" class="{}">{}</text>').format(WIDTH / 2, y, css, text)


def _shape(stream: dict[str, Any]) -> str:
    return " × ".join(str(size) for size in stream["shape"])
