"""Networks that train with rounded constants give the same values as their exported files."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from irnet_hw import data, spec
from irnet_hw.cli.main import group
from irnet_hw.export.station import export
from irnet_hw.models import MLP, VGG, build
from irnet_hw.models.rounded import RoundedNorm2d
from irnet_hw.quant.grid import Grid
from irnet_hw.train.checkpoint import load_checkpoint
from tests.export.networks import randomised, tiny_checkpoint, tiny_resnet


def command(*words):
    found = CliRunner().invoke(group, list(map(str, words)))
    assert found.exit_code == 0, found.output
    return found


def train(recipe, out, *keys):
    tiny = [
        *("data=digits", "data_folder=", "model.image=[8,8,1]", "shift=1", "flip=false"),
        *("model.widths=[8,16]", "model.blocks=[1,1]", "batch_size=64", "epochs=2", "threads=1"),
        *("compile=false", "bf16=false"),
    ]
    sets = [word for key in [*tiny, *keys] for word in ("--set", key)]
    command("train", "--recipe", recipe, *sets, "--out", out)


def logits(folder):
    """Return the logits of the held-out images by PyTorch and by the exported file."""
    images = data.load("digits").test_images
    with torch.no_grad():
        model = load_checkpoint(folder / "last.pt").model()
        pytorch = model(torch.from_numpy(images).permute(0, 3, 1, 2).float()).numpy()
    return pytorch, spec.run(spec.load(folder / "model.onnx"), images)["logits"]


@pytest.mark.simulation
def test_learnt_shifts_before_signs_become_thresholds(tmp_path):
    first, run, built = (tmp_path / name for name in ("first", "run", "built"))
    train("resnet20-hardware", first, "model.shifts=true")
    train("resnet20-rounded", run, "model.shifts=true", f"start={first / 'last.pt'}")
    parameters = load_checkpoint(run / "last.pt").model().named_parameters()
    shifts = [value for name, value in parameters if name.endswith(".shift")]
    assert len(shifts) == 4
    assert all(shift.abs().min() > 0 for shift in shifts)
    command("export", run / "last.pt")
    pytorch, qonnx = logits(run)
    assert np.count_nonzero(pytorch != qonnx) == 0
    command("build", "--board", "pynq-z2", "--out", built, run / "model.onnx")
    command("simulate", built, "--images", run / "heldout.npz")
    assert json.loads((built / "simulation.json").read_text())["differences"] == 0


@pytest.mark.simulation
def test_pytorch_qonnx_and_rtl_give_the_same_logits(tmp_path):
    hardware, rounded, built = (tmp_path / name for name in ("hardware", "rounded", "built"))
    train("resnet20-hardware", hardware)
    train("resnet20-rounded", rounded, f"start={hardware / 'last.pt'}", "learning_rate=0.01")
    for folder in (hardware, rounded):
        command("export", folder / "last.pt")
    pytorch, qonnx = logits(hardware)
    assert np.count_nonzero(pytorch != qonnx) > 0
    pytorch, qonnx = logits(rounded)
    assert np.count_nonzero(pytorch != qonnx) == 0
    command("build", "--board", "pynq-z2", "--out", built, rounded / "model.onnx")
    command("simulate", built, "--images", rounded / "heldout.npz")
    found = json.loads((built / "simulation.json").read_text())
    assert found["differences"] == 0
    assert found["predictions"] == pytorch.argmax(1).tolist()
    before, after = (load_checkpoint(folder / "last.pt").model() for folder in (hardware, rounded))
    names = dict(before.named_parameters())
    for name, value in after.named_parameters():  # all of them learn
        assert not torch.equal(value, names[name]), name
    for one, other in zip(norms(before), norms(after), strict=True):
        assert torch.equal(one.running_mean, other.running_mean)


def norms(model):
    return [each for each in model.modules() if isinstance(each, nn.BatchNorm1d | nn.BatchNorm2d)]


@pytest.mark.parametrize(
    "config",
    [
        tiny_resnet("normal"),
        tiny_resnet("normal", shortcut="conv"),
        tiny_resnet("bireal", widths=[4, 8, 8], blocks=[1, 1, 1]),
        VGG("vgg", [8, 8, 1], 10, [8, 8], [False, True], hidden=[12]),
        MLP("mlp", [8, 8, 1], 10, [16, 16]),
    ],
    ids=["normal", "conv", "three stages", "vgg", "mlp"],
)
def test_every_value_is_the_exported_networks(tmp_path, config):
    assert differences(tmp_path, config, False)
    assert not differences(tmp_path, config, True)


def differences(folder, config, rounded):
    """Return how many values of all layers, of the digits, differ in the exported network."""
    fields = {**vars(config), "rounded": rounded}
    images = torch.from_numpy(data.load("digits").train_images[:200]).permute(0, 3, 1, 2)
    network = build(type(config)(**fields))
    network.load_state_dict(randomised(config, images.float(), 0).state_dict())
    checkpoint = tiny_checkpoint(folder / "last.pt", network, type(config)(**fields))
    found = export(checkpoint, folder / "out").summary["exported_against_trained"]
    return sum(layer["differences"] for layer in found)


def test_a_mean_that_float32_rounds_is_taken_as_the_sum():
    grid = Grid(torch.tensor(2.0**-7).double(), torch.tensor(128.0 * 9).double(), 9)
    norm = RoundedNorm2d(4, Grid.of(2.0**-6, 1), grid).eval()
    norm.load_state_dict({key: value + 0.3 for key, value in norm.state_dict().items()})
    integers = torch.randint(-1152, 1152, (64, 4, 1, 1), generator=torch.Generator().manual_seed(0))
    means = (integers / 9).float() / 128
    y = norm(means)
    steps = y.double() * 2**24
    assert torch.equal(steps, steps.round())
    plain = nn.BatchNorm2d(4).eval()
    plain.load_state_dict(norm.state_dict())
    torch.testing.assert_close(y, plain(means), rtol=1e-2, atol=1e-2)


def test_the_gradient_is_that_of_the_plain_batch_norm():
    plain = nn.BatchNorm2d(3).eval()
    norm = RoundedNorm2d(3, Grid.of(2.0**-8, 1), Grid.of(1, 72))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for value in (*plain.parameters(), plain.running_mean):
            nn.init.normal_(value)
        x = torch.randint(-72, 73, (5, 3, 2, 2)).float()
        upstream = torch.randn(5, 3, 2, 2)
    norm.load_state_dict(plain.state_dict())
    found = []
    for module in (plain, norm.train()):
        inputs = x.clone().requires_grad_()
        module(inputs).backward(upstream)
        found.append([inputs.grad, module.weight.grad, module.bias.grad])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-2)
    assert torch.equal(norm.running_mean, plain.running_mean)
