import numpy as np
import pytest
import torch

from irnet_hw import data
from irnet_hw.data.pairs import shrunk
from irnet_hw.train.crops import CropFeed
from irnet_hw.train.recipe import load_recipe
from tests.data.drawn import write_pairs

CPU = torch.device("cpu")
SIDE = 8


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    write_pairs(folder)
    return data.load_pairs(str(folder), 2, SIDE)


def batches(pairs, epoch=0, first_step=0, rank=0, world=1, flip=True):
    keys = [f"model.image=[{SIDE},{SIDE},1]", "batch_size=4", f"flip={str(flip).lower()}"]
    feed = CropFeed(pairs, load_recipe("sr-x2", keys), CPU, rank, world)
    assert feed.steps == (6 + 4) // 4
    return list(feed.train(epoch, first_step))


def crops(pairs):
    """Return all crops by their pixels, small: the full size, turned and mirrored alike."""
    found = {}
    for pair in pairs.train:
        for top in range(pair.low.shape[0] - SIDE + 1):
            for left in range(pair.low.shape[1] - SIDE + 1):
                low = pair.low[top : top + SIDE, left : left + SIDE]
                high = pair.high[2 * top : 2 * (top + SIDE), 2 * left : 2 * (left + SIDE)]
                for turn in range(4):
                    for flip in (1, -1):
                        small, large = (np.rot90(image[:, ::flip], turn) for image in (low, high))
                        found[small.tobytes()] = large
    return found


def test_crops_are_turned_and_mirrored_with_their_full_size(pairs):
    known = crops(pairs)
    seen = []
    for epoch in range(5):
        for low, high in batches(pairs, epoch):
            assert low.shape == (4, 1, SIDE, SIDE) and high.shape == (4, 1, 2 * SIDE, 2 * SIDE)
            assert low.dtype == high.dtype == torch.uint8
            for small, large in zip(low[:, 0].numpy(), high[:, 0].numpy(), strict=True):
                assert np.array_equal(known[small.tobytes()], large)
                seen.append(small.tobytes())
    assert len(set(seen)) > 0.9 * len(seen) == 36


def test_without_flip_crops_stay_upright(pairs):
    upright = {
        pair.low[top : top + SIDE, left : left + SIDE].tobytes()
        for pair in pairs.train
        for top in range(pair.low.shape[0] - SIDE + 1)
        for left in range(pair.low.shape[1] - SIDE + 1)
    }
    found = [small.tobytes() for low, _ in batches(pairs, flip=False) for small in low.numpy()]
    assert set(found) <= upright


@pytest.mark.parametrize("world", [2, 4])
def test_processes_share_the_batches_of_one(pairs, world):
    whole = batches(pairs, 1)
    shares = [batches(pairs, 1, 0, rank, world) for rank in range(world)]
    for step, batch in enumerate(whole):
        for which in (0, 1):
            parts = torch.cat([share[step][which] for share in shares])
            assert torch.equal(parts, batch[which])


def test_an_epoch_resumes_with_the_same_batches(pairs):
    (_, second) = batches(pairs, 2)
    (again,) = batches(pairs, 2, 1)
    assert torch.equal(second[0], again[0]) and torch.equal(second[1], again[1])


def test_the_first_set_is_tested_on(pairs):
    keys = [f"model.image=[{SIDE},{SIDE},1]", "batch_size=4"]
    ((low, high),) = CropFeed(pairs, load_recipe("sr-x2", keys), CPU, 0, 1).test()
    assert high.shape == (1, 1, 32, 46)
    assert np.array_equal(low[0, 0], shrunk(high[0, 0].numpy(), 2))
