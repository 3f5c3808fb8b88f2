"""The networks of the published tables, trained on drawn images by the public command."""

import pytest
import torch

from irnet_hw.cli.main import run
from irnet_hw.cli.train import command
from irnet_hw.train.checkpoint import load_checkpoint
from tests.data.photographs import write_cifar10

#: At least 8 channels: on processors with AVX2 and no more, PyTorch's oneDNN writes past the end of
#: memory in the gradient of a 1x1 convolution of stride 2 from fewer, as in resnet18's shortcuts.
RESNET = ["model.widths=[8,16]", "model.blocks=[1,1]"]
VGG = ["model.widths=[4,8,8]", "model.pools=[true,true,true]"]
SMALLER = {
    "resnet20": RESNET,
    "resnet20-normal": RESNET,
    "resnet20-1w32a": RESNET,
    "resnet20-hardware": RESNET,
    "resnet18": RESNET,
    "resnet18-hardware": RESNET,
    "resnet20-rounded": RESNET,
    "resnet18-rounded": RESNET,
    "vgg-small": VGG,
    "vgg-small-hardware": VGG,
    "cnv": [*VGG, "model.hidden=[8]"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cifar10")
    write_cifar10(folder)
    return folder


#: Compiling would take longer than the whole test.
SHORT = ["epochs=1", "batch_size=20", "threads=1", "compile=false"]


def trained(out, folder, name, *assignments):
    keys = [f"data_folder={folder}", *SHORT, *assignments]
    arguments = [word for key in [*keys, *SMALLER[name]] for word in ("--set", key)]
    with pytest.raises(SystemExit) as exit_:
        run(command, args=["--recipe", name, *arguments, "--out", str(out)], prog_name="train")
    assert exit_.value.code == 0
    return load_checkpoint(out / "last.pt")


@pytest.mark.parametrize("name", SMALLER)
def test_trains_an_epoch(tmp_path, folder, name):
    checkpoint = trained(tmp_path, folder, name)
    assert checkpoint.epoch == 1
    assert checkpoint.labels[3] == "cat"
    assert checkpoint.model()(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("name", ["resnet20", "vgg-small"])
def test_the_ablation_trains_other_weights(tmp_path, folder, name):
    switches = [(libra, ede) for libra in ("true", "false") for ede in ("true", "false")]
    weights = []
    for libra, ede in switches:
        keys = [f"model.libra={libra}", f"model.ede={ede}"]
        checkpoint = trained(tmp_path / f"{libra}-{ede}", folder, name, *keys)
        parameters = checkpoint.model().parameters()
        weights.append(torch.cat([parameter.flatten() for parameter in parameters]))
    for i, one in enumerate(weights):
        assert not any(torch.equal(one, other) for other in weights[:i])


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "vgg-small"])
def test_the_hardware_variant_starts_from_the_papers(tmp_path, folder, name):
    paper = trained(tmp_path / "paper", folder, name)
    # At such a low learning rate the weights don't change.
    start = [f"start={tmp_path / 'paper' / 'last.pt'}", "learning_rate=1e-20"]
    hardware = trained(tmp_path / "hardware", folder, f"{name}-hardware", *start)
    parameters = dict(paper.model().named_parameters())
    for key, value in hardware.model().named_parameters():
        assert torch.equal(value, parameters[key]), key


def test_a_run_goes_on_where_its_images_were_moved(tmp_path, folder):
    trained(tmp_path / "run", folder, "resnet20")
    moved = tmp_path / "moved"
    moved.symlink_to(folder)
    words = [f"data_folder={moved}", *SHORT]
    arguments = [word for key in [*words, *SMALLER["resnet20"]] for word in ("--set", key)]
    arguments += ["--recipe", "resnet20", "--resume", "--out", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as exit_:
        run(command, args=arguments, prog_name="train")
    assert exit_.value.code == 0


def test_a_missing_data_set_is_one_line(tmp_path, capfd):
    arguments = ["--recipe", "resnet20", "--set", f"data_folder={tmp_path}"]
    with pytest.raises(SystemExit) as exit_:
        run(command, args=[*arguments, "--out", str(tmp_path / "run")], prog_name="train")
    assert exit_.value.code == 2
    errors = capfd.readouterr().err
    missing = f"{tmp_path}: holds no CIFAR-10; put CIFAR-10 into data_folder: "
    assert errors.startswith(f"error: {missing}")
    assert errors.count("\n") == 1
