"""The input of a layer: pixels, signs, or a stream of integers."""

from dataclasses import dataclass

from onnx import NodeProto
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import constant


@dataclass(frozen=True)
class Source:
    """A layer's input in the hardware.

    Attributes:
        tensor: its name.
        datatype: UINT8 for pixels, BIPOLAR for signs, INT2 to INT8 for streams.
        zero: the integer that represents 0, which is also the padding of the image.
        subtraction: the node that subtracts ``zero`` from the pixels.
    """

    tensor: str
    datatype: BaseDataType
    zero: int = 0
    subtraction: NodeProto | None = None

    def binary(self) -> bool:
        """Return whether the input consists of signs."""
        return bool(self.datatype == DataType["BIPOLAR"])

    def is_stream(self) -> bool:
        """Return whether the input consists of a stream's integers."""
        return not self.binary() and self.subtraction is None

    def range(self) -> tuple[int, int]:
        """Return the least and greatest value that the layer multiplies."""
        return int(self.datatype.min()) - self.zero, int(self.datatype.max()) - self.zero


def source(model: ModelWrapper, layer: NodeProto) -> Source:
    """Return the input of a layer in an imported graph."""
    tensor = layer.input[0]
    before = model.find_producer(tensor)
    if before is not None and before.op_type == "Sub":
        zero = int(constant(model, before.input[1]).item())
        return Source(before.input[0], DataType["UINT8"], zero, before)
    return Source(tensor, model.get_tensor_datatype(tensor))
