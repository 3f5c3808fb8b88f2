import numpy as np
import pytest

from tests.compiler.graphs import Conv, Network, images
from tests.networks import build_network

#: Its images can be shown.
GREY = Network(image=(8, 8, 1), layers=(Conv(4, bits=8), Conv(4, pool=2)), classes=4, seed=2)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """An accelerator with the images that a simulation keeps; tests must not change it."""
    folder = build_network(GREY, tmp_path_factory.mktemp("deploy"))
    np.savez(folder / "sample.npz", images=images(GREY, 20), labels=np.arange(20) % 4)
    return folder
