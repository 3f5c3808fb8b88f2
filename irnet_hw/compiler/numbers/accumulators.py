"""The range of a layer's integer accumulators, from its weights and its input's range."""

import numpy as np
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import Ints, int_array
from irnet_hw.compiler.numbers.layer_input import source
from irnet_hw.compiler.passes.node_checks import EXACT
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import label


def accumulator_range(model: ModelWrapper, layer: NodeProto) -> tuple[Ints, Ints]:
    """Return the least and greatest value of each output channel's accumulator.

    A padded tap contributes 0, which lies within a tap's bounds, so padding needs no special care.

    Raises:
        UserError: float32, in which the specification is evaluated, can't represent it exactly.
    """
    weight = int_array(model, layer.input[1])
    taps = weight.reshape(len(weight), -1) if layer.op_type == "Conv" else weight.T
    least, greatest = source(model, layer).range()
    low = np.minimum(taps * least, taps * greatest).sum(axis=1)
    high = np.maximum(taps * least, taps * greatest).sum(axis=1)
    if max(-low.min(), high.max()) >= EXACT:
        raise UserError(
            f"{label(layer)}: its sums of {taps.shape[1]} products reach "
            f"{max(-low.min(), high.max()):,} times their unit, must stay below {EXACT:,}, up to "
            "which float32 is exact; give it fewer inputs, or weights or inputs of fewer bits"
        )
    return low, high
