"""Export of networks that enlarge images: PyTorch and QONNX give the same pixels."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from irnet_hw import data, spec
from irnet_hw.cli.export import command
from irnet_hw.data.metrics import psnr, ssim
from irnet_hw.errors import UserError
from irnet_hw.export.file import to_qonnx
from irnet_hw.export.network import deploy
from irnet_hw.export.station import export
from irnet_hw.export.verify import verify
from irnet_hw.models import SuperResolution, build
from irnet_hw.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, versions
from irnet_hw.train.recipe import load_recipe
from irnet_hw.train.task import enlarged_by
from tests.export.networks import tiny_checkpoint, tiny_network

SMALL = ["model.image=[8,8,1]", "model.width=8", "model.blocks=2", "epochs=1"]


def network_of(config):
    """Return a network in a state that training might produce: details in every layer."""
    torch.manual_seed(0)
    network = build(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return network.eval()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, pairs_folder):
    path = tmp_path_factory.mktemp("run") / "last.pt"
    recipe = load_recipe("sr-x2", [f"data_folder={pairs_folder}", *SMALL])
    state = network_of(recipe.model).state_dict()
    save_checkpoint(Checkpoint(recipe, 0, 1, {}, state, {}, {}, [], versions()), path)
    return path


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("tail", [1, 3])
def test_the_files_pixels_are_pytorchs_for_images_of_any_size(scale, tail):
    config = SuperResolution(
        "super-resolution", [8, 8, 1], scale=scale, width=8, blocks=2, tail=tail
    )
    trained = network_of(config)
    network = deploy(trained, (8, 8, 1))
    generator = np.random.default_rng(0)
    images = [
        generator.integers(0, 256, (*size, 1), np.uint8) for size in [(8, 8), (5, 13), (1, 2)]
    ]
    verified = verify(network, to_qonnx(network), images)
    for image, ours, files in zip(images, verified.pytorch, verified.qonnx, strict=True):
        enlarged = enlarged_by(trained, torch.from_numpy(image.transpose(2, 0, 1)[None]))
        assert np.array_equal(ours[0], enlarged)
        assert np.array_equal(files[0], enlarged)
        assert len(np.unique(enlarged)) > 4
    # The constants are rounded in training as in export.
    assert verified.differences("stream") == verified.differences("sign") == 0


def test_export_measures_every_set(checkpoint, pairs_folder, tmp_path):
    summary = export(checkpoint, tmp_path).summary
    assert json.loads((tmp_path / "export.json").read_text()) == summary
    assert summary["pixels_differ"] == 0
    network = load_checkpoint(checkpoint).model()
    for name, pairs in data.load_pairs(str(pairs_folder), 2, 8).held_out.items():
        (pair,) = pairs
        enlarged = enlarged_by(network, torch.from_numpy(pair.low)[None, None])
        bicubic = pair.bicubic()
        assert summary["sets"][name] == {
            "images": 1,
            **{
                key: {
                    "pytorch": measure(enlarged, pair.high, 2),
                    "qonnx": measure(enlarged, pair.high, 2),
                    "bicubic": measure(bicubic, pair.high, 2),
                }
                for key, measure in (("psnr", psnr), ("ssim", ssim))
            },
        }
    metadata = spec.metadata(spec.load(tmp_path / "model.onnx"))
    assert metadata["sets"] == summary["sets"]


def test_the_files_size_is_a_choice(checkpoint, pairs_folder, tmp_path):
    arguments = [str(checkpoint), "--out", str(tmp_path), "--image", "12x30", "--images", "1"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert list(json.loads((tmp_path / "export.json").read_text())["sets"]) == ["Set5"]
    model = spec.load(tmp_path / "model.onnx")
    assert spec.image_shape(model) == (12, 30, 1)
    with np.load(tmp_path / "golden.npz") as golden, np.load(tmp_path / "heldout.npz") as heldout:
        (pair,) = data.load_pairs(str(pairs_folder), 2, 8).held_out["Set5"]
        padded = np.pad(pair.low, [(0, 0), (0, 30 - pair.low.shape[1])], mode="symmetric")
        assert np.array_equal(heldout["images"], padded[None, :12, :, None])
        assert np.array_equal(golden["images"], pair.low[None, :8, :8, None])
        x = torch.from_numpy(golden["images"].transpose(0, 3, 1, 2))
        network = load_checkpoint(checkpoint).model()
        assert golden["logits"].shape == (1, 1, 16, 16)
        assert np.array_equal(golden["logits"][0, 0], enlarged_by(network, x))


def test_without_its_data_it_is_checked_on_drawn_images(checkpoint, tmp_path):
    summary = export(checkpoint, tmp_path, drawn=True).summary
    assert summary["pixels_differ"] == 0
    assert not (tmp_path / "heldout.npz").exists()


@pytest.mark.parametrize("size", ["12", "0x4", "12x", "axb", "100000x1"])
def test_sizes_that_are_none_are_refused(checkpoint, tmp_path, size):
    arguments = [str(checkpoint), "--out", str(tmp_path), "--image", size]
    with pytest.raises(UserError) as info:
        CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert str(info.value) == (
        f"--image: {size}, must be height and width in pixels, such as 540x960"
    )


def test_only_networks_that_enlarge_have_a_choice(tmp_path):
    path = tiny_checkpoint(tmp_path / "last.pt", tiny_network())
    with pytest.raises(UserError) as info:
        export(path, tmp_path, image=(12, 30))
    assert str(info.value) == (
        "image: 12x30, must not be set for a network that classifies images of 8x8"
    )


def test_a_folder_without_the_data_is_named(checkpoint, tmp_path):
    trained = load_checkpoint(checkpoint)
    recipe = dataclasses.replace(trained.recipe, data_folder=str(tmp_path / "gone"))
    moved = tmp_path / "last.pt"
    save_checkpoint(dataclasses.replace(trained, recipe=recipe), moved)
    with pytest.raises(UserError, match="gone: no such folder; images to train on must lie in"):
        export(moved)
