"""The first frame's way through the layers as an SVG picture: a bar a layer over the cycles."""

import textwrap
from math import ceil
from typing import Any

from markupsafe import Markup

from irnet_hw.report.picture import PLUMBING, WIDTH

_LEFT, _RIGHT = 6, WIDTH - 6
_ROW = 29
_TOP = 18
#: So many lines at most show when the next frames would come.
_LINES = 12


def draw_schedule(facts: dict[str, Any]) -> Markup:
    """Return the schedule as an ``svg`` element, coloured by the page's style sheet.

    Args:
        facts: from :func:`irnet_hw.report.facts.gather`.
    """
    layers = [layer for layer in facts["layers"] if layer["op"] not in PLUMBING]
    frame = facts["throughput"]["cycles_per_frame"]["model"]
    ends = [times["last_out"] for layer in layers for times in layer["schedule"].values()]
    scale = (_RIGHT - _LEFT) / max(*ends, frame)
    height = _TOP + _ROW * len(layers)
    step = frame * ceil(max(*ends, frame) / frame / _LINES)
    parts = [_line(_LEFT + cycle * scale, cycle, height) for cycle in range(0, max(ends), step)]
    for row, layer in enumerate(layers):
        is_bottleneck = layer["name"] == facts["throughput"]["bottleneck"]
        parts.append(_bar(layer, _TOP + row * _ROW, scale, is_bottleneck))
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="When each layer works">{}</svg>'
    ).format(WIDTH, height, Markup("\n").join(parts))


def _line(x: float, cycle: int, height: int) -> Markup:
    number = Markup('<text x="{}" y="11" class="svg-small">{:,}</text>').format(x + 3, cycle)
    line = Markup('<line x1="{}" y1="0" x2="{}" y2="{}" class="svg-frame"/>')
    return line.format(round(x, 1), round(x, 1), height) + number


def _bar(layer: dict[str, Any], y: float, scale: float, is_bottleneck: bool) -> Markup:
    times = layer["schedule"]["model"]
    text = textwrap.shorten(layer["text"], 52, placeholder="…")
    out = "svg-hot" if is_bottleneck else "svg-out"
    parts = [
        Markup("<g><title>{}</title>").format(f"{layer['name']}: {_said(layer)}"),
        Markup('<text x="{}" y="{}" class="svg-text">{}</text>').format(_LEFT, y + 11, text),
        Markup('<text x="{}" y="{}" class="svg-right">{:.0%}</text>').format(
            _RIGHT, y + 11, layer["busy"]["model"]
        ),
        _rect(times["first_in"], times["last_out"], y + 15, 7, scale, "svg-span"),
        _rect(times["first_out"], times["last_out"], y + 15, 7, scale, out),
    ]
    if "sim" in layer["schedule"]:
        times = layer["schedule"]["sim"]
        parts.append(_rect(times["first_in"], times["last_out"], y + 23, 2, scale, "svg-sim"))
    return Markup("").join([*parts, Markup("</g>")])


def _rect(start: int, end: int, y: float, height: int, scale: float, css: str) -> Markup:
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}"/>').format(
        round(_LEFT + start * scale, 1), y, round(max(1.0, (end - start) * scale), 1), height, css
    )


def _said(layer: dict[str, Any]) -> str:
    return "; ".join(
        f"first beat in at {times['first_in']:,}, first out at {times['first_out']:,}, "
        f"last out at {times['last_out']:,} ({kind})"
        for kind, times in layer["schedule"].items()
    )
