from itertools import pairwise

import numpy as np
import pytest

from irnet_hw.boards import load_board
from irnet_hw.compiler.folding.fold import fold
from irnet_hw.compiler.folding.links import InsertStreams, depth
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.passes.forks import Forks
from tests.compiler.graphs import Network, images
from tests.compiler.passes import kinds, logits_nhwc, upto


def test_joins_kernels() -> None:
    network = Network(image=(4, 4, 2), classes=4)
    lowered = upto(network.build(), Forks)
    fold(lowered, load_board("pynq-z2"), 10_000)
    found = lowered.transform(InsertStreams())
    pixels = images(network)
    assert np.array_equal(logits_nhwc(found, pixels), logits_nhwc(lowered, pixels))
    nodes = list(found.graph.node)
    for before, after in pairwise(nodes):
        assert op(before).lanes_out() == op(after).lanes_in()
        assert op(before).get_normal_output_shape() == op(after).get_normal_input_shape()
    names = kinds(found)
    assert names[0] == names[-1] == "RegisterSlice"
    for i, name in enumerate(names):
        if name == "SlidingWindow":
            assert names[i + 1] in ("BinaryMVAU", "IntMVAU")
        elif name in ("BinaryMVAU", "IntMVAU", "BitMaxPool") and i < len(names) - 2:
            assert names[i + 1] == "StreamFIFO"


@pytest.mark.parametrize(
    ("backlog", "beats"), [(0, 2), (2, 2), (3, 4), (9, 16), (64, 64), (65, 128), (316, 320)]
)
def test_a_fifo_has_a_spare_beat_and_whole_banks(backlog: int, beats: int) -> None:
    assert depth(backlog) == beats
