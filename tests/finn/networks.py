"""Networks for FINN's builder."""

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from tests.compiler.graphs import QONNX, Conv, Writer


def few_bits(scale: float = 0.1) -> ModelWrapper:
    """2-bit activations, ternary weights behind zero padding, biases, and a class at the end.

    Args:
        scale: of the ternary weights; unless it is a power of two, float32 sums depend on their
            order.
    """
    writer = Writer((6, 6, 2), zero=0, seed=5)
    for name, layer in (("conv0", Conv(4, bits=8)), ("conv1", Conv(6, bits=2))):
        writer.convolution(name, layer)
        if layer.bits == 2:
            writer.constants[f"{name}_scale"] = np.float32(scale)
        bias = writer.random.normal(size=layer.channels)
        writer.nodes[-1].input.append(writer.constant(f"{name}_bias", bias))
        writer.step("Relu", name=f"{name}_relu")
        parameters = (("step", 0.5), ("zero", 0), ("bits", 2))
        inputs = [writer.constant(f"{name}_act_{key}", value) for key, value in parameters]
        named = {"name": f"{name}_act", "domain": QONNX}
        writer.step("Quant", *inputs, **named, signed=0, narrow=0, rounding_mode="ROUND")
    writer.flatten()
    writer.dense("last", 5, 8, "MatMul", False)
    writer.step("Mul", writer.constant("last_factor", 0.3), name="last_mul")
    writer.step(
        "Add", writer.constant("last_offset", writer.random.normal(size=5)), name="last_add"
    )
    return writer.model()
