"""How many elements wait at least before a join, however its branches are folded.

What the join puts together comes from one pixel of the fork's stream on each branch, but a branch
with windows lets that pixel's result out only when the windows' last rows have come. Until then
the other branch holds what the fork has handed out. The folding search counts FIFOs with at least
this room; what they need in the end, the schedule says.
"""

import numpy as np
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import op
from irnet_hw.kernels.base import Reach


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
    while node is not None:
        kernel = op(node)
        if not kernel.streams_in() == kernel.streams_out() == 1:
            break
        if not kernel.regroups:
            reach = np.maximum.accumulate(kernel.reach(reach))
        node = model.find_producer(node.input[0])
    return ("" if node is None else node.output[0]), reach
