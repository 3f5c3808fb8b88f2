"""Why the compiler has its own passes: FINN's default flow on 1-bit zero padding.

ConvertBipolarMatMulToXnorPopcount turns ±1 activations into {0, 1}, and then FMPadding inserts
0, which now means -1.
"""

import finn.transformation.streamline.absorb as absorb
import numpy as np
import pytest
from finn.transformation.fpgadataflow.convert_to_hw.binary_matrix_vector_activation import (
    InferBinaryMatrixVectorActivation,
)
from finn.transformation.fpgadataflow.convert_to_hw.conv_inp_gen import InferConvInpGen
from finn.transformation.fpgadataflow.convert_to_hw.quantized_matrix_vector_activation import (
    InferQuantizedMatrixVectorActivation,
)
from finn.transformation.fpgadataflow.convert_to_hw.thresholding import InferThresholdingLayer
from finn.transformation.qonnx.convert_qonnx_to_finn import ConvertQONNXtoFINN
from finn.transformation.streamline import Streamline
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.bipolar_to_xnor import ConvertBipolarMatMulToXnorPopcount
from qonnx.transformation.infer_data_layouts import InferDataLayouts
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul
from qonnx.util.cleanup import cleanup_model

from irnet_hw.compiler.finn_quiet import quiet
from irnet_hw.compiler.passes.emit import output
from irnet_hw.compiler.passes.forks import Forks
from tests.compiler.graphs import Conv, Network, images
from tests.compiler.passes import kinds, logits, logits_nhwc, upto


def finn_default(model: ModelWrapper) -> ModelWrapper:
    """FINN's steps qonnx_to_finn, streamline and convert_to_hw, reduced to what matters here."""
    with quiet():
        model = cleanup_model(model)
        for step in (
            ConvertQONNXtoFINN(),
            absorb.AbsorbScalarBiasIntoMultiThreshold(),
            Streamline(),
            LowerConvsToMatMul(),
            absorb.AbsorbTransposeIntoMultiThreshold(),
            absorb.AbsorbConsecutiveTransposes(),
            ConvertBipolarMatMulToXnorPopcount(),
            Streamline(),
            InferDataLayouts(),
            InferBinaryMatrixVectorActivation(),
            InferQuantizedMatrixVectorActivation(),
            InferThresholdingLayer(),
            InferConvInpGen(),
        ):
            model = model.transform(step)
    return model


@pytest.mark.parametrize("padding", [0, 1])
def test_zero_padding_of_bits(padding: int) -> None:
    network = Network(
        image=(5, 5, 2),
        layers=(
            Conv(4, bits=8, padding=0, norm="dyadic"),
            Conv(4, padding=padding, norm="dyadic"),
        ),
        last="MatMul",
        bias=False,
    )
    model = network.build()
    pixels = images(network, 4)
    right = logits(model, pixels)
    theirs = finn_default(model)
    assert ("FMPadding" in kinds(theirs)) == (padding > 0)
    assert np.array_equal(logits(theirs, pixels), right) == (padding == 0)
    ours = upto(model, Forks)
    assert np.array_equal(logits_nhwc(ours, pixels) * output(ours).scale, right)
