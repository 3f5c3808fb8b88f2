import numpy as np
import pytest

from irnet_hw.kernels.base import beats
from tests.kernels.nodes import node
from tests.rtl.harness import random_tensor

MOVERS = {
    "RegisterSlice": {"shape": [1, 2, 6], "lanes": 3},
    "StreamFIFO": {"shape": [1, 2, 6], "lanes": 3, "depth": 2},
    "StreamFork": {"shape": [1, 2, 6], "lanes": 3, "signs": [0]},
    "WidthConverter": {"inShape": [1, 2, 6], "outShape": [1, 2, 6], "inLanes": 3, "outLanes": 3},
}


@pytest.mark.parametrize(
    ("datatype", "bits"), [("BIPOLAR", 1), ("UINT2", 2), ("INT9", 9), ("UINT32", 32), ("INT32", 32)]
)
@pytest.mark.parametrize("op", MOVERS)
def test_kernels_that_only_move_beats_take_any_type(op, datatype, bits):
    kernel = node(op, **MOVERS[op], inputDataType=datatype, outputDataType=datatype)
    kernel.check()
    assert kernel.get_instream_width() == kernel.get_outstream_width() == 3 * bits
    x = random_tensor(np.random.default_rng(0), (1, 2, 6), datatype)
    (y,) = kernel.results(x)
    np.testing.assert_array_equal(y, x)
    assert max(beats(y, 3, kernel.get_output_datatype())) < 1 << 3 * bits
