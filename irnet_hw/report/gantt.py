"""Draws the first frame's way through the kernels as an SVG picture: bars over the cycles.

Each row is a box of the dataflow's picture, with a bar for each kernel in it.
"""

import textwrap
from math import ceil
from typing import Any

from markupsafe import Markup

from irnet_hw.report.condense import Box, Facts, boxes, kernels
from irnet_hw.report.picture import WIDTH

_LEFT, _RIGHT = 6, WIDTH - 6
_HEAD, _BAR, _GAP = 15, 9, 5
_TOP = 18
#: The width of a line's number.
_NUMBER = 44
#: At most this many lines show when the next frames would come.
_LINES = 12


def draw_schedule(facts: dict[str, Any]) -> Markup:
    """Return the schedule as an ``svg`` element, coloured by the page's style sheet.

    Args:
        facts: from :func:`irnet_hw.report.facts.gather`.
    """
    chain = kernels(facts)
    frame = facts["throughput"]["cycles_per_frame"]["model"]
    ends = [times["last_out"] for kernel in chain for times in kernel.layer["schedule"].values()]
    scale = (_RIGHT - _LEFT) / max(*ends, frame)
    rows, y = [], _TOP
    for box in boxes(chain)[0]:
        rows.append(_row(box, y, scale, facts["throughput"]["bottleneck"]))
        y += _HEAD + _BAR * len(box.kernels) + _GAP
    step = frame * ceil(max(*ends, frame) / frame / _LINES)
    lines = [_line(_LEFT + cycle * scale, cycle, y) for cycle in range(0, max(ends), step)]
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="When each kernel works">{}</svg>'
    ).format(WIDTH, y, Markup("\n").join(lines + rows))


def _line(x: float, cycle: int, height: int) -> Markup:
    line = Markup('<line x1="{}" y1="0" x2="{}" y2="{}" class="svg-frame"/>')
    drawn = line.format(round(x, 1), round(x, 1), height)
    if x > _RIGHT - _NUMBER:
        return drawn
    return drawn + Markup('<text x="{}" y="11" class="svg-small">{:,}</text>').format(x + 3, cycle)


def _row(box: Box, y: int, scale: float, bottleneck: str) -> Markup:
    times = f"{len(box.kernels)} × " if len(box.kernels) > 1 else ""
    text = textwrap.shorten(times + box.kernels[0].layer["text"], 52, placeholder="…")
    busy = max(kernel.layer["busy"]["model"] for kernel in box.kernels)
    parts = [
        Markup('<text x="{}" y="{}" class="svg-text">{}</text>').format(_LEFT, y + 11, text),
        Markup('<text x="{}" y="{}" class="svg-right">{:.0%}</text>').format(_RIGHT, y + 11, busy),
    ]
    for number, kernel in enumerate(box.kernels):
        out = "svg-hot" if kernel.holds(bottleneck) else "svg-out"
        parts.append(_bar(kernel.layer, y + _HEAD + number * _BAR, scale, out))
    return Markup('<g class="svg-row">{}</g>').format(Markup("").join(parts))


def _bar(layer: Facts, y: int, scale: float, out: str) -> Markup:
    times = layer["schedule"]["model"]
    parts = [
        Markup("<g><title>{}</title>").format(f"{layer['name']}: {_said(layer)}"),
        _rect(times["first_in"], times["last_out"], y, 5, scale, "svg-span"),
        _rect(times["first_out"], times["last_out"], y, 5, scale, out),
    ]
    if "sim" in layer["schedule"]:
        times = layer["schedule"]["sim"]
        parts.append(_rect(times["first_in"], times["last_out"], y + 5, 2, scale, "svg-sim"))
    return Markup("").join([*parts, Markup("</g>")])


def _rect(start: int, end: int, y: float, height: int, scale: float, css: str) -> Markup:
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}"/>').format(
        round(_LEFT + start * scale, 1), y, round(max(1.0, (end - start) * scale), 1), height, css
    )


def _said(layer: Facts) -> str:
    return "; ".join(
        f"first beat in at {times['first_in']:,}, first out at {times['first_out']:,}, "
        f"last out at {times['last_out']:,} ({kind})"
        for kind, times in layer["schedule"].items()
    )
