import numpy as np
import pytest

from irnet_hw.compiler.emission.reference import graph_run
from irnet_hw.errors import UserError
from tests.compiler import branches
from tests.simulate.branches import simulator, specialised

IMAGES = branches.images(6)


@pytest.fixture(scope="module")
def graph():
    return specialised(branches.graph())


@pytest.fixture(scope="module")
def whole(graph, tmp_path_factory):
    return simulator(graph, tmp_path_factory.mktemp("branches"))


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_every_stream_is_the_models(graph, whole, seed):
    """At full rate, and with gaps and stalls over several images."""
    streamed = whole.stream(IMAGES, len(IMAGES), "streaming", seed)
    models = graph_run(graph, IMAGES)
    assert np.array_equal(streamed.out, models[-1])
    for tap, model in zip(streamed.taps, models[1:], strict=True):
        assert np.array_equal(tap, model)


@pytest.mark.parametrize("join", ["AddStreams", "ConcatStreams"])
def test_other_joins(join, tmp_path):
    """Signs and values are added; maxima and values are concatenated."""
    graph = specialised(branches.graph(join=join))
    streamed = simulator(graph, tmp_path).stream(IMAGES, len(IMAGES), "streaming", 4)
    models = graph_run(graph, IMAGES)
    assert np.array_equal(streamed.out, models[-1])
    for tap, model in zip(streamed.taps, models[1:], strict=True):
        assert np.array_equal(tap, model)


def test_the_manifest_says_where_streams_begin_and_end(whole):
    streams, layers = whole.manifest.streams, whole.manifest.layers
    for number, layer in enumerate(layers):
        assert [streams[i].target for i in layer.inputs] == [number] * len(layer.inputs)
        assert [streams[i].source for i in layer.outputs] == [number] * len(layer.outputs)
    (fork,) = (layer for layer in layers if layer.op == "StreamFork")
    assert [streams[i].tensor for i in fork.outputs] == ["stream", "sign"]
    assert [streams[i].scale for i in fork.outputs] == [branches.STEP, 1.0]
    assert [streams[i].datatype for i in fork.outputs] == ["INT8", "BIPOLAR"]
    (join,) = (layer for layer in layers if layer.op == "ResidualJoin")
    assert [streams[i].datatype for i in join.inputs] == ["INT7", "INT8"]


def test_a_fifo_that_is_too_small_is_named(tmp_path):
    """The windows wait for rows that the fork can't send: the other branch's FIFO is full."""
    stuck = simulator(specialised(branches.graph(depth=2)), tmp_path)
    with pytest.raises(UserError) as caught:
        stuck.stream(IMAGES, 0, "streaming")
    first, *lines = str(caught.value).splitlines()
    assert first.startswith(f"{tmp_path}: hangs in cycle ")
    assert first.endswith(
        ": deadlock: these streams wait for each other in a circle: BinaryMVAU_rtl_0, "
        "SlidingWindow_rtl_0, StreamFork_rtl_0.out1, StreamFork_rtl_0.out0, StreamFIFO_rtl_1"
    )
    assert len(lines) == len(stuck.manifest.streams)
