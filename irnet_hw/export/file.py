"""The exported network as a QONNX file."""

import json
from collections.abc import Iterator
from typing import Any

import torch
from onnx import ModelProto, NodeProto
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.cleanup import cleanup_model

from irnet_hw.export.network import Network
from irnet_hw.quant.handlers import export_qonnx
from irnet_hw.spec import METADATA_KEY

INPUT = "image"
OUTPUT = "logits"

#: The last opset of Brevitas' TorchScript exporter, which keeps Flatten and, unlike the newer
#: one, writes neither file paths nor stack traces of the machine.
OPSET = 13


def to_qonnx(network: Network) -> ModelWrapper:
    """Return the QONNX graph of a network for one image.

    The tensors between layers are named after the modules that produce them; qonnx's cleanup
    names the others.

    Args:
        network: the network to write.
    """
    height, width, channels = network.image_shape
    proto = export_qonnx(
        network.deployed,
        args=torch.zeros(1, channels, height, width),
        dynamo=False,
        opset_version=OPSET,
    )
    # Mark nodes in execution order, which cleanup changes. It changes names too, but not doc
    # strings.
    for node, name in zip(_boundaries(proto), network.boundaries(), strict=True):
        node.doc_string = name
    model = cleanup_model(ModelWrapper(proto))
    model.rename_tensor(model.graph.input[0].name, INPUT)
    model.rename_tensor(model.graph.output[0].name, OUTPUT)
    for node in model.graph.node:
        if node.doc_string:
            model.rename_tensor(node.output[0], node.doc_string)
            node.ClearField("doc_string")
    model.set_tensor_datatype(INPUT, DataType["UINT8"])
    return model


def _boundaries(proto: ModelProto) -> Iterator[NodeProto]:
    """Yield the quantizers of values that depend on the image, not of constants."""
    seeing = {proto.graph.input[0].name}  # the other inputs are the initializers
    for node in proto.graph.node:
        if seeing & set(node.input):
            seeing.update(node.output)
            if node.op_type in ("BipolarQuant", "Quant"):
                yield node


def set_metadata(model: ModelWrapper, metadata: dict[str, Any]) -> None:
    """Write the network's metadata into the file."""
    model.set_metadata_prop(METADATA_KEY, json.dumps(metadata, sort_keys=True))


def to_bytes(model: ModelWrapper) -> bytes:
    """Return the file's content; equal networks give equal bytes."""
    content: bytes = model.model.SerializeToString(deterministic=True)
    return content
