"""Forks: inserts a StreamFork where several nodes read a tensor, or a node takes its sign.

A stream in the hardware has only one reader. The fork gives each reader its own stream, and only
the sign to readers that need nothing else: BipolarQuant of a stream is the complement of its sign
bit.
"""

from onnx import NodeProto
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.transformation.general import SortGraph

from irnet_hw.compiler.graph import add_tensor, readers, shape
from irnet_hw.compiler.nhwc import from_nhwc, kernel, to_nhwc
from irnet_hw.compiler.passes.residual_streams import steps


class Forks(Transformation):  # type: ignore[misc]
    """Give every tensor one reader."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model with forks."""
        streams = steps(model)
        for tensor in [node.output[0] for node in model.graph.node]:
            found = readers(model, tensor)
            if len(found) > 1 or (tensor in streams and _is_sign(found[0])):
                _fork(model, tensor, found, tensor in streams)
        return model.transform(SortGraph()), False


def _is_sign(node: NodeProto) -> bool:
    return bool(node.op_type == "MultiThreshold")


def _fork(model: ModelWrapper, tensor: str, found: list[NodeProto], signed: bool) -> None:
    sizes, datatype = shape(model, tensor), model.get_tensor_datatype(tensor)
    entry, before = to_nhwc(model, tensor)
    after: list[NodeProto] = []
    written, signs = [], []
    for reader in found:
        sign = signed and _is_sign(reader)
        if sign:
            branch = reader.output[0]
            model.set_tensor_datatype(branch, DataType["BIPOLAR"])
            model.graph.node.remove(reader)
        else:
            branch = add_tensor(model, f"{tensor}_fork", sizes, datatype)
            for i, name in enumerate(reader.input):
                if name == tensor:
                    reader.input[i] = branch
        stream, turn = from_nhwc(model, branch)
        written.append(stream)
        after += turn
        signs.append(int(sign))
    node = kernel(
        "StreamFork",
        [entry],
        written,
        f"{tensor}_fork",
        (datatype, datatype),
        shape=list(shape(model, entry)),
        lanes=1,
        signs=signs,
    )
    model.graph.node.extend([*before, node, *after])
