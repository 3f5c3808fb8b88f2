import contextlib
import os
import resource
import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest

from irnet_hw import spec
from irnet_hw.artifact import manifest
from irnet_hw.artifact.folder import digest
from irnet_hw.artifact.results import Accuracy, Simulation, read
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError
from irnet_hw.simulate import simulator
from irnet_hw.simulate.proof import IRREGULAR_IMAGES, IRREGULAR_LEAST, simulate
from tests.compiler.graphs import Conv, Network, images
from tests.manifests import changed
from tests.networks import LEAST, TINY, build_network, tiny_images


def test_every_logit_and_every_stream_is_the_specifications(build_dir):
    labels = np.arange(40) % 3
    result = simulate(build_dir, tiny_images(40), labels, tapped=4)
    content = manifest.load(build_dir)
    assert result.differences == 0 and result.first_difference is None
    assert (result.images, result.logits_compared) == (40, 120)
    assert result.irregular.images == IRREGULAR_IMAGES
    assert result.cycles_per_frame == content.cycles_per_frame
    assert result.latency_cycles > result.cycles_per_frame
    assert read(Simulation, build_dir / "simulation.json", "") == result

    model = spec.load(build_dir / "model.onnx")
    expected = spec.run(model, tiny_images(40))["logits"].argmax(axis=1)
    assert list(result.predictions) == list(result.expected) == expected.tolist()
    accuracy = (expected == labels).mean()
    assert result.accuracy == Accuracy(rtl=accuracy, qonnx=accuracy)

    compared = {(entry.layer, entry.against): entry for entry in result.tensors}
    for layer in content.layers:
        (stream,) = layer.outputs
        values = 2 * 4 * content.streams[stream].values
        assert compared[layer.name, "NumPy model"].values == values
    assert len(result.waiting) == len(content.streams)
    assert max(result.waiting) > 0 and result.waiting[-1] == 0
    frame = result.first_frame
    assert [times.start for times in frame] == sorted(times.start for times in frame)
    assert (frame[0].start, frame[-1].end) == (0, result.latency_cycles - 1)
    signs = {node.output[0] for node in model.graph.node if node.name.endswith("_sign")}
    assert len(signs) == len(TINY.layers)
    assert signs <= {entry.tensor for entry in result.tensors if entry.against == "QONNX"}


def test_bursts_of_a_pool_cost_no_cycles(tmp_path):
    """Both the convolution and the dense layer are busy in every cycle, with a pool in between."""
    network = Network(image=(4, 32, 2), layers=(Conv(36, bits=8, pool=2),), classes=1)
    network.build().save(str(tmp_path / "model.onnx"))
    content = build(tmp_path / "model.onnx", "zcu104", tmp_path / "out", 100e6 / 1152)
    busy = [layer.op for layer in content.layers if layer.cycles == 1152]
    assert [op for op in busy if op == "IntMVAU"] == ["IntMVAU", "IntMVAU"]
    result = simulate(tmp_path / "out", images(network, 12), None)
    assert result.differences == 0
    assert result.cycles_per_frame == content.cycles_per_frame == 1152


def test_no_stream_need_be_compared(build_dir):
    result = simulate(build_dir, tiny_images(2), None, tapped=0)
    assert (result.differences, result.tapped_images, result.images) == (0, 0, 2)
    (entry,) = result.tensors
    assert (entry.tensor, entry.values) == ("logits", (2 + IRREGULAR_LEAST) * 3)
    assert result.irregular.images == IRREGULAR_LEAST
    assert result.cycles_per_frame is None and result.accuracy is None


def flip(build_dir, file, index):
    """Flip the lowest bit of a word in a hex file, as if it had been built that way."""
    path = build_dir / "rtl" / file
    words = path.read_text().splitlines()
    words[index] = f"{int(words[index], 16) ^ 1:0{len(words[index])}x}"
    path.write_text("\n".join(words) + "\n")
    content = manifest.load(build_dir)
    files = [build_dir / name for name in (*content.sources, *content.data)]
    manifest.write(changed(content, {"hashes.sources": digest(files)}), build_dir)


# The words belong to channels whose signs depend on the image.
@pytest.mark.parametrize(
    ("layer", "index"), [("IntMVAU_rtl_0", 0), ("BinaryMVAU_rtl_1", 9), ("IntMVAU_rtl_1", 0)]
)
def test_one_wrong_bit_of_the_weights_is_found_and_placed(build_dir, layer, index):
    flip(build_dir, f"{layer}_weights.hex", index)
    result = simulate(build_dir, tiny_images(40), None, tapped=40)
    assert result.differences > 0
    assert result.first_difference == layer
    assert read(Simulation, build_dir / "simulation.json", "") == result


def test_a_changed_source_is_refused(build_dir):
    path = build_dir / "rtl" / "BinaryMVAU_rtl_1_weights.hex"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(UserError) as error:
        simulate(build_dir, tiny_images(2), None)
    assert str(error.value) == (
        f"{build_dir}: a source or hex file in rtl/ was changed since the build; build it again"
    )


def test_a_changed_or_missing_model_is_refused(build_dir):
    path = build_dir / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(UserError) as error:
        simulate(build_dir, tiny_images(2), None)
    assert str(error.value) == (
        f"{build_dir}: model.onnx was changed since the build; build it again"
    )
    path.unlink()
    with pytest.raises(UserError) as error:
        simulate(build_dir, tiny_images(2), None)
    assert str(error.value).startswith(f"{build_dir}: has no model.onnx, must be a folder made by ")


@pytest.mark.parametrize("wrong", [tiny_images(2).astype(np.int64), tiny_images(2)[:, :5]])
def test_other_images_are_refused(built, wrong):
    with pytest.raises(UserError) as error:
        simulate(built, wrong, None)
    assert str(error.value) == (
        f"images: {wrong.dtype} of shape {list(wrong.shape)}, must be uint8 of shape [N, 6, 6, 2]"
    )


def test_labels_that_are_no_classes_are_refused(built):
    with pytest.raises(UserError) as error:
        simulate(built, tiny_images(2), np.array([0, 99]))
    classes = manifest.load(built).output.shape[0]
    assert str(error.value) == f"labels: 99, must be from 0 to {classes - 1}"


def test_an_interrupt_ends_it_and_leaves_what_was_there(build_dir, monkeypatch):
    (build_dir / "simulation.json").write_text("earlier")
    with pytest.raises(UserError, match="was not written by irnet-hw, or was changed since"):
        simulate(build_dir, tiny_images(1), None, tapped=0)
    simulate(build_dir, tiny_images(1), None, tapped=0, force=True)
    before = {path: path.read_bytes() for path in build_dir.iterdir() if path.is_file()}

    def interrupted(items, *_):
        yield next(iter(items))
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(simulator, "track", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate(build_dir, tiny_images(20), None)
    assert {path: path.read_bytes() for path in build_dir.iterdir() if path.is_file()} == before


def test_a_full_disk(build_dir):
    simulate(build_dir, tiny_images(1), None)
    (build_dir / "simulation.json").unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(UserError) as error:
            simulate(build_dir, tiny_images(1), None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    target = build_dir / "simulation.json"
    assert str(error.value) == f"{target}: can't be written: File too large"
    assert sorted(path.name for path in build_dir.iterdir()) == [
        "cocotb",
        "dataflow.onnx",
        "folding_config.json",
        "manifest.json",
        "model.onnx",
        "rtl",
        "sample.npz",
        "shell",
    ]


@contextlib.contextmanager
def without_rights():
    """Root may write anywhere: become nobody for a while."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        if not os.access(manifest.__file__, os.R_OK, effective_ids=True):
            pytest.skip("root, in a checkout that others can't read")
        yield
    finally:
        os.seteuid(user)


def test_a_read_only_folder():
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o755)
        folder = build_network(LEAST, Path(scratch))
        folder.chmod(0o555)
        with without_rights(), pytest.raises(UserError) as error:
            simulate(folder, images(LEAST, 1), None)
        target = folder / "simulation.json"
        assert str(error.value) == f"{target}: can't be written: Permission denied"


def test_without_a_compiler(built, monkeypatch, tmp_path):
    monkeypatch.setenv("IRNET_HW_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError) as error:
        simulate(built, tiny_images(1), None)
    assert str(error.value).startswith("g++: not found on PATH or in ")
    assert str(error.value).endswith(
        "; it is needed to compile simulations (Debian and Ubuntu: apt install g++)"
    )
    assert not (built / "simulation.json").exists()
