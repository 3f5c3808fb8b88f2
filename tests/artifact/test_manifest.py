import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from irnet_hw.artifact import manifest
from irnet_hw.artifact.manifest import Hashes
from irnet_hw.errors import UserError
from irnet_hw.form import plain
from tests.report import example

HASHES = {field.name: "0" * 64 for field in fields(Hashes)}
GOOD = replace(example.manifest(), hashes=Hashes(**HASHES))


def test_reads_what_it_wrote(tmp_path: Path) -> None:
    written = manifest.write(GOOD, tmp_path)
    assert manifest.load(tmp_path) == written
    assert replace(written, hashes=GOOD.hashes) == GOOD
    content = json.loads((tmp_path / "manifest.json").read_text())
    assert list(content) == [field.name for field in fields(manifest.Manifest)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shell": {}}, "shell.top is missing"),
        ({"extra": 1}, "extra is unknown, must be one of format, name, versions, board, "),
        ({"data": ["/etc/passwd"]}, 'data[0] = "/etc/passwd", must be a hex file, rtl/NAME.hex'),
        ({"cycles_per_frame": "64"}, 'cycles_per_frame = "64", must be an integer of at least 1'),
        ({"cycles_per_frame": -1}, "cycles_per_frame = -1, must be an integer of at least 1"),
        ({"clock_mhz": float("nan")}, "is not JSON: NaN is not a JSON number"),
        ({"input": None}, "input = null, must be an object"),
        ({"folding": {"aim": "x", "distance": 0}}, 'folding.aim = "x", must be "area" or "rate"'),
        ({"labels": ["a"]}, "was changed since the build"),
    ],
)
def test_refuses_a_damaged_one(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**plain(GOOD), **change}))
    with pytest.raises(UserError) as caught:
        manifest.load(tmp_path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "build" in str(caught.value)


def test_parts_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    for change, message in (
        ({"labels": ("a",)}, "labels: 1, must be 2 or 0"),
        ({"bottleneck": "x"}, "bottleneck 'x' is not a layer"),
        ({"streams": GOOD.streams[:1]}, "streams and layers don't fit together"),
        ({"sources": GOOD.sources * 2}, "lists accelerator.sv twice"),
    ):
        manifest.write(replace(GOOD, **change), tmp_path)
        with pytest.raises(UserError) as caught:
            manifest.load(tmp_path)
        path = tmp_path / "manifest.json"
        assert str(caught.value) == f"{path}: {message}; build it again"


@pytest.mark.parametrize("content", [{**plain(GOOD), "format": 3}, {"format": 3}])
def test_refuses_another_format(tmp_path: Path, content: dict[str, object]) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError) as caught:
        manifest.load(tmp_path)
    assert str(caught.value) == f"{path}: has format 3, must have format 6; build it again"


def test_refuses_a_changed_one(tmp_path: Path) -> None:
    manifest.write(GOOD, tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(path.read_text().replace('"bottleneck": "I', '"bottleneck": "i'))
    with pytest.raises(UserError) as caught:
        manifest.load(tmp_path)
    assert str(caught.value) == f"{path}: was changed since the build; build it again"


def test_refuses_what_is_no_manifest(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    with pytest.raises(UserError) as caught:
        manifest.load(tmp_path)
    assert str(caught.value) == (
        f"{path}: can't be read: No such file or directory; "
        "must be in a folder made by irnet-hw build"
    )
    path.write_text('{"format":')
    with pytest.raises(UserError) as caught:
        manifest.load(tmp_path)
    assert str(caught.value) == (
        f"{path}: is not JSON: Expecting value: line 1 column 11 (char 10); "
        "must be in a folder made by irnet-hw build"
    )
