import numpy as np
from qonnx.core.datatype import DataType
from qonnx.core.onnx_exec import execute_onnx

from irnet_hw.compiler.graph import add_constant
from tests.rtl.harness import KernelUnderTest

REQUANTISE = {
    "NumChannels": 2,
    "numInputVectors": [1, 1, 1],
    "PE": 1,
    "shift": 46,
    "mBits": 48,
    "bBits": 24,
    "inputDataType": "INT8",
    "outputDataType": "INT8",
}


def test_constants_that_float32_would_round_stay_exact():
    m, b = np.array([2**46 - 1, 2**46 + 1]), np.array([0, 0])
    model = KernelUnderTest("Requantise", REQUANTISE, {"m": (m, "INT48"), "b": (b, "INT24")}).model
    for ind, (name, values) in enumerate((("m", m), ("b", b)), 1):
        model.graph.node[0].input[ind] = add_constant(model, name, values, DataType["INT48"])
    held = [model.get_initializer(name) for name in model.graph.node[0].input[1:]]
    assert [values.dtype for values in held] == [np.float64, np.float32]
    x = np.array([3, -3], np.float32).reshape(1, 1, 1, 2)
    # Both would be 3 and -3 with factors of exactly 1.
    assert execute_onnx(model, {"x0": x})["y0"].reshape(-1).tolist() == [2, -4]
