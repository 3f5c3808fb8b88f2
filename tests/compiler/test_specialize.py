import numpy as np

from irnet_hw.boards import load_board
from irnet_hw.compiler.finn_quiet import quiet
from irnet_hw.compiler.fold import fold
from irnet_hw.compiler.lower import Lower
from irnet_hw.compiler.reference import graph_run
from irnet_hw.compiler.specialize import Specialize
from irnet_hw.compiler.streams import InsertStreams
from tests.compiler.graphs import Network, images
from tests.compiler.passes import kinds, logits_nhwc, upto


def test_names_are_the_networks_or_the_nodes() -> None:
    network = Network(image=(4, 4, 2), classes=4)
    model = network.build()
    tensors = set(model.get_all_tensor_names())
    board = load_board("pynq-z2")
    before = upto(model, Lower)
    fold(before, board, 10_000)
    before = before.transform(InsertStreams())
    with quiet():
        found = before.transform(Specialize(board.part, tensors))
    assert kinds(found) == [f"{kind}_rtl" for kind in kinds(before)]
    names = {node.name for node in found.graph.node}
    assert {"SlidingWindow_rtl_0", "BinaryMVAU_rtl_1", "IntMVAU_rtl_1"} <= names
    for name in found.get_all_tensor_names():
        assert name in tensors or name.rpartition("_")[0] in names
    pixels = images(network)
    assert np.array_equal(graph_run(found, pixels)[-1], logits_nhwc(before, pixels))
