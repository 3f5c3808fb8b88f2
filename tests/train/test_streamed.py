import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from irnet_hw.errors import UserError
from irnet_hw.train.recipe import load_recipe
from irnet_hw.train.streamed import StreamedFeed
from tests.data.photographs import write_streamed
from tests.data.test_decode import DAMAGED

CPU = torch.device("cpu")
RECIPE = load_recipe("imagenet-resnet18", ["batch_size=4"])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Return 18 training images (4 batches and a remainder) and 9 test images."""
    return write_streamed(tmp_path_factory.mktemp("streamed"), train=6, test=3)


@pytest.fixture(scope="module")
def two_workers(dataset):
    return StreamedFeed(dataset, RECIPE, CPU, 0, 1, workers=2)


def feed(dataset, rank=0, world=1):
    return StreamedFeed(dataset, RECIPE, CPU, rank, world, workers=0)


def shared(dataset, world, *what):
    """Return the shares of several processes, put together."""
    shares = [list(feed(dataset, rank, world).train(*what)) for rank in range(world)]
    for parts in zip(*shares, strict=True):
        yield tuple(map(torch.cat, zip(*parts, strict=True)))


def same(found, expected):
    assert len(found) == len(expected)
    for (pixels, labels), (right, wanted) in zip(found, expected, strict=True):
        assert torch.equal(pixels, right)
        assert torch.equal(labels, wanted)


def test_an_epoch(dataset):
    found = feed(dataset)
    assert found.steps == 4
    batches = list(found.train(0))
    assert len(batches) == 4
    for pixels, labels in batches:
        assert pixels.shape == (4, 3, 224, 224)
        assert pixels.dtype == torch.uint8
        assert pixels.is_contiguous(memory_format=torch.channels_last)
        assert labels.dtype == torch.int64
    order = dataset.order(RECIPE.seed, 0)[:16]
    labels = torch.cat([labels for _, labels in batches])
    assert np.array_equal(labels.numpy(), dataset.train_labels[order])
    for place, index in enumerate(order.tolist()):
        pixels = batches[place // 4][0][place % 4].permute(1, 2, 0).numpy()
        assert np.array_equal(pixels, dataset.decode_train(index, RECIPE.seed, 0, RECIPE.flip))


def test_epochs_differ(dataset):
    (first, _), (second, _) = (next(feed(dataset).train(epoch)) for epoch in (0, 1))
    assert not torch.equal(first, second)


@pytest.mark.slow
def test_workers_make_no_difference(dataset, two_workers):
    for epoch in (0, 1):
        same(list(two_workers.train(epoch)), list(feed(dataset).train(epoch)))
        same(list(two_workers.test()), list(feed(dataset).test()))


@pytest.mark.slow
def test_what_is_left_of_an_epoch(dataset, two_workers):
    whole = list(feed(dataset).train(2))
    for first_step in range(5):
        same(list(feed(dataset).train(2, first_step)), whole[first_step:])
    same(list(two_workers.train(2, 3)), whole[3:])


def test_what_is_left_out_is_not_decoded(dataset, monkeypatch):
    decoded = []
    original = type(dataset).decode_train

    def decode_train(self, index, *arguments):
        decoded.append(index)
        return original(self, index, *arguments)

    monkeypatch.setattr(type(dataset), "decode_train", decode_train)
    list(feed(dataset).train(0, 3))
    assert decoded == dataset.order(RECIPE.seed, 0)[12:16].tolist()


@pytest.mark.parametrize("world", [2, 4])
def test_processes_share_the_batches_of_one(dataset, world):
    same(list(shared(dataset, world, 1, 1)), list(feed(dataset).train(1, 1)))


@pytest.mark.slow
def test_an_epoch_that_is_not_gone_through_leaves_nothing(dataset, two_workers):
    part = two_workers.train(0)
    next(part)
    same(list(two_workers.test()), list(feed(dataset).test()))
    part = two_workers.train(0)
    next(part)
    part.close()
    same(list(two_workers.train(1)), list(feed(dataset).train(1)))


@pytest.mark.parametrize("world", [1, 2])
def test_test_images_come_in_batches_of_one_size(dataset, monkeypatch, world):
    monkeypatch.setattr("irnet_hw.train.streamed.EVALUATION_BATCH", 4)
    found = {}
    for rank in range(world):
        batches = list(feed(dataset, rank, world).test())
        assert {pixels.shape for pixels, _ in batches} == {(4, 3, 224, 224)}
        pixels, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
        count = len(range(rank, 9, world))
        assert (labels[:count] >= 0).all()
        assert (labels[count:] == -1).all()
        for place, index in enumerate(range(rank, 9, world)):
            assert labels[place] == dataset.test_labels[index]
            found[index] = pixels[place].permute(1, 2, 0).numpy()
    for index in range(9):
        assert np.array_equal(found[index], dataset.decode_test(index))


@pytest.mark.slow
def test_nobodys_random_numbers_are_used(dataset, two_workers):
    before = torch.random.get_rng_state()
    list(two_workers.train(0))
    list(feed(dataset).test())
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_damaged_image(tmp_path, workers):
    dataset = write_streamed(tmp_path, train=2)
    path = tmp_path / "train" / "c" / "0.jpg"
    path.write_bytes(b"hello")
    recipe = load_recipe("imagenet-resnet18", ["batch_size=6"])
    with pytest.raises(UserError) as error:
        list(StreamedFeed(dataset, recipe, CPU, 0, 1, workers).train(0))
    assert str(error.value) == f"{path}: {DAMAGED}"


@pytest.mark.slow
def test_a_worker_that_is_killed(dataset):
    killed = StreamedFeed(dataset, RECIPE, CPU, 0, 1, workers=1)
    batches = killed.train(0)
    next(batches)
    # As if memory had run out.
    (worker,) = killed._loader._iterator._workers
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    with pytest.raises(UserError) as error:
        list(batches)
        list(killed.train(1))
    assert str(error.value).startswith("a process that decodes images has ended: DataLoader worker")
    assert str(error.value).endswith("too little memory or too little space in /dev/shm")


SCRIPT = """
    import sys, time
    from pathlib import Path
    import torch
    from irnet_hw.data.image_folder import ImageFolder
    from irnet_hw.data.streamed import StreamedDataset
    from irnet_hw.train.recipe import load_recipe
    from irnet_hw.train.streamed import StreamedFeed

    if __name__ == "__main__":
        parts = (ImageFolder(Path(sys.argv[1]) / part, list("abc")) for part in ("train", "val"))
        recipe = load_recipe("imagenet-resnet18", ["batch_size=4"])
        feed = StreamedFeed(StreamedDataset(*parts), recipe, torch.device("cpu"), 0, 1, workers=2)
        try:
            for epoch in range(10**6):
                for batch in feed.train(epoch):
                    print("batch", flush=True)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
"""


@pytest.mark.slow
def test_ctrl_c_is_the_parents_business(tmp_path):
    write_streamed(tmp_path)
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    ) as process:
        assert process.stdout.readline() == "batch\n"
        # As a terminal does: to every process of the group.
        os.killpg(process.pid, signal.SIGINT)
        # Until no process is left that could write to it.
        output, errors = process.communicate(timeout=60)
    assert errors == ""
    assert output.splitlines()[-1] == "interrupted"
    assert process.returncode == 0
