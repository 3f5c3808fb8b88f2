import dataclasses
import resource

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from irnet_hw.train.checkpoint import load_checkpoint, save_checkpoint
from irnet_hw.train.loop import train


@pytest.fixture
def last(small, tmp_path):
    return train(dataclasses.replace(small, epochs=1), tmp_path)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    from irnet_hw.train.recipe import load_recipe
    from tests.train.conftest import SMALL

    recipe = load_recipe("digits-vgg", [*SMALL, "epochs=1"])
    return train(recipe, tmp_path_factory.mktemp("run")).read_bytes()


def test_holds_what_is_documented(last, small):
    content = torch.load(last, weights_only=True)
    assert set(content) == {
        *("format", "recipe", "seed", "epoch", "partial", "state_dict", "optimizer"),
        *("metrics", "labels", "versions"),
    }
    assert content["format"] == 2
    assert content["recipe"]["model"]["widths"] == small.model.widths
    assert content["seed"] == small.seed
    assert content["labels"] == [str(digit) for digit in range(10)]
    assert set(content["versions"]) == {
        *("irnet-hw", "python", "brevitas", "lightning-fabric", "numpy", "scikit-learn", "torch"),
    }


def test_saves_and_loads_alike(last, tmp_path):
    checkpoint = load_checkpoint(last)
    save_checkpoint(checkpoint, tmp_path / "again.pt")
    again = load_checkpoint(tmp_path / "again.pt")
    for name, value in checkpoint.state_dict.items():
        assert torch.equal(value, again.state_dict[name])
    assert checkpoint.recipe == again.recipe
    assert checkpoint.metrics == again.metrics


def test_gives_the_network_ready_for_use(last):
    model = load_checkpoint(last).model()
    assert not model.training
    assert model(torch.zeros(1, 1, 8, 8)).shape == (1, 10)


def test_refuses_a_state_dict_of_another_network(last):
    checkpoint = load_checkpoint(last)
    del checkpoint.state_dict["dense.bias"]
    with pytest.raises(UserError) as error:
        checkpoint.model()
    assert str(error.value) == ("checkpoint of digits-vgg: dense.bias is missing")


def test_a_full_disk_leaves_the_earlier_file(last):
    checkpoint, before = load_checkpoint(last), last.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(UserError) as error:
            save_checkpoint(checkpoint, last)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(error.value) == f"{last}: can't be written: File too large"
    assert last.read_bytes() == before


WANTED = "must be a file that irnet-hw train or pack wrote"


def refusal(path):
    with pytest.raises(UserError) as error:
        load_checkpoint(path)
    return str(error.value)


def test_a_missing_file(tmp_path):
    path = tmp_path / "no.pt"
    assert refusal(path) == f"{path}: can't be read: No such file or directory; {WANTED}"


def test_a_folder(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path}: can't be read: Is a directory; {WANTED}"


@pytest.mark.parametrize("foreign", [b"", b"hello", b"PK\x03\x04" + bytes(100)])
def test_a_file_of_something_else(tmp_path, foreign):
    path = tmp_path / "foreign.pt"
    path.write_bytes(foreign)
    assert refusal(path) == (
        f"{path}: is not a zip file, or it is damaged (File is not a zip file); {WANTED}"
    )


@pytest.mark.parametrize("foreign", [{"state_dict": {}}, [1, 2], torch.zeros(3)])
def test_a_torch_file_of_something_else(tmp_path, foreign):
    path = tmp_path / "foreign.pt"
    torch.save(foreign, path)
    assert refusal(path) == f"{path}: is not a checkpoint of irnet-hw"


def test_a_file_with_code_in_it(tmp_path):
    path = tmp_path / "foreign.pt"
    torch.save(torch.nn.Linear(2, 2), path)
    assert refusal(path) == f"{path}: is damaged, or is not a checkpoint; {WANTED}"


def test_another_format(last):
    content = torch.load(last, weights_only=True)
    torch.save(content | {"format": 1}, last)
    assert refusal(last) == f"{last}: is a checkpoint of format 1, must be format 2"


def test_a_missing_entry(last):
    content = torch.load(last, weights_only=True)
    del content["labels"]
    torch.save(content, last)
    assert refusal(last) == f"{last}: is not a checkpoint of irnet-hw: it has no labels"


@given(st.data())
def test_a_file_cut_short(content, tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "cut.pt"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    assert refusal(path).startswith(f"{path}: is not a zip file, or it is damaged (")


@given(st.data())
def test_a_flipped_bit_is_found_or_harmless(content, tmp_path_factory, data):
    """A bit flip in the archive's padding changes nothing; any other one is noticed."""
    path = tmp_path_factory.getbasetemp() / "flipped.pt"
    damaged = bytearray(content)
    damaged[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged)
    try:
        found = load_checkpoint(path)
    except UserError as error:
        assert str(error).startswith(f"{path}: ")
        assert str(error).endswith(f"; {WANTED}")
        return
    path.write_bytes(content)
    whole = load_checkpoint(path)
    assert found.recipe == whole.recipe
    assert found.metrics == whole.metrics
    assert all(
        torch.equal(found.state_dict[key], whole.state_dict[key]) for key in whole.state_dict
    )
