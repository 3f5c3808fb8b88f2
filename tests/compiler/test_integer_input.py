import numpy as np
import pytest
from qonnx.core.datatype import DataType

from irnet_hw.compiler.numbers.chain import layers
from irnet_hw.compiler.numbers.layer_input import source
from irnet_hw.compiler.passes.integer_input import IntegerInput
from tests.compiler.graphs import Conv, Dense, Network, images
from tests.compiler.passes import kinds, logits, upto


@pytest.mark.parametrize(("zero", "datatype"), [(128, "INT8"), (0, "INT9"), (200, "INT9")])
def test_first_layer_reads_integers(zero: int, datatype: str) -> None:
    network = Network(zero=zero)
    model = network.build()
    found = upto(model, IntegerInput)
    assert kinds(found)[:3] == ["Sub", "Conv", "Mul"]
    first, second, *_ = layers(found)
    assert found.get_tensor_datatype(first.input[0]) == DataType[datatype]
    assert (source(found, first).zero, source(found, first).datatype.name) == (zero, "UINT8")
    assert source(found, second).binary()
    pixels = images(network)
    assert np.array_equal(logits(found, pixels), logits(model, pixels))


def test_passes_a_flattening() -> None:
    network = Network(layers=(Dense(6, bits=8), Conv(4))[:1])
    model = network.build()
    found = upto(model, IntegerInput)
    assert kinds(found)[:4] == ["Flatten", "Sub", "MatMul", "Mul"]
    pixels = images(network)
    assert np.array_equal(logits(found, pixels), logits(model, pixels))
