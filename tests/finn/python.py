"""Runs graphs of FINN's builder in Python."""

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from irnet_hw import spec
from irnet_hw.artifact import ending
from irnet_hw.compiler.graph import FINN_DOMAIN
from irnet_hw.kernels.base import Kernel
from irnet_hw.runtime.tail import outputs
from tests.compiler.passes import logits_nhwc


def is_ours(node):
    return isinstance(getCustomOp(node), Kernel)


def check_exact(model, folder, shape):
    """Compare a specialised graph, and the tail in a build's folder, with the specification there.

    FINN's own layers run in Python only in their generic form.
    """
    model = ModelWrapper(model.model, make_deepcopy=True)
    for node in model.graph.node:
        if not is_ours(node):
            node.op_type, node.domain = node.op_type.removesuffix("_rtl"), FINN_DOMAIN
    pixels = np.random.default_rng(1).integers(0, 256, (8, *shape), dtype=np.uint8)
    (expected,) = spec.run(spec.load(folder / "specification.onnx"), pixels).values()
    found = outputs(ending.load(folder / "tail.json"), logits_nhwc(model, pixels))
    assert found.dtype == expected.dtype
    assert np.array_equal(found.reshape(expected.shape), expected)
    assert len(np.unique(expected)) > len(pixels)
