import numpy as np
import pytest

from irnet_hw.boards import load_board
from irnet_hw.compiler.emission.reference import graph_run
from irnet_hw.compiler.emission.specialize import Specialize
from irnet_hw.compiler.finn_quiet import quiet
from irnet_hw.compiler.folding.fold import fold
from irnet_hw.compiler.folding.links import InsertStreams
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.passes.forks import Forks
from irnet_hw.errors import UserError
from tests.compiler.graphs import Network, images
from tests.compiler.hardware import resnet
from tests.compiler.passes import kinds, logits_nhwc, upto


def test_names_are_the_networks_or_the_nodes() -> None:
    network = Network(image=(4, 4, 2), classes=4)
    model = network.build()
    tensors = set(model.get_all_tensor_names())
    board = load_board("pynq-z2")
    before = upto(model, Forks)
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


@pytest.mark.parametrize(
    ("name", "attribute", "value", "message"),
    [
        (
            "BinaryMVAU_rtl_0",
            "parallel_window",
            0,
            "SlidingWindow_rtl_1 and BinaryMVAU_rtl_0: windows of parallel_window = 1 go into 0, "
            "must be equal",
        ),
        (
            "ResidualJoin_rtl_0",
            "PE",
            2,
            "StreamFIFO_rtl_3 and ResidualJoin_rtl_0: beats of shape (1, 6, 6, 4, 1) go into "
            "(1, 6, 6, 2, 2), must be equal",
        ),
        (
            "Requantise_rtl_1",
            "inputDataType",
            "INT12",
            "StreamFIFO_rtl_6 and Requantise_rtl_1: elements of type INT14 go into INT12, must be "
            "equal",
        ),
    ],
)
def test_refuses_streams_whose_ends_differ(name, attribute, value, message) -> None:
    board, model = load_board("pynq-z2"), resnet((6, 6, 3), (4,))
    pins = {"BinaryMVAU_rtl_0": {"SIMD": 9, "parallel_window": 1}}
    fold(model, board, 1000, pins)
    model = model.transform(InsertStreams())
    (node,) = (node for node in model.graph.node if node.name == name)
    op(node).set_nodeattr(attribute, value)
    with quiet(), pytest.raises(UserError) as caught:
        model.transform(Specialize(board.part, ()))
    assert str(caught.value) == message
