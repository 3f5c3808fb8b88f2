"""Nodes of the generic kernels, as the compiler creates them."""

from onnx import helper
from qonnx.custom_op.registry import getCustomOp

import irnet_hw.kernels  # noqa: F401 (registers the ops)


def node(op, inputs=("x",), **attributes):
    """Return the kernel of a new node named ``op``_0."""
    proto = helper.make_node(
        op,
        inputs,
        ["y"],
        name=f"{op}_0",
        domain="finn.custom_op.fpgadataflow",
        backend="fpgadataflow",
        **attributes,
    )
    model = helper.make_model(helper.make_graph([proto], "kernel", [], []))
    return getCustomOp(model.graph.node[0])
