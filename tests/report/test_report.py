import html.parser
import json
import re
from dataclasses import replace

import pytest

from irnet_hw.artifact.manifest import Folding, own_digest
from irnet_hw.errors import UserError
from irnet_hw.form import plain
from irnet_hw.report.accelerator import write
from tests.report import example


class Page(html.parser.HTMLParser):
    """A page's text, and a check that its elements open and close correctly."""

    VOID = frozenset({"meta", "img", "link", "br", "input", "rect", "line", "path"})

    def __init__(self, path):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(path.read_text())
        self.close()
        assert self.open == []
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)


def written(folder):
    page, data = write(folder)
    assert (page, data) == (folder / "report.html", folder / "report.json")
    return Page(page), json.loads(data.read_text())


def test_whole_report(tmp_path):
    page, data = written(example.write_folder(tmp_path / "build"))
    verdict = (
        "Bit-exact: 4 images, 8 logits, "
        "0 differences; between layers 1,152 values of 4 images, 0 differences."
    )
    assert data["verdict"] == {"bit_exact": True, "text": verdict}
    for text in (
        "tiny on pynq-z2",
        verdict,
        "694,444 frames/s model 694,444 frames/s sim",
        "144 cycles model 144 cycles sim",
        "1.8 µs model 1.7 µs sim",
        "144 cycles per frame model , the same as 1 other kernel.",
        "The next doubling, to 1,388,889 frames per second, fits this board model",
        "is at most 1.2 % above the lower bound for any choice model .",
        "LUTs 2,468 4,936 42,560",
        "LUTs, of 53,200; 10,640 of them are reserved for the shell and for routing",
        "IntMVAU 1 1,234 200 0 2 model 1,300 210 1 2 synth",
        "IntMVAU_rtl_0 144 50 % 1,234",
        "to its last logit: 180 cycles model",
        "to its last logit: 170 cycles sim",
        "Accuracy: RTL, simulated 75.00 % of 4 images",
        "2,468 model 2,600 synth",
        "dense layer <&>, 16 to 2, 8 bits",
        "IntMVAU · PE 2, SIMD 1 · 144 cycles",
        "1,300 LUT, 210 FF, 1 BRAM18, 2 DSP (synth)",
        "PyTorch, after training 75.00 % 4",
        "<dog> ✗ is cat",
        '"epochs": 3',
        example.manifest().hashes.model,
    ):
        assert text in page.text
    assert data["throughput"] == {
        "cycles_per_frame": {"model": 144, "sim": 144.0},
        "frames_per_second": {"model": 1e8 / 144, "sim": 1e8 / 144},
        "latency_cycles": {"model": 180, "sim": 170},
        "latency_us": {"model": 1.8, "sim": 1.7},
        "bottleneck": "IntMVAU_rtl_0",
        "next_doubling": plain(example.manifest().next_doubling),
    }
    assert data["layers"][0]["schedule"] == {
        "model": {"first_in": 0, "first_out": 20, "last_out": 150},
        "sim": {"first_in": 0, "first_out": 10, "last_out": 153},
    }
    assert [layer["waiting"] for layer in data["layers"]] == [{"sim": 0.25}, {"sim": 0.5}]
    assert [layer["busy"]["model"] for layer in data["layers"]] == [1, 0.5]
    assert data["area"]["LUT"] == {
        "title": "LUTs",
        "board": 53200,
        "usable": 42560,
        "model": 2468,
        "synth": 2600,
    }


def test_differences_are_said_first(tmp_path):
    page, data = written(example.write_folder(tmp_path / "build", differences=3))
    verdict = (
        "NOT bit-exact: 4 images, 8 logits, "
        "3 differences; between layers 1,152 values of 4 images, 0 differences."
    )
    assert data["verdict"] == {"bit_exact": False, "text": verdict}
    assert verdict in page.text
    assert ("div", {"class": "verdict bad"}) in page.tags


def test_before_simulation_and_synthesis(tmp_path):
    page, data = written(
        example.write_folder(tmp_path / "build", simulated=False, synthesised=False)
    )
    assert data["verdict"] == {"bit_exact": None, "text": "Not simulated yet: nothing is proved."}
    assert data["proof"] is None
    assert data["area"]["LUT"] == {
        "title": "LUTs",
        "board": 53200,
        "usable": 42560,
        "model": 2468,
    }
    for text in (
        "Not simulated yet: nothing is proved.",
        "Latency 1.8 µs model",
        "Time between frames 144 cycles model",
        "Accuracy: QONNX, at export 75.00 %",
        "1,234 LUT, 200 FF, 2 DSP (model)",
    ):
        assert text in page.text
    assert "img" not in {tag for tag, _ in page.tags}


def routed(folder, **changes):
    """Write a route.json where the flows write it; return its folder."""
    figures = {
        "kind": "route", "identity": "0" * 32, "flow": "openxc7",
        "part": "xc7z020clg400-1", "target_mhz": 100.0,
        "LUT": 7890, "FF": 6543, "BRAM18": 21, "DSP": 32, "tool": "nextpnr-xilinx 0.8.2",
        "half_luts": 12345, "seeds": {"1": 64.25, "2": 61.0},
        "clock_mhz": 64.25, "clock_from": "estimate", "bytes": 4045669, "seconds": 321.0,
    }  # fmt: skip
    (folder / "bitstream").mkdir()
    (folder / "bitstream" / "route.json").write_text(json.dumps(figures | changes))
    return folder


def test_a_bitstream_that_misses_its_clock(tmp_path):
    page, data = written(routed(example.write_folder(tmp_path / "build")))
    assert data["route"]["clock_mhz"] == 64.25
    assert data["area"]["LUT"]["route"] == 7890
    for text in (
        "Bitstream Placed and routed by nextpnr-xilinx 0.8.2, the accelerator in its shell reaches "
        "64.25 MHz route ; built for 100 MHz, it must not run faster than 64.25 MHz, and all rates "
        "are lower in proportion. The delays are the tool's estimates for this part.",
        "Its LUTs have 12,345 functions of 106,400, two in a LUT if they share inputs. It is the "
        "best of 2 seeds; the worst reaches 61 MHz. irnet.bit has 4,045,669 bytes; the flow took "
        "321 s.",
        "route after place and route, for the whole bitstream",
        "7,890 · 14.8 % route",
    ):
        assert text in page.text
    assert "timing has not been closed" not in page.text


def test_a_bitstream_that_reaches_its_clock(tmp_path):
    vivado = {
        **{"flow": "vivado", "tool": "Vivado 2023.2", "clock_from": "vendor"},
        **{"half_luts": None, "seeds": {}},
    }
    folder = example.write_folder(tmp_path / "build")
    page, _ = written(routed(folder, **vivado, clock_mhz=125.0))
    assert (
        "Placed and routed by Vivado 2023.2, the accelerator in its shell reaches 125 MHz route ; "
        "built for 100 MHz. The area"
    ) in page.text


def test_without_a_bitstream_no_clock_is_claimed(tmp_path):
    page, data = written(example.write_folder(tmp_path / "build"))
    assert data["route"] is None
    assert "The clock is the board's default; timing has not been closed for it." in page.text
    assert "Bitstream" not in page.text


def test_a_damaged_route(tmp_path):
    folder = routed(example.write_folder(tmp_path / "build"))
    path = folder / "bitstream" / "route.json"
    path.write_text("{}")
    with pytest.raises(UserError) as error:
        write(folder)
    assert str(error.value) == (f"{path}: kind is missing; build with --flow again")


def test_no_faster_accelerator(tmp_path, monkeypatch):
    content = replace(example.manifest(), next_doubling=None)
    monkeypatch.setattr(example, "manifest", lambda: content)
    page, _ = written(example.write_folder(tmp_path / "build"))
    assert "Twice the rate can't be reached: some layer is at its limit model ." in page.text


def test_built_for_the_highest_rate(tmp_path, monkeypatch):
    content = replace(example.manifest(), folding=Folding(aim="rate", distance=0.0041))
    monkeypatch.setattr(example, "manifest", lambda: content)
    page, _ = written(example.write_folder(tmp_path / "build"))
    assert "at 100 MHz, built for the highest rate that fits" in page.text
    assert "at most 0.4 % more cycles than the lower bound for any choice model ." in page.text


def test_page_needs_no_network(tmp_path):
    folder = example.write_folder(tmp_path / "build")
    page, _ = written(folder)
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "object", "base"}
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")
    text = (folder / "report.html").read_text()
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 4


def test_page_is_for_phone_and_screen_in_light_and_dark(tmp_path):
    folder = example.write_folder(tmp_path / "build")
    page, _ = written(folder)
    assert (
        "meta",
        {"name": "viewport", "content": "width=device-width, initial-scale=1"},
    ) in page.tags
    text = (folder / "report.html").read_text()
    assert "@media (prefers-color-scheme: dark)" in text
    assert "@media (min-width: 900px)" in text


def test_no_accelerator(tmp_path):
    with pytest.raises(UserError) as error:
        write(tmp_path / "nothing")
    assert str(error.value).startswith(f"{tmp_path}/nothing")


def test_nothing_is_claimed_of_changed_sources(tmp_path):
    folder = example.write_folder(tmp_path / "build")
    (folder / "rtl" / "accelerator.sv").write_text("other")
    with pytest.raises(UserError) as error:
        write(folder)
    assert str(error.value) == (
        f"{folder}: a source or hex file in rtl/ was changed since the build; build it again"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "simulation.json",
            b"{",
            "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 "
            "(char 1); simulate again",
        ),
        ("synthesis.json", b"[]", "content = [], must be an object; build again"),
        (
            "synthesis.json",
            b'{"kind": "synth", "tool": "Yosys", "part": "x", "total": {}, "layers": [], '
            b'"resources": {}, "seconds": 1}',
            "total: LUT is missing; build again",
        ),
        (
            "sample.npz",
            b"PK",
            "is not a zip file, or it is damaged (File is not a zip file); simulate again",
        ),
    ],
)
def test_damaged_files(tmp_path, name, content, message):
    folder = example.write_folder(tmp_path / "build")
    (folder / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        write(folder)
    assert str(error.value) == f"{folder / name}: {message}"
    assert not (folder / "report.html").exists()
    assert not (folder / "report.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(bottleneck="x"), "bottleneck 'x' is not a layer"),
        (lambda m: m["streams"][1].update(source=2), "streams and layers don't fit together"),
        (lambda m: m["layers"][1].update(inputs=[3]), "streams and layers don't fit together"),
        (lambda m: m["layers"][0].update(cycles=144.0), "layers[0].cycles = 144.0, must be an"),
        (lambda m: m["metadata"].update(accuracy={"qonnx": 1}), "metadata.accuracy: images is "),
        (lambda m: m["metadata"]["accuracy"].update(qonnx=[]), "metadata.accuracy: qonnx = [], "),
    ],
)
def test_a_manifest_whose_parts_do_not_fit(tmp_path, change, message):
    """Even though its own hash is correct, which anybody can compute."""
    folder = example.write_folder(tmp_path / "build")
    content = json.loads((folder / "manifest.json").read_text())
    change(content)
    content["hashes"]["manifest"] = own_digest(content)
    (folder / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(UserError) as error:
        write(folder)
    assert str(error.value).startswith(f"{folder}/manifest.json: {message}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["waiting"].pop(), "waiting has 2 entries, which does not fit the accelerator"),
        (lambda s: s["tensors"].clear(), "tensors has 0 entries, which does not fit the"),
        (lambda s: s["tensors"][0].update(layer="a\nb"), "has tensors of 'a\\nb', not a layer"),
        (lambda s: s.update(accuracy="x"), 'accuracy = "x", must be an object'),
        (lambda s: s["first_frame"].insert(0, None), "first_frame[0] = null, must be an object"),
    ],
)
def test_a_simulation_of_something_else(tmp_path, change, message):
    folder = example.write_folder(tmp_path / "build")
    content = plain(example.simulation())
    change(content)
    (folder / "simulation.json").write_text(json.dumps(content))
    with pytest.raises(UserError) as error:
        write(folder)
    assert str(error.value).startswith(f"{folder}/simulation.json: {message}")
