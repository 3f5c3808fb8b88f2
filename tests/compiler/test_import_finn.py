import numpy as np
import pytest
from qonnx.core.datatype import DataType

from irnet_hw.compiler.numbers.chain import layers
from irnet_hw.compiler.passes.import_finn import ImportFINN
from tests.compiler.graphs import Conv, Dense, Network, images
from tests.compiler.passes import kinds, logits, upto


@pytest.mark.parametrize("last", ["Gemm", "MatMul"])
@pytest.mark.parametrize("bias", [False, True])
def test_computes_the_same(last: str, bias: bool) -> None:
    network = Network(layers=(Conv(4, bits=8, norm="batch"), Dense(5)), last=last, bias=bias)
    model = network.build()
    found = upto(model, ImportFINN)
    assert not {"Quant", "BipolarQuant", "Gemm"} & set(kinds(found))
    pixels = images(network)
    assert np.array_equal(logits(found, pixels), logits(model, pixels))


def test_weights_are_integers() -> None:
    found = upto(Network().build(), ImportFINN)
    types = [found.get_tensor_datatype(node.input[1]) for node in layers(found)]
    assert types == [DataType[name] for name in ("INT8", "BIPOLAR", "BIPOLAR", "INT8")]
    for node in layers(found):
        weight = found.get_initializer(node.input[1])
        assert np.array_equal(weight, np.rint(weight))


def test_keeps_constants_that_are_nearly_neutral() -> None:
    network = Network(layers=(Conv(4, bits=8),))
    model = network.build()
    model.set_initializer("conv0_gamma", np.full((1, 4, 1, 1), 1.000005, np.float32))
    model.set_initializer("conv0_beta", np.full((1, 4, 1, 1), -1e-6, np.float32))
    found = upto(model, ImportFINN)
    assert kinds(found)[2:7] == ["Conv", "Mul", "Mul", "Add", "MultiThreshold"]
    pixels = images(network)
    assert np.array_equal(logits(found, pixels), logits(model, pixels))
