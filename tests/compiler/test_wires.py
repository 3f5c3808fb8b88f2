import pytest

from irnet_hw.compiler.wires import Port, Wire, streams_in, wires
from tests.compiler import branches


def test_streams_are_numbered_by_the_nodes_that_write_them():
    assert wires(branches.graph()) == [
        Wire("image", None, Port(0, 0)),
        Wire("pixels", Port(0, 0), Port(1, 0)),
        Wire("sums", Port(1, 0), Port(2, 0)),
        Wire("stream", Port(2, 0), Port(3, 0)),
        Wire("buffered", Port(3, 0), Port(4, 0)),
        Wire("skip", Port(4, 0), Port(7, 0)),
        Wire("sign", Port(4, 1), Port(5, 0)),
        Wire("windows", Port(5, 0), Port(6, 0)),
        Wire("counts", Port(6, 0), Port(8, 0)),
        Wire("waiting", Port(7, 0), Port(8, 1)),
        Wire("joined", Port(8, 0), Port(9, 0)),
        Wire("total", Port(9, 0), Port(10, 0)),
        Wire("logits", Port(10, 0), None),
    ]


def test_constants_are_no_streams():
    join = branches.graph().graph.node[8]
    assert len(join.input) == 4 and streams_in(join) == ["counts", "waiting"]


@pytest.mark.parametrize(
    ("node", "tensor", "message"),
    [
        (1, "image", "image is read more than once"),
        (1, "joined", "IntMVAU reads joined before a node writes it"),
        (7, "buffered", "buffered is read more than once"),
    ],
)
def test_what_is_no_pipeline_is_the_compilers_fault(node, tensor, message):
    graph = branches.graph()
    graph.graph.node[node].input[0] = tensor
    with pytest.raises(AssertionError, match=message):
        wires(graph)


def test_every_stream_is_read():
    graph = branches.graph()
    graph.graph.node[4].output.append("more")
    with pytest.raises(AssertionError, match="more: read by no node"):
        wires(graph)
