import itertools
import xml.etree.ElementTree as ElementTree

import pytest

from irnet_hw.report import facts, picture
from tests.report import example


@pytest.fixture
def svg(tmp_path):
    return ElementTree.fromstring(
        picture.draw(facts.gather(example.write_folder(tmp_path / "build")))
    )


def test_a_box_a_layer_in_order_from_the_top(svg):
    groups = svg.findall("g")
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


def test_long_texts_are_wrapped(tmp_path):
    content = facts.gather(example.write_folder(tmp_path / "build"))
    content["layers"][0]["text"] = "a rather long description of a layer " * 3
    group = ElementTree.fromstring(picture.draw(content)).find("g")
    titles = [text.text for text in group.findall("text[@class='svg-title']")]
    assert len(titles) == 3
    assert " ".join(titles) == content["layers"][0]["text"].strip()
