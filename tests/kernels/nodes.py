"""Nodes to test without a model around them."""

from onnx import helper
from qonnx.custom_op.registry import getCustomOp

import irnet_hw.kernels  # noqa: F401 (registers the ops)


def kernel(op, **attributes):
    node = helper.make_node(
        op,
        ["x"],
        ["y"],
        name=f"{op}_0",
        domain="finn.custom_op.fpgadataflow",
        backend="fpgadataflow",
        **attributes,
    )
    return getCustomOp(helper.make_model(helper.make_graph([node], op, [], [])).graph.node[0])
