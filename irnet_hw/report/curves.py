"""Draws curves as SVG pictures, coloured by the page's style sheet."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 10, 26, 34


@dataclass(frozen=True)
class Curve:
    """A curve of a picture.

    Attributes:
        name: what it shows; a browser displays this as a tooltip.
        css: its class in the style sheet, which sets its colour.
        x: ascending values.
        y: as many values as in ``x``.
        rings: indices of points to mark with a ring.
        dots: indices of points to mark with a dot.
    """

    name: str
    css: str
    x: Sequence[float]
    y: Sequence[float]
    rings: Sequence[int] = field(default=())
    dots: Sequence[int] = field(default=())


@dataclass(frozen=True)
class Axis:
    """A picture's vertical axis.

    Attributes:
        format: formats a value.
        log: whether it is logarithmic, to whole powers of ten; zeros are drawn at its lower end.
        low: its lower end; by default the smallest value, or the smallest above 0.
        high: its upper end; by default the largest value.
    """

    format: Callable[[float], str] = "{:g}".format
    log: bool = False
    low: float | None = None
    high: float | None = None


def draw(
    title: str,
    curves: Sequence[Curve],
    axis: Axis,
    *,
    x_label: str = "epoch",
    size: tuple[int, int] = (372, 230),
) -> Markup:
    """Return a picture of curves as an ``svg`` element.

    Args:
        title: the text above the curves.
        curves: at least one, each with at least one point.
        axis: the vertical axis.
        x_label: what the horizontal axis shows.
        size: width and height in user units; on a phone a unit is about a pixel.
    """
    width, height = size
    across = _Scale(
        *_widened(min(min(curve.x) for curve in curves), max(max(curve.x) for curve in curves)),
        _LEFT,
        width - _RIGHT,
    )
    down = _vertical(curves, axis, height)
    parts = [_text(title, _LEFT, 15, "svg-title")]
    for value in _decades(down) if axis.log else _steps(down.low, down.high, height // 40):
        at = down(value)
        parts.append(
            Markup('<line x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}" class="svg-grid"/>').format(
                _LEFT, at, width - _RIGHT, at
            )
        )
        parts.append(_text(axis.format(value), _LEFT - 5, at + 4, "svg-text svg-y"))
    for value in _steps(across.low, across.high, width // 70, whole=x_label == "epoch"):
        parts.append(_text(f"{value:g}", across(value), height - 19, "svg-text svg-x"))
    parts.append(_text(x_label, (_LEFT + width - _RIGHT) / 2, height - 4, "svg-text svg-x"))
    parts += [_curve(curve, across, down) for curve in curves]
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, height, title, Markup("").join(parts)
    )


@dataclass(frozen=True)
class _Scale:
    """Maps values in low..high to positions in start..end."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            low, high, value = (math.log10(each) for each in (low, high, max(value, low)))
        part = (value - low) / (high - low)
        return self.start + min(max(part, 0.0), 1.0) * (self.end - self.start)


def _vertical(curves: Sequence[Curve], axis: Axis, height: int) -> _Scale:
    values = [value for curve in curves for value in curve.y if value > 0 or not axis.log]
    low = min(values) if axis.low is None else axis.low
    high = max(values) if axis.high is None else axis.high
    if axis.log:
        low, high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))
        high = high if high > low else 10 * low
    else:
        low, high = _widened(low, high)
    return _Scale(low, high, height - _BOTTOM, _TOP, axis.log)


def _widened(low: float, high: float) -> tuple[float, float]:
    """Return a range that is not empty, even when printed with few digits."""
    if high - low > 1e-9 * max(abs(low), abs(high)):
        return low, high
    margin = 0.5 if low >= 1 else (abs(low) or 1.0) / 10
    return low - margin, high + margin


def _steps(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """Return at most about ``most`` round values in a range: multiples of 1, 2 or 5 times 10^n."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    step = max(step, 1.0) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def _decades(scale: _Scale) -> list[float]:
    """Return the powers of ten of a logarithmic scale, at most about six of them."""
    first, last = round(math.log10(scale.low)), round(math.log10(scale.high))
    return [10.0**i for i in range(first, last + 1, -(-(last - first) // 6) or 1)]


def _curve(curve: Curve, across: _Scale, down: _Scale) -> Markup:
    places = [(across(x), down(y)) for x, y in zip(curve.x, curve.y, strict=True)]
    # A single point has no line, so mark it with a dot.
    dots = curve.dots or ([0] if len(places) == 1 else [])
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    marks = [(i, "svg-ring", 4.5) for i in curve.rings] + [(i, "svg-dot", 3) for i in dots]
    return Markup('<g class="{}"><title>{}</title><polyline points="{}"/>{}</g>').format(
        curve.css,
        curve.name,
        line,
        Markup("").join(
            Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{}" class="{}"/>').format(
                *places[i], radius, css
            )
            for i, css, radius in marks
        ),
    )


def _text(text: str, x: float, y: float, css: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" class="{}">{}</text>').format(x, y, css, text)
