"""Windows of convolutions and poolings, from the attributes of their nodes."""

from collections.abc import Sequence

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import attribute, reduced_axes, shape
from irnet_hw.compiler.passes.emit import Windows
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import label


def windows_of(node: NodeProto, image: tuple[int, int], kernel: Sequence[int]) -> Windows:
    """Return a convolution's or pooling's windows; those of a signal are one pixel wide."""

    def pair(values: Sequence[int]) -> tuple[int, int]:
        down, right = [*values, 1][:2]
        return down, right

    pads = list(attribute(node, "pads", [0, 0, 0, 0]))
    top, left, bottom, right = pads if len(pads) == 4 else (pads[0], 0, pads[1], 0)
    found = Windows(
        pair(kernel), pair(attribute(node, "strides", [1, 1])), (top, left, bottom, right), image
    )
    if min(found.output) < 1:
        raise UserError(
            f"{label(node)}: a kernel of {list(found.kernel)} does not fit into the image of "
            f"{list(image)} with padding {list(found.padding)}"
        )
    return found


def check_max_pool(node: NodeProto) -> None:
    """Refuse a pooling that rounds its windows up, is dilated, or pads by a rule."""
    for name, wanted in (("ceil_mode", 0), ("auto_pad", "NOTSET"), ("storage_order", 0)):
        if attribute(node, name, wanted) != wanted:
            raise UserError(
                f"{label(node)}: {name} = {attribute(node, name, wanted)}, must be {wanted}"
            )
    if any(step != 1 for step in attribute(node, "dilations", [1])):
        raise UserError(f"{label(node)}: is dilated, must not be")


def summed_windows(model: ModelWrapper, node: NodeProto, image: tuple[int, int]) -> Windows:
    """Return the windows that a pooling sums."""
    whole = Windows(image, (1, 1), (0, 0, 0, 0), image)
    if node.op_type == "GlobalAveragePool":
        return whole
    if node.op_type == "AveragePool":
        check_max_pool(node)
        pads = attribute(node, "pads", [0])
        if any(pads) and not attribute(node, "count_include_pad", 0):
            raise UserError(f"{label(node)}: count_include_pad = 0, must be 1 if it is padded")
        return windows_of(node, image, attribute(node, "kernel_shape", []))
    axes, rank = reduced_axes(model, node), len(shape(model, node.input[0]))
    if axes != list(range(2, rank)):
        raise UserError(
            f"{label(node)}: axes {axes} of {rank}, must be all pixels, {list(range(2, rank))}"
        )
    return whole


def window_of_mean(model: ModelWrapper, mean: NodeProto) -> Sequence[int]:
    """Return the rows and columns of the windows whose mean a node computes."""
    if mean.op_type == "AveragePool":
        return list(attribute(mean, "kernel_shape", []))
    return shape(model, mean.input[0])[2:]
