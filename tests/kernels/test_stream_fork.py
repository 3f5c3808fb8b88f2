import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes

from irnet_hw.errors import UserError
from tests.kernels.nodes import node

SMALL = {
    "shape": [1, 2, 2, 8],
    "lanes": 4,
    "signs": [0, 1],
    "inputDataType": "INT8",
    "outputDataType": "INT8",
}


def fork(**changes):
    return node("StreamFork", **(SMALL | changes))


def test_outputs_are_the_values_and_their_signs():
    x = np.arange(-16, 16).reshape(1, 2, 2, 8)
    values, signs = fork().compute(x)
    assert values is x
    np.testing.assert_array_equal(signs, np.where(x < 0, -1, 1))


def test_streams():
    kernel = fork(signs=[1, 0, 1])
    assert (kernel.streams_in(), kernel.streams_out()) == (1, 3)
    assert [kernel.get_output_datatype(ind).name for ind in range(3)] == [
        "BIPOLAR",
        "INT8",
        "BIPOLAR",
    ]
    assert [kernel.get_outstream_width(ind) for ind in range(3)] == [4, 32, 4]
    assert kernel.get_exp_cycles() == 2 * 2 * 2


def test_shapes_types_and_values_go_through_a_graph():
    proto = helper.make_node(
        "StreamFork",
        ["x"],
        ["values", "signs"],
        name="fork",
        domain="finn.custom_op.fpgadataflow",
        backend="fpgadataflow",
        **SMALL,
    )
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("values", "signs")
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, SMALL["shape"])
    model = ModelWrapper(helper.make_model(helper.make_graph([proto], "fork", [x], outputs)))
    model.set_tensor_datatype("x", DataType["INT8"])
    model = model.transform(InferShapes()).transform(InferDataTypes())
    assert model.get_tensor_shape("values") == model.get_tensor_shape("signs") == SMALL["shape"]
    assert model.get_tensor_datatype("values") == DataType["INT8"]
    assert model.get_tensor_datatype("signs") == DataType["BIPOLAR"]
    image = np.arange(-16, 16, dtype=np.float32).reshape(SMALL["shape"])
    result = execute_onnx(model, {"x": image})
    np.testing.assert_array_equal(result["values"], image)
    np.testing.assert_array_equal(result["signs"], np.where(image < 0, -1, 1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"signs": [0, 2]},
            "signs = [0, 2] must be 0 or 1 for each output, at least one",
        ),
        (
            {"inputDataType": "BIPOLAR", "outputDataType": "BIPOLAR"},
            "inputDataType = BIPOLAR must be a signed integer",
        ),
        ({"lanes": 3}, "lanes = 3 must divide the last axis = 8"),
        ({"outputDataType": "INT9"}, "outputDataType = INT9 must be inputDataType = INT8"),
    ],
)
def test_illegal_attributes_are_refused(changes, message):
    with pytest.raises(UserError) as error:
        fork(**changes).check()
    assert str(error.value) == f"StreamFork_0: {message}"
