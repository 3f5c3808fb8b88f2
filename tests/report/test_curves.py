import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.report.curves import Axis, Curve, draw

values = st.floats(-1e6, 1e6)


def picture(curves, axis, **options):
    return ElementTree.fromstring(draw("title", curves, axis, **options))


def places(svg, number=0):
    line = svg.findall("g/polyline")[number].get("points")
    return [tuple(float(part) for part in place.split(",")) for place in line.split()]


def labels(svg, css):
    return [text.text for text in svg.findall("text") if text.get("class") == f"svg-text {css}"]


@given(st.lists(st.lists(values, min_size=1, max_size=9), min_size=1, max_size=3), st.booleans())
def test_everything_lies_within_and_in_order(ys, log):
    curves = [Curve(str(i), "run0", range(1, len(y) + 1), y) for i, y in enumerate(ys)]
    axis = Axis(log=log, low=1e-3, high=10.0) if log else Axis()
    svg = picture(curves, axis)
    _, _, width, height = (float(number) for number in svg.get("viewBox").split())
    for i, curve in enumerate(curves):
        found = places(svg, i)
        assert len(found) == len(curve.y)
        assert all(0 <= x <= width and 0 <= y <= height for x, y in found)
        assert [x for x, _ in found] == sorted(x for x, _ in found)


def test_higher_values_are_drawn_higher():
    (_, first), (_, second), (_, third) = places(
        picture([Curve("a", "run0", [1, 2, 3], [0.0, 1.0, 0.5])], Axis())
    )
    assert first > third > second
    assert third == pytest.approx((first + second) / 2, abs=0.1)


def test_a_logarithmic_axis_has_whole_decades_and_0_at_its_end():
    svg = picture([Curve("a", "run0", [1, 2, 3, 4], [0.0, 0.02, 0.2, 2.0])], Axis(log=True))
    assert labels(svg, "svg-y") == ["0.01", "0.1", "1", "10"]
    zero, low, middle, high = (y for _, y in places(svg))
    assert zero > low > middle > high
    assert low - middle == pytest.approx(middle - high, abs=0.15)


def test_ticks_are_round():
    svg = picture([Curve("a", "run0", [1, 400], [0.0, 2.3])], Axis())
    assert labels(svg, "svg-y") == ["0", "0.5", "1", "1.5", "2"]
    assert labels(svg, "svg-x") == ["100", "200", "300", "400", "epoch"]


def test_epochs_are_whole():
    svg = picture([Curve("a", "run0", [1, 2], [0.0, 1.0])], Axis())
    assert labels(svg, "svg-x") == ["1", "2", "epoch"]


def test_a_single_point_is_a_dot():
    svg = picture([Curve("a", "run0", [1], [0.5])], Axis(low=0))
    assert [mark.get("class") for mark in svg.findall("g/circle")] == ["svg-dot"]
    assert labels(svg, "svg-x") == ["1", "epoch"]


def test_marks_lie_on_their_points():
    svg = picture([Curve("a", "run0", [1, 2, 3], [1, 3, 2], rings=[1], dots=[2])], Axis())
    ring, dot = svg.findall("g/circle")
    assert (ring.get("class"), dot.get("class")) == ("svg-ring", "svg-dot")
    found = places(svg)
    for mark, place in ((ring, found[1]), (dot, found[2])):
        assert (float(mark.get("cx")), float(mark.get("cy"))) == place


def test_names_are_escaped_and_shown():
    svg = picture([Curve("<a> & b", "run3 dashed", [1, 2], [0, 1])], Axis())
    (group,) = svg.findall("g")
    assert group.findtext("title") == "<a> & b"
    assert group.get("class") == "run3 dashed"
