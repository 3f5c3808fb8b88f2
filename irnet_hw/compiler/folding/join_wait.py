"""The least number of elements that wait before a join, however its branches are folded.

The join combines values that stem from the same pixel of the fork's stream, but a branch with
windows outputs that pixel's result only when the windows' last rows have arrived. Until then the
other branch holds what the fork has handed out. The folding search assumes FIFOs of at least this
size; the schedule determines their final depths.
"""

import numpy as np
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import op
from irnet_hw.kernels.base import Reach


def waiting(model: ModelWrapper, node: NodeProto) -> list[int]:
    """Return the least number of elements that wait before each input stream of a kernel."""
    kernel = op(node)
    count = kernel.streams_in()
    if count == 1:
        return [0]
    join = np.arange(np.prod(kernel.get_normal_input_shape(0)[:-1]))
    branches = [_branch(model, tensor, join) for tensor in list(node.input)[:count]]
    if len({fork for fork, _ in branches}) > 1:
        return [0] * count  # the branches come from different forks: nothing is known
    # Pixels that depend on the same input pixel still come one after the other.
    pace = join * (max(int(reach[-1]) for _, reach in branches) + 1) // len(join)
    paced = [np.maximum.accumulate(reach - pace) + pace for _, reach in branches]
    latest = np.maximum.reduce(paced)
    found = []
    for ind, reach in enumerate(paced):
        channels = int(kernel.get_normal_input_shape(ind)[-1])
        ready = np.searchsorted(reach, latest, side="right")
        # One pixel may be inside the kernels.
        found.append(max(int((ready - join).max()) - 1, 0) * channels)
    return found


def _branch(model: ModelWrapper, tensor: str, reach: Reach) -> tuple[str, Reach]:
    """Return the fork where a branch begins, and the fork's pixels that the branch's end needs."""
    node = model.find_producer(tensor)
    while node is not None:
        kernel = op(node)
        if not kernel.streams_in() == kernel.streams_out() == 1:
            break
        if not kernel.regroups:
            reach = np.maximum.accumulate(kernel.reach(reach))
        node = model.find_producer(node.input[0])
    return ("" if node is None else node.output[0]), reach
