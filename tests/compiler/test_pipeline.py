import filecmp
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irnet_hw import spec
from irnet_hw.artifact import manifest
from irnet_hw.compiler.emission.reference import dataflow_run
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError
from irnet_hw.export.file import to_bytes, to_qonnx
from irnet_hw.export.network import deploy
from tests.compiler.graphs import Conv, Dense, Network, images
from tests.export.networks import SHAPE, tiny_residual

NETWORK = Network(image=(6, 6, 1), layers=(Conv(4, bits=8), Conv(6, pool=2)), classes=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An accelerator whose model has metadata and golden vectors."""
    path = tmp_path_factory.mktemp("build")
    model = NETWORK.build()
    pixels = images(NETWORK)
    labels = ["zero", "one", "two", "three"]
    model.set_metadata_prop("irnet_hw", json.dumps({"name": "tiny", "labels": labels}))
    np.savez(path / "golden.npz", images=pixels, logits=spec.run(model, pixels)["logits"])
    model.save(str(path / "model.onnx"))
    build(path / "model.onnx", "pynq-z2", path / "out", 100_000)
    return path


def save(network: Network, path: Path) -> Path:
    network.build().save(str(path / "model.onnx"))
    return path / "model.onnx"


def test_folder_is_complete(folder: Path) -> None:
    content = manifest.load(folder / "out")
    assert content.name == "tiny"
    assert content.labels == ("zero", "one", "two", "three")
    assert content.fps >= content.target_fps == 100_000
    assert content.fps == content.clock_mhz * 1e6 / content.cycles_per_frame
    assert content.cycles_per_frame == max(layer.cycles for layer in content.layers)
    assert filecmp.cmp(folder / "model.onnx", folder / "out" / "model.onnx", shallow=False)
    paths = [path for path in (folder / "out").rglob("*") if path.is_file()]
    files = {path.relative_to(folder / "out").as_posix() for path in paths}
    listed = {*content.sources, *content.data, *content.shell.files}
    fixed = {"manifest.json", "model.onnx", "dataflow.onnx", "folding_config.json"}
    test = {"Makefile", "accelerator_bench.py", "golden.npz", "test_accelerator.py"}
    assert files == {*fixed, *listed, *(f"cocotb/{name}" for name in test)}
    assert content.sources[-1] == "rtl/accelerator.sv"


def test_every_module_is_defined_before_it_is_used(folder: Path) -> None:
    known: set[str] = set()
    for path in manifest.load(folder / "out").sources:
        text = (folder / "out" / path).read_text()
        assert re.search(rf"^module {Path(path).stem}\b", text, re.MULTILINE)
        for name in re.findall(r"^ {4}(\w+) (?:#\(|node\d)", text, re.MULTILINE):
            assert name in known
        known.add(Path(path).stem)


def test_data_files_are_named_without_a_folder(folder: Path) -> None:
    content = manifest.load(folder / "out")
    names = {Path(path).name for path in content.data}
    used = set()
    for path in content.sources:
        used |= set(re.findall(r'"(\w+\.hex)"', (folder / "out" / path).read_text()))
    assert used == names


def test_streams_equal_the_networks_tensors(folder: Path) -> None:
    content = manifest.load(folder / "out")
    streams = content.streams
    names = [stream.tensor for stream in streams]
    assert names[0] == names[1] == "image"
    assert names[-1] == names[-2] == "logits"
    assert vars(content.input) == vars(streams[0])
    assert vars(content.output) == vars(streams[-1])
    model = spec.load(folder / "model.onnx")
    pixels = images(NETWORK, 5)
    inner = sorted({name for name in names if name not in (None, "image", "logits")})
    assert len(inner) == 2
    right = spec.run(model, pixels, inner)
    for stream, found in zip(streams, dataflow_run(folder / "out", pixels), strict=True):
        assert found.shape == (5, *stream.shape)
        assert stream.beats * stream.lanes == found[0].size
        if stream.tensor in inner:
            wanted = right[stream.tensor].transpose(0, 2, 3, 1).reshape(found.shape)
            assert np.array_equal(found * stream.scale, wanted)
        elif stream.tensor == "logits":
            assert np.array_equal(found * stream.scale, right["logits"])


def test_same_inputs_same_bytes(folder: Path) -> None:
    build(folder / "model.onnx", "pynq-z2", folder / "again", 100_000)
    first, second = folder / "out", folder / "again"
    for path in (path for path in first.rglob("*") if path.is_file()):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path


def test_the_other_board(tmp_path: Path) -> None:
    model = save(NETWORK, tmp_path)
    content = build(model, "zcu104", tmp_path / "out", 1000)
    assert (content.board, content.name) == ("zcu104", "model")


LAYER = st.one_of(
    st.builds(
        Conv,
        channels=st.integers(1, 5),
        pool=st.integers(1, 2),
        norm=st.sampled_from(["affine", "batch"]),
    ),
    st.builds(
        Conv, channels=st.sampled_from([4, 8]), kernel=st.integers(1, 2), pool_after=st.just(2)
    ),
)


@pytest.mark.slow
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.builds(Conv, channels=st.integers(1, 6), bits=st.sampled_from([1, 4, 8])),
    layers=st.lists(LAYER, max_size=2),
    dense=st.lists(st.builds(Dense, outputs=st.integers(1, 9)), max_size=1),
    seed=st.integers(0, 2**16),
    fps=st.sampled_from([100.0, 50_000.0]),
)
def test_any_network(
    tmp_path: Path, first: Conv, layers: list[Conv], dense: list[Dense], seed: int, fps: float
) -> None:
    """The build itself compares every tensor; here the logits are compared once more."""
    network = Network(image=(8, 9, 2), layers=(first, *layers, *dense), seed=seed)
    model = save(network, tmp_path)
    content = build(model, "pynq-z2", tmp_path / "out", fps)
    pixels = images(network)
    found = dataflow_run(tmp_path / "out", pixels)[-1]
    right = spec.run(spec.load(model), pixels)["logits"]
    assert np.array_equal(found * content.output.scale, right)


def test_refuses_a_network_and_leaves_nothing(tmp_path: Path) -> None:
    model = save(Network(layers=(Conv(4, bits=8), Conv(4, bits=12))), tmp_path)
    with pytest.raises(UserError) as caught:
        build(model, "pynq-z2", tmp_path / "out", 1000)
    assert str(caught.value).startswith(f"{model}: node conv1 (Conv): its weights take ")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_an_interrupted_build_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save(NETWORK, tmp_path)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("irnet_hw.compiler.pipeline.selfcheck", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build(model, "pynq-z2", tmp_path / "out", 1000)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_replaces_nothing_but_an_accelerator(tmp_path: Path) -> None:
    model = save(NETWORK, tmp_path)
    with pytest.raises(UserError) as caught:
        build(model, "pynq-z2", tmp_path, 1000)
    assert str(caught.value) == (
        f"{tmp_path}: contains files, but is not as irnet-hw build wrote it ("
        f"{tmp_path}/manifest.json: can't be read: No such file or directory; must be in a folder "
        "made by irnet-hw build); choose another folder, or write into it with --force"
    )
    assert model.exists()


def test_golden_vectors_of_another_network(tmp_path: Path) -> None:
    model = save(NETWORK, tmp_path)
    golden = tmp_path / "golden.npz"
    np.savez(golden, images=images(NETWORK), logits=np.zeros((3, 4), np.float32))
    with pytest.raises(UserError) as caught:
        build(model, "pynq-z2", tmp_path / "out", 1000)
    assert str(caught.value) == f"{golden}: belongs to another network; export the network again"


@pytest.mark.slow
@pytest.mark.parametrize("structure", ["bireal", "normal"])
def test_compiles_an_exported_residual_network(tmp_path: Path, structure: str) -> None:
    """As the exporter writes it. The build compares every tensor; here the logits are compared
    again."""
    path = tmp_path / "resnet.onnx"
    path.write_bytes(to_bytes(to_qonnx(deploy(tiny_residual(structure), SHAPE))))
    content = build(path, "pynq-z2", tmp_path / "out", 50_000)
    pixels = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), dtype=np.uint8)
    found = dataflow_run(tmp_path / "out", pixels)[-1]
    right = spec.run(spec.load(path), pixels)["logits"]
    assert np.array_equal(found * content.output.scale, right)
