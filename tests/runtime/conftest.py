import numpy as np
import pytest

from irnet_hw import spec
from irnet_hw.runtime import Accelerator
from tests.runtime.images import IMAGES


@pytest.fixture(scope="session")
def expected(built):
    """The logits of IMAGES, by the QONNX run."""
    (logits,) = spec.run(spec.load(built / "model.onnx"), IMAGES).values()
    assert len(np.unique(logits.argmax(axis=1))) > 1
    return logits


@pytest.fixture(scope="module")
def accelerator(built):
    with Accelerator(built, device="sim") as found:
        yield found
