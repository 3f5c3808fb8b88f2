"""How many elements wait at least before a join, however its branches are folded.

What the join puts together comes from one pixel of the fork's stream on each branch, but a branch
with windows lets that pixel's result out only when the windows' last rows have come. Until then
the other branch holds what the fork has handed out. The folding search counts FIFOs with at least
this room; what they need in the end, the schedule says.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import op

#: For each pixel of a tensor, the last pixel of another one that it depends on, row by row.
Reach = npt.NDArray[np.int64]


def waiting(model: ModelWrapper, node: NodeProto) -> list[int]:
    """Return the elements that wait at least before each input stream of a kernel."""
    kernel = op(node)
    count = kernel.streams_in()
    if count == 1:
        return [0]
    *pixels, channels = kernel.get_normal_input_shape(0)
    join = np.arange(np.prod(pixels))
    branches = [_branch(model, tensor, join) for tensor in list(node.input)[:count]]
    if len({fork for fork, _ in branches}) > 1:
        return [0] * count  # not joined where they were forked: nothing is known
    # The pixels that need the same one come one after the other all the same.
    pace = join * (max(int(reach[-1]) for _, reach in branches) + 1) // len(join)
    paced = [np.maximum.accumulate(reach - pace) + pace for _, reach in branches]
    latest = np.maximum.reduce(paced)
    found = []
    for reach in paced:
        ready = np.searchsorted(reach, latest, side="right")
        # A pixel may be in the kernels themselves.
        found.append(max(int((ready - join).max()) - 1, 0) * int(channels))
    return found


def _branch(model: ModelWrapper, tensor: str, reach: Reach) -> tuple[str, Reach]:
    """Return the fork that a branch begins with, and its pixels that the branch's end needs."""
    node = model.find_producer(tensor)
    while node is not None and op(node).streams_in() == op(node).streams_out() == 1:
        if node.op_type != "WidthConverter":
            reach = np.maximum.accumulate(_reach(node, reach))
        node = model.find_producer(node.input[0])
    return ("" if node is None else node.output[0]), reach


def _reach(node: NodeProto, pixels: Reach) -> Reach:
    """Return for pixels of a kernel's output the last ones of its input that they depend on."""
    kernel: Any = op(node)
    if node.op_type == "SlidingWindow":
        (kh, kw), (top, left, _, _) = kernel.numbers("ConvKernelDim"), kernel.numbers("Padding")
        stride, offset = kernel.numbers("Stride"), [kh - 1 - top, kw - 1 - left]
    elif node.op_type == "BitMaxPool":
        stride = kernel.numbers("PoolDim")
        offset = [k - 1 for k in stride]
    elif node.op_type == "SubsamplePad":
        stride, offset = kernel.numbers("Stride"), [0, 0]
    else:
        return pixels
    _, height, width, _ = kernel.get_normal_input_shape()
    columns = kernel.get_normal_output_shape()[2]
    y = np.clip(pixels // columns * stride[0] + offset[0], 0, height - 1)
    x = np.clip(pixels % columns * stride[1] + offset[1], 0, width - 1)
    found: Reach = y * width + x
    return found
