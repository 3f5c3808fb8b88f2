"""Shortcut A of the ResNet paper: every other pixel, with zero channels added.

In the network these are Slice nodes with a step and a Pad; in the hardware one op.
"""

from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import attribute, constant, shape
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import label


def slice_steps(model: ModelWrapper, node: NodeProto) -> tuple[int, int]:
    """Return the steps of a Slice over rows and columns.

    Raises:
        UserError: it does not take rows or columns at a regular step.
    """
    starts, ends, axes, steps = _bounds(model, node, 4)
    if starts is None or ends is None:
        raise UserError(f"{label(node)}: its bounds must be inputs, as since opset 10")
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    sizes = shape(model, node.input[0])
    found = {2: 1, 3: 1}
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if axis not in found or start != 0 or end < sizes[axis] or step < 1:
            raise UserError(
                f"{label(node)}: takes axis {axis} from {start} to {end} in steps of {step}; must "
                "take rows or columns, axis 2 or 3, from 0 to the end in steps of 1 or more"
            )
        found[axis] *= step
    return found[2], found[3]


def channel_padding(model: ModelWrapper, node: NodeProto) -> tuple[int, int]:
    """Return how many zero channels a Pad adds before and after the existing ones.

    Raises:
        UserError: it pads something else, or by something else.
    """
    mode = attribute(node, "mode", "constant")
    given, _, axes = _bounds(model, node, 3)
    pads = attribute(node, "pads", None) if given is None else given
    if pads is None or axes is not None:
        raise UserError(f"{label(node)}: must have an input of pads for all axes, as in opset 13")
    value = attribute(node, "value", 0.0)
    if len(node.input) > 2 and node.input[2]:
        value = float(constant(model, node.input[2]).item())
    before, after = pads[1], pads[len(pads) // 2 + 1]
    only_channels = len(pads) == 8 and sum(map(abs, pads)) == before + after
    if mode != "constant" or value != 0 or not only_channels:
        raise UserError(
            f"{label(node)}: pads by {pads} in mode {mode} with {value:g}; must be mode constant "
            "with 0, and be read by convolutions only, or pad only channels, axis 1 of 4"
        )
    return before, after


def _bounds(model: ModelWrapper, node: NodeProto, count: int) -> list[list[int] | None]:
    """Return a node's constant inputs after the first, as integers; None for missing ones."""
    found: list[list[int] | None] = []
    for name in node.input[1:]:
        if name and model.get_initializer(name) is None:
            raise UserError(f"{label(node)}: {name} must be constant")
        found.append(constant(model, name).astype(int).reshape(-1).tolist() if name else None)
    return [*found, *[None] * (count - len(found))]
