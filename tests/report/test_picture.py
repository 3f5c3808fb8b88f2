import itertools
import re
import xml.etree.ElementTree as ElementTree

import pytest

from irnet_hw.report import facts, picture
from irnet_hw.report.condense import Box, Link
from tests.report import example


@pytest.fixture
def svg(tmp_path):
    return ElementTree.fromstring(
        picture.draw(facts.gather(example.write_folder(tmp_path / "build")))
    )


def test_a_box_a_layer_in_order_from_the_top(svg):
    groups = svg.findall("g[@class='svg-layer']")
    assert [group.findtext("title") for group in groups] == list(example.LAYERS)
    spans = []
    for group in groups:
        box = group.find("rect")
        top = float(box.get("y"))
        spans.append((top, top + float(box.get("height"))))
        for text in group.findall("text"):
            assert top < float(text.get("y")) < spans[-1][1]
    for (_, bottom), (top, _) in itertools.pairwise(spans):
        assert bottom + picture._ARROW == top
    _, _, width, height = (float(number) for number in svg.get("viewBox").split())
    assert width == picture.WIDTH
    assert spans[-1][1] < height


def test_streams_are_drawn_with_their_width(svg):
    assert len(svg.findall("line")) == 3
    assert [text.text for text in svg.findall("text")] == [
        "images 4 × 4 × 1",
        "UINT8, 8 bit",
        "UINT8, 8 bit",
        "INT16, 16 bit",
        "logits 2",
    ]


def test_only_the_bottleneck_is_marked(svg):
    marked = [group.findtext("title") for group in svg.findall("g/text[@class='svg-mark']/..")]
    assert marked == ["IntMVAU_rtl_0"]
    assert len(svg.findall(".//rect[@class='svg-box svg-bottleneck']")) == 1


def test_a_bottleneck_of_plumbing_is_marked_at_the_kernel_that_it_feeds(tmp_path):
    content = facts.gather(example.write_folder(tmp_path / "build"))
    content["layers"][0]["plumbing"] = "width converter"
    content["throughput"]["bottleneck"] = "SlidingWindow_rtl_0"
    (group,) = ElementTree.fromstring(picture.draw(content)).findall("g[@class='svg-layer']")
    assert group.find("text[@class='svg-mark']") is not None


def test_long_texts_are_wrapped(tmp_path):
    content = facts.gather(example.write_folder(tmp_path / "build"))
    content["layers"][0]["text"] = "a rather long description of a layer " * 3
    group = ElementTree.fromstring(picture.draw(content)).find("g")
    titles = [text.text for text in group.findall("text[@class='svg-title']")]
    assert len(titles) == 3
    assert " ".join(titles) == content["layers"][0]["text"].strip()


def branched(facts):
    """Add a layer and a stream from the first layer to it, which skips the second one."""
    streams, layers = facts["streams"], facts["layers"]
    bypass = example.fact([4, 4, 8], "INT8", 64, 8, 0, 2)
    facts["streams"] = [*streams[:2], bypass, {**streams[2], "target": 2}, streams[2]]
    facts["layers"] = [
        {**layers[0], "outputs": [1, 2]},
        {**layers[1], "inputs": [1], "outputs": [3]},
        {**layers[0], "name": "join", "inputs": [3, 2], "outputs": [4]},
    ]
    return facts


def test_a_stream_that_passes_a_layer_by_runs_on_a_rail(tmp_path):
    content = branched(facts.gather(example.write_folder(tmp_path / "build")))
    svg = ElementTree.fromstring(picture.draw(content))
    boxes = [group.find("rect") for group in svg.findall("g[@class='svg-layer']")]
    (rail,) = svg.findall("g[@class='svg-rail']")
    assert rail.findtext("title") == "8 × INT8, 64 bit"
    assert "← 8 × INT8, 64 bit" in [text.text for text in svg.findall("text")]
    x, out, column, into, back = map(float, re.findall(r"[\d.]+", rail.find("path").get("d")))
    assert {float(box.get("x")) for box in boxes} == {x} and column < back < x
    for box, y in ((boxes[0], out), (boxes[2], into)):
        assert 0 < y - float(box.get("y")) < float(box.get("height"))
    assert len(svg.findall("line")) == 4


def test_rails_that_meet_are_apart():
    sources = [[None], [0], [1], [2, 0], [3, 1], [4], [5, 4]]
    boxes = [Box([], [Link(source, {}) for source in links]) for links in sources]
    assert picture._rails(boxes) == {(0, 3, 1): 0, (1, 4, 1): 1, (4, 6, 1): 0}


def test_what_repeats_is_drawn_once_with_all_its_area(tmp_path):
    content = facts.gather(example.write_folder(tmp_path / "build"))
    fifo = {
        **content["layers"][0],
        "name": "fifo",
        "text": "FIFO of 9 beats",
        "plumbing": "FIFO",
        "parameters": {"depth": 9},
    }
    window, unit = content["layers"]
    content["layers"] = [
        window,
        {**unit, "name": "one", "outputs": [2]},
        {**fifo, "inputs": [2], "outputs": [3]},
        {**unit, "name": "two", "inputs": [3], "outputs": [4]},
    ]
    first, second, last = content["streams"]
    passing = [example.fact([4, 4, 9], "UINT8", 8, 1, place, place + 1) for place in (1, 2)]
    content["streams"] = [first, second, *passing, {**last, "source": 3}]
    svg = ElementTree.fromstring(picture.draw(content))
    groups = svg.findall("g[@class='svg-layer']")
    assert [group.findtext("title") for group in groups] == ["SlidingWindow_rtl_0", "one, two"]
    assert [text.text for text in groups[1].findall("text")][-2:] == [
        "2,600 LUT, 420 FF, 2 BRAM18, 4 DSP (synth)",
        "after FIFO of 9 beats: 1,300 LUT, 1 BRAM18",
    ]
    (repeat,) = svg.findall("g[@class='svg-repeat']")
    assert repeat.findtext("text") == "2 ×"


def test_several_fifos_are_counted():
    area = {"model": {"LUT": 5, "FF": 1, "BRAM18": 0, "DSP": 0}}
    fifos = [
        {"plumbing": "FIFO", "text": "FIFO", "parameters": {"depth": depth}, "area": area}
        for depth in (9, 64)
    ]
    fork = {"plumbing": "fork", "text": "fork: signs", "parameters": {}, "area": area}
    assert picture._plumbing([*fifos, fork]) == "2 FIFOs of up to 64 beats; fork: signs: 15 LUT"
