import numpy as np
import pytest

from irnet_hw import spec
from irnet_hw.artifact import manifest
from irnet_hw.runtime.frames import Frames
from irnet_hw.share import share
from irnet_hw.simulate.beats import beat_bytes, decode
from tests.bench import compile_bench
from tests.networks import tiny_images


@pytest.mark.parametrize(
    ("p_gap", "p_stall"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.95), (0.7, 0.7)]
)  # fmt: skip
def test_a_network_computes_through_its_streams(built, tmp_path, p_gap, p_stall):
    """The network runs between cocotbext-axi's stream models, with pauses on both sides."""
    content = manifest.load(built)
    images = tiny_images(8)
    sources = [share("rtl") / "lint.vlt", *(built / source for source in content.sources)]
    width = beat_bytes(content.output)
    np.savez(
        tmp_path / "case.npz",
        beats=Frames(content).of(images).reshape(-1, beat_bytes(content.input)),
        expect=len(images) * content.output.beats * width,
        p_gap=p_gap,
        p_stall=p_stall,
        seed=11,
    )
    compile_bench(sources, content.top).run(
        "tests.simulate.stitched_bench",
        {"CASE": str(tmp_path / "case.npz"), "RESULT": str(tmp_path / "result.npz")},
        data=built / "rtl",
    )
    out = np.load(tmp_path / "result.npz")["out"].reshape(-1, width)
    logits = decode(out, content.output) * content.output.scale
    expected = spec.run(spec.load(built / "model.onnx"), images)["logits"]
    assert np.array_equal(logits, expected)
