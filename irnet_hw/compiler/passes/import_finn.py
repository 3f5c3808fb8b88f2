"""Import: converts QONNX to FINN's dialect, with FINN's own transformations if they are exact.

Weights become integers with their scale in a Mul behind the layer, and signs become MultiThreshold.
The quantizers of streams stay, because rounding would take hundreds of thresholds. FINN's
ConvertQONNXtoFINN as a whole and GemmToMatMul are not used: both run RemoveIdentityOps, which drops
multiplications by 1.000005 and additions of 0.000005, and that moves thresholds.
"""

from finn.transformation.qonnx.convert_qonnx_to_finn import InferMissingConvKernelShape
from finn.transformation.qonnx.fold_quant_weights import FoldQuantWeights
from finn.transformation.qonnx.quant_act_to_multithreshold import ConvertQuantActToMultiThreshold
from onnx import helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.quant_constant_folding import FoldTransposeIntoQuantInit

from irnet_hw.compiler.graph import add_tensor, attribute, replace, shape


class SplitGemm(Transformation):  # type: ignore[misc]
    """Gemm becomes MatMul, and Add if it has a bias; the weight's transposition is folded."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model without Gemm."""
        float32 = DataType["FLOAT32"]
        for node in model.get_nodes_by_op_type("Gemm"):
            x, weight, *bias = node.input
            new = []
            if attribute(node, "transB", 0):
                rows, columns = shape(model, weight)
                transposed = add_tensor(model, f"{weight}_t", (columns, rows), float32)
                new.append(helper.make_node("Transpose", [weight], [transposed], perm=[1, 0]))
                weight = transposed
            product = node.output[0]
            if bias and bias[0]:
                product = add_tensor(model, f"{product}_sum", shape(model, product), float32)
            new.append(helper.make_node("MatMul", [x, weight], [product], name=node.name))
            if product != node.output[0]:
                name = f"{node.name}_bias"
                new.append(helper.make_node("Add", [product, bias[0]], [node.output[0]], name=name))
            replace(model, [node], new)
        return model.transform(FoldTransposeIntoQuantInit()), False


class ImportFINN(Transformation):  # type: ignore[misc]
    """Turn a checked QONNX graph into FINN's dialect."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the imported model; the image is annotated UINT8."""
        model.set_tensor_datatype(model.graph.input[0].name, DataType["UINT8"])
        for step in (
            InferMissingConvKernelShape(),
            SplitGemm(),
            InferShapes(),
            InferDataTypes(),
            FoldQuantWeights(),
            InferShapes(),
            InferDataLayouts(),
            ConvertQuantActToMultiThreshold(lambda _, node: node.op_type == "BipolarQuant"),
            InferDataTypes(),
        ):
            model = model.transform(step)
        return model, False
