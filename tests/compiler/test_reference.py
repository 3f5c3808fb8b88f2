import numpy as np
import pytest

from irnet_hw.compiler.emission.reference import graph_run
from irnet_hw.compiler.wires import wires
from irnet_hw.errors import UserError
from tests.compiler import branches
from tests.kernels.windows import convolution


def test_streams_are_what_the_kernels_compute():
    graph, images = branches.graph(), branches.images(5)
    names = [wire.tensor for wire in wires(graph)]
    found = dict(zip(names, graph_run(graph, images), strict=True))
    w0, w1, m0, b0, m1, b1 = (
        graph.get_initializer(name).astype(int) for name in ("w0", "w1", "m0", "b0", "m1", "b1")
    )
    stream = np.clip(((images.astype(int) - 128) @ w0 * m0 + b0) >> 6, -128, 127)
    sign = np.where(stream >= 0, 1, -1)
    counts = convolution(sign, w1, (3, 3), (1, 1), (1, 1, 1, 1))
    joined = np.clip(2 * stream + ((counts * m1 + b1) >> 1), -128, 127)
    for name in ("stream", "buffered", "skip", "waiting"):
        assert np.array_equal(found[name], stream)
    assert np.array_equal(found["sign"], sign)
    assert np.array_equal(found["joined"], joined)
    assert np.array_equal(found["logits"], joined.sum((1, 2)))


def test_other_images_are_refused():
    with pytest.raises(UserError) as caught:
        graph_run(branches.graph(), branches.images(2)[:, :3])
    assert str(caught.value) == ("input image: shape [2, 3, 4, 2], must be [N, 4, 4, 2]")
