"""Steps of a FINN user who keeps some of FINN's own layers in place of our kernels."""

import numpy as np
from onnx import helper
from qonnx.core.datatype import DataType

from irnet_hw.compiler.graph import FINN_DOMAIN, op


def step_their_thresholds(model, cfg):  # noqa: ARG001 (FINN's signature)
    """Use FINN's Thresholding wherever thresholds only rise, in steps of 1."""
    for i, node in enumerate(model.graph.node):
        if node.op_type != "Thresholds":
            continue
        kernel = op(node)
        assert not np.any(model.get_initializer(node.input[2])), "falling thresholds"
        assert kernel.get_nodeattr("outScale") == 1
        theirs = helper.make_node(
            "Thresholding",
            node.input[:2],
            node.output,
            name=node.name,
            domain=FINN_DOMAIN,
            backend="fpgadataflow",
            PE=1,
            NumChannels=kernel.get_nodeattr("NumChannels"),
            numSteps=kernel.get_nodeattr("numSteps"),
            inputDataType=kernel.get_nodeattr("inputDataType"),
            weightDataType="INT32",
            outputDataType=kernel.get_nodeattr("outputDataType"),
            numInputVectors=kernel.get_nodeattr("numInputVectors"),
            ActVal=kernel.get_nodeattr("outBias"),
        )
        model.graph.node[i].CopyFrom(theirs)
    return model


def step_their_layers(model, cfg):  # noqa: ARG001
    """Use FINN's MVAU for layers without a bias that read few bits."""
    for i, node in enumerate(model.graph.node):
        if node.op_type != "IntMVAU":
            continue
        kernel = op(node)
        weights = model.get_initializer(node.input[1])
        bias = model.get_initializer(node.input[2])
        reads, gives = kernel.get_input_datatype(), kernel.get_output_datatype()
        if np.any(bias) or kernel.get_nodeattr("InputZeroPoint") or reads.bitwidth() > 4:
            continue
        theirs = helper.make_node(
            "MVAU",
            node.input[:2],
            node.output,
            name=node.name,
            domain=FINN_DOMAIN,
            backend="fpgadataflow",
            PE=1,
            SIMD=1,
            MW=weights.shape[0],
            MH=weights.shape[1],
            inputDataType=reads.name,
            weightDataType=kernel.get_nodeattr("weightDataType"),
            outputDataType=gives.name,
            accDataType=gives.name,
            numInputVectors=kernel.get_nodeattr("numInputVectors"),
            noActivation=1,
            preferred_impl_style="rtl",
        )
        model.set_tensor_datatype(node.input[1], DataType[kernel.get_nodeattr("weightDataType")])
        model.graph.node[i].CopyFrom(theirs)
    return model


REPLACE = {"thresholds": step_their_thresholds, "layers": step_their_layers}
