import xml.etree.ElementTree as ElementTree

from irnet_hw.report import facts, gantt
from tests.report import example


def drawn(tmp_path, **options):
    content = facts.gather(example.write_folder(tmp_path / "build", **options))
    return ElementTree.fromstring(gantt.draw_schedule(content))


def spans(row):
    """The start and the end of each bar of a row with one kernel, in cycles."""
    unit = (gantt._RIGHT - gantt._LEFT) / 179
    bars = [(float(bar.get("x")), float(bar.get("width"))) for bar in row.findall("g/rect")]
    return [(round((x - gantt._LEFT) / unit), round((x + w - gantt._LEFT) / unit)) for x, w in bars]


def test_bars_are_where_the_schedule_says(tmp_path):
    window, unit = drawn(tmp_path).findall("g")
    assert spans(window) == [(0, 150), (20, 150), (0, 153)]
    assert spans(unit) == [(20, 179), (178, 179), (10, 169)]
    assert [text.text for text in unit.findall("text")] == [
        "dense layer <&>, 16 to 2, 8 bits",
        "50%",
    ]
    assert unit.findtext("g/title") == (
        "IntMVAU_rtl_0: first beat in at 20, first out at 178, last out at 179 (model); "
        "first beat in at 10, first out at 168, last out at 169 (sim)"
    )


def test_before_simulation_there_is_the_model(tmp_path):
    window, _ = drawn(tmp_path, simulated=False).findall("g")
    assert spans(window) == [(0, 150), (20, 150)]


def test_lines_are_a_frame_apart(tmp_path):
    svg = drawn(tmp_path)
    assert [text.text for text in svg.findall("text")] == ["0", "144"]
    assert len(svg.findall("line")) == 2


def test_plumbing_is_left_out(tmp_path):
    content = facts.gather(example.write_folder(tmp_path / "build"))
    content["layers"][0]["plumbing"] = "FIFO"
    svg = ElementTree.fromstring(gantt.draw_schedule(content))
    assert len(svg.findall("g")) == 1


def test_kernels_that_repeat_share_a_row(tmp_path):
    content = facts.gather(example.write_folder(tmp_path / "build"))
    window, unit = content["layers"]
    content["layers"] = [window, {**unit, "outputs": [2]}, {**unit, "name": "last", "inputs": [2]}]
    between = example.fact([4, 4, 9], "UINT8", 8, 1, 1, 2)
    content["streams"] = [*content["streams"][:2], between, content["streams"][2]]
    svg = ElementTree.fromstring(gantt.draw_schedule(content))
    _, repeated = svg.findall("g")
    assert repeated.findtext("text") == "2 × dense layer <&>, 16 to 2, 8 bits"
    assert len(repeated.findall("g")) == 2
    tops = [float(bar.get("y")) for bar in repeated.findall("g/rect")]
    assert tops == sorted(tops)
    assert float(svg.get("viewBox").split()[3]) > max(tops) + 7


def test_a_line_at_the_right_edge_has_no_number(tmp_path):
    content = facts.gather(example.write_folder(tmp_path / "build"))
    content["throughput"]["cycles_per_frame"]["model"] = 170
    svg = ElementTree.fromstring(gantt.draw_schedule(content))
    assert [text.text for text in svg.findall("text")] == ["0"]
    assert len(svg.findall("line")) == 2
