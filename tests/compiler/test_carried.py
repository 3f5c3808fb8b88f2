from irnet_hw.compiler.emission.carried import Carried, carried
from irnet_hw.compiler.wires import wires
from tests.compiler import branches


def by_stream(graph):
    names = [wire.tensor for wire in wires(graph)]
    return dict(zip(names, carried(graph), strict=True))


def test_tensors_follow_through_forks_and_buffers():
    stream = Carried("stream", branches.STEP)
    logits = Carried("logits", branches.SCALE)
    assert by_stream(branches.graph()) == {
        "image": Carried("image", 1.0),
        "pixels": Carried("image", 1.0),
        "sums": None,
        "stream": stream,
        "buffered": stream,
        "skip": stream,
        "sign": Carried("sign", 1.0),
        "windows": None,
        "counts": None,
        "waiting": stream,
        "joined": Carried("joined", branches.STEP / 2),
        "total": logits,
        "logits": logits,
    }


def test_a_name_counts_for_all_branches_of_a_fork():
    graph = branches.graph()
    for node in graph.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = {"stream": "unnamed", "waiting": "stream"}.get(name, name)
    found = by_stream(graph)
    assert {found[name] for name in ("unnamed", "buffered", "skip", "stream")} == {
        Carried("stream", branches.STEP)
    }
