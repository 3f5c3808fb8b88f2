import pytest

from irnet_hw.compiler.graph import op
from tests.compiler import branches
from tests.kernels.nodes import node


def test_a_line_about_each_kernel():
    graph = branches.graph()
    assert [op(node).describe() for node in graph.graph.node] == [
        "register slice",
        "1x1 convolution, 2 to 4 channels, 4 bits",
        "requantise, 4 channels, INT13 to INT8",
        "FIFO of 2 beats",
        "fork: unchanged, signs",
        "3x3 windows of 4x4 pixels, 4 channels",
        "3x3 convolution, 4 to 4 channels, 1 bit",
        "FIFO of 32 beats",
        "join, 4 channels, INT7 requantised and INT8 to INT8",
        "sum over 4x4 pixels, 4 channels",
        "register slice",
    ]


def test_what_a_join_is():
    graph = branches.graph()
    (join,) = (node for node in graph.graph.node if node.op_type == "ResidualJoin")
    assert op(join).facts() == {
        "channels": 4,
        "input": "INT7",
        "output": "INT8",
        "shift": 1,
        "skip": "INT8",
        "skip_shift": 1,
        "multiplier": "DSP",
    }


@pytest.mark.parametrize(
    ("zeros", "text"),
    [
        ([2, 2], "1 of 2x2 pixels of 8x6, 4 channels, and 4 of zeros"),
        ([0, 0], "1 of 2x2 pixels of 8x6, 4 channels"),
    ],
)
def test_a_shortcut(zeros, text):
    shortcut = node(
        "SubsamplePad",
        inputDataType="INT8",
        outputDataType="INT8",
        IFMDim=[8, 6],
        IFMChannels=4,
        Stride=[2, 2],
        PadChannels=zeros,
        PE=2,
    )
    assert shortcut.describe() == text
    assert shortcut.facts() == {
        "image": [8, 6],
        "channels": 4,
        "stride": [2, 2],
        "zeros": zeros,
    }
