import dataclasses

import pytest
import torch
from click.testing import CliRunner

from irnet_hw.cli.train import command_pack
from irnet_hw.errors import UserError
from irnet_hw.train.checkpoint import load_checkpoint, load_trainable, save_checkpoint
from irnet_hw.train.loop import train
from irnet_hw.train.pack import pack


@pytest.fixture(scope="module")
def last(tmp_path_factory):
    from irnet_hw.train.recipe import load_recipe
    from tests.train.conftest import SMALL

    recipe = load_recipe("digits-vgg", [*SMALL, "epochs=1"])
    return train(recipe, tmp_path_factory.mktemp("run"))


@pytest.fixture
def packed(last, tmp_path):
    pack(last, tmp_path / "packed.pt")
    return tmp_path / "packed.pt"


def refusal(function, *arguments):
    with pytest.raises(UserError) as error:
        function(*arguments)
    return str(error.value)


def test_holds_the_network_and_where_it_comes_from(last, packed):
    content, before = (torch.load(path, weights_only=True) for path in (packed, last))
    assert content.keys() == before.keys()
    assert content["optimizer"] == {}
    metrics = before["metrics"]
    assert content["metrics"] == {
        key: metrics[key] for key in ("last_test_accuracy", "best_test_accuracy", "best_epoch")
    }
    for key in ("format", "recipe", "seed", "epoch", "labels", "versions"):
        assert content[key] == before[key]


def test_forgets_the_paths_of_the_machine_that_trained(last, tmp_path):
    trained = load_checkpoint(last)
    local = dataclasses.replace(trained.recipe, data_folder="/mnt/data", start="/mnt/last.pt")
    save_checkpoint(dataclasses.replace(trained, recipe=local), tmp_path / "local.pt")
    pack(tmp_path / "local.pt", tmp_path / "packed.pt")
    assert load_checkpoint(tmp_path / "packed.pt").recipe == trained.recipe


def test_gives_a_network_that_computes_the_same(last, packed):
    images = torch.randint(0, 256, (50, 1, 8, 8)).float()
    networks = [load_checkpoint(path).model() for path in (last, packed)]
    assert not any(network.training for network in networks)
    with torch.no_grad():
        one, other = (network(images) for network in networks)
    assert torch.equal(one, other)


def test_the_same_checkpoint_gives_the_same_bytes(packed):
    before = packed.read_bytes()
    pack(packed, packed)
    assert packed.read_bytes() == before


def test_the_command_says_the_sizes(last, tmp_path):
    out = tmp_path / "packed.pt"
    result = CliRunner().invoke(command_pack, [str(last), str(out)])
    assert result.exit_code == 0
    sizes = [path.stat().st_size for path in (out, last)]
    assert result.stderr == f"{out}: {sizes[0]:,} bytes, the checkpoint has {sizes[1]:,}\n"


def test_no_training_goes_on_from_it(packed, small, tmp_path):
    message = (
        "is packed: it keeps only the signs of its 1-bit weights, but training needs the "
        "weights; use the last.pt of the training run"
    )
    assert refusal(load_trainable, packed) == f"{packed}: {message}"
    packed.rename(tmp_path / "last.pt")
    recipe = dataclasses.replace(small, epochs=1)
    assert refusal(train, recipe, tmp_path, True) == f"{tmp_path / 'last.pt'}: {message}"


def test_refuses_what_is_no_checkpoint(tmp_path):
    path = tmp_path / "foreign.pt"
    path.write_bytes(b"foreign")
    assert refusal(pack, path, tmp_path / "out.pt") == (
        f"{path}: is not a zip file, or it is damaged (File is not a zip file); must be a file "
        "that irnet-hw train or pack wrote"
    )
    assert not (tmp_path / "out.pt").exists()


def test_refuses_a_checkpoint_of_another_network(last, tmp_path):
    checkpoint, path = load_checkpoint(last), tmp_path / "other.pt"
    del checkpoint.state_dict["dense.bias"]
    save_checkpoint(checkpoint, path)
    assert refusal(pack, path, tmp_path / "out.pt") == (
        f"{path}: checkpoint of digits-vgg: dense.bias is missing"
    )


def test_a_damaged_file_is_refused(packed):
    content = bytearray(packed.read_bytes())
    at = content.index(bytes(load_checkpoint(packed).state_dict["block1.conv.signs"].numpy()))
    content[at] ^= 1
    packed.write_bytes(content)
    message = refusal(load_checkpoint, packed)
    assert message.startswith(f"{packed}: is damaged, ")
    assert "Bad CRC-32 for file" in message


def test_a_network_that_does_not_fit_is_refused(packed):
    content = torch.load(packed, weights_only=True)
    content["state_dict"]["block1.conv.signs"] = torch.zeros(3, dtype=torch.uint8)
    torch.save(content, packed)
    assert refusal(load_checkpoint(packed).model) == (
        "checkpoint of digits-vgg: block1.conv.signs: [3] of torch.uint8, must be [18] of "
        "torch.uint8"
    )


def test_refuses_a_checkpoint_within_an_epoch(last, tmp_path):
    path = tmp_path / "interrupted.pt"
    checkpoint = load_checkpoint(last)
    save_checkpoint(dataclasses.replace(checkpoint, partial=checkpoint.partial | {"step": 3}), path)
    assert refusal(pack, path, tmp_path / "out.pt") == (
        f"{path}: was saved during epoch 2, must be from the end of an epoch; use best.pt, or "
        "finish the training with --resume"
    )
