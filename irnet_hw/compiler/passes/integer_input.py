"""Integer input: makes the first layer read integers, pixels minus their zero point.

The first layer reads (x - z) * 2^-k. The scale moves behind the layer, which is exact for a power
of two. Only Sub(z) is left before the layer, and after a flattening if there is one.
"""

from copy import deepcopy

from onnx import NodeProto
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from irnet_hw.compiler.graph import add_tensor, constant, reader, redeclare, replace, shape
from irnet_hw.compiler.numbers.chain import LAYERS


class IntegerInput(Transformation):  # type: ignore[misc]
    """Move the image's scale behind the first layer; the offset stays right before it."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model whose first layer reads integers."""
        image = model.graph.input[0].name
        offset = reader(model, image)
        scale = reader(model, offset.output[0])
        layer = reader(model, scale.output[0])
        flatten = None
        if layer.op_type not in LAYERS:
            flatten, layer = layer, reader(model, layer.output[0])
        zero = int(constant(model, offset.input[1]).item())
        pixels, flat = image, []
        if flatten is not None:
            sizes = shape(model, flatten.output[0])
            pixels = add_tensor(model, f"{image}_flat", sizes, DataType["UINT8"])
            inputs = [image, *flatten.input[1:]]
            flat = [_again(flatten, inputs, [pixels])]
        centred = offset.output[0]
        redeclare(model, centred, shape(model, pixels), centred_type(zero))
        product = add_tensor(
            model, f"{layer.output[0]}_int", shape(model, layer.output[0]), DataType["INT32"]
        )
        new = [
            *flat,
            _again(offset, [pixels, offset.input[1]], [centred]),
            _again(layer, [centred, layer.input[1]], [product]),
            _again(scale, [product, scale.input[1]], [layer.output[0]]),
        ]
        old = [offset, scale, *([flatten] if flatten is not None else []), layer]
        replace(model, old, new)
        return model, False


def _again(node: NodeProto, inputs: list[str], outputs: list[str]) -> NodeProto:
    """Return a copy of a node between other tensors."""
    copy = deepcopy(node)
    copy.input[:], copy.output[:] = inputs, outputs
    return copy


def centred_type(zero: int) -> BaseDataType:
    """Return the type of a pixel minus the zero point: INT8 for 128, else one bit more."""
    return DataType["INT8"] if zero == 128 else DataType["INT9"]
