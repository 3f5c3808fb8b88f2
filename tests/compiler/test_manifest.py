import json
from pathlib import Path

import pytest

from irnet_hw.compiler.emission import manifest
from irnet_hw.errors import UserError

AREA = {"LUT": 1, "FF": 1, "BRAM18": 0, "DSP": 0}
STREAM = {
    "tensor": "image",
    "scale": 1.0,
    "shape": [8, 8, 1],
    "datatype": "UINT8",
    "lanes": 1,
    "bits": 8,
    "tdata_bits": 8,
    "beats": 64,
    "source": None,
    "target": 0,
}
GOOD = {
    "format": 4,
    "name": "digits",
    "versions": {"qonnx": "1.0.0"},
    "board": "pynq-z2",
    "part": "xc7z020clg400-1",
    "clock_mhz": 100.0,
    "target_fps": 1000.0,
    "top": "accelerator",
    "sources": ["rtl/accelerator.sv"],
    "data": ["rtl/weights.hex"],
    "input": STREAM,
    "output": {**STREAM, "scale": 0.5},
    "labels": ["a"],
    "cycles_per_frame": 64,
    "fps": 1562500.0,
    "bottleneck": "node",
    "latency_cycles": 65,
    "folding": {"aim": "area", "distance": 0.01},
    "next_doubling": {"fps": 3125000.0, "area": AREA, "fits": True},
    "streams": [STREAM, {**STREAM, "source": 0, "target": None}],
    "layers": [
        {
            "name": "node",
            "op": "RegisterSlice",
            "text": "register slice",
            "fold": {},
            "cycles": 64,
            "area": AREA,
            "inputs": [0],
            "outputs": [1],
            "schedule": {"first_in": 0, "first_out": 1, "last_out": 64, "busy": 64},
            "plumbing": "",
            "parameters": {},
        }
    ],
    "area": AREA,
    "resources": AREA,
    "usable": AREA,
    "shell": {
        "top": "irnet_board",
        "sources": ["shell/irnet_shell.sv"],
        "version": 1,
        "address_bits": 32,
        "base_address": 0x4000_0000,
        "identity": "0" * 32,
        "registers": {"MAGIC": 0},
    },
    "hashes": dict.fromkeys(("model", "dataflow", "sources", "shell", "manifest"), "0" * 64),
    "metadata": {},
}


def test_reads_what_it_wrote(tmp_path: Path) -> None:
    manifest.write(GOOD, tmp_path)
    assert manifest.load(tmp_path) == GOOD


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shell": {}}, "shell: 'top' is a required property"),
        ({"data": ["/etc/passwd"]}, r"data/0: '/etc/passwd' does not match '^rtl/[^/]+\\.hex$'"),
        ({"cycles_per_frame": "64"}, "cycles_per_frame: '64' is not of type 'integer'"),
        ({"input": None}, "input: None is not of type 'object'"),
    ],
)
def test_refuses_a_damaged_one(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(UserError) as caught:
        manifest.load(tmp_path)
    assert str(caught.value) == f"{path}: is damaged, {message}"


@pytest.mark.parametrize("content", [{**GOOD, "format": 3}, {"format": 3}])
def test_refuses_another_format(tmp_path: Path, content: dict[str, object]) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError) as caught:
        manifest.load(tmp_path)
    assert str(caught.value) == f"{path}: is of format 3, must be of format 4; build it again"


def test_refuses_a_changed_one(tmp_path: Path) -> None:
    manifest.write(GOOD, tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(path.read_text().replace('"bottleneck": "node"', '"bottleneck": "edon"'))
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
