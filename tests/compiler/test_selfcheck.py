from pathlib import Path

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw import spec
from irnet_hw.artifact.names import DATAFLOW
from irnet_hw.compiler.emission.selfcheck import CompilerError, selfcheck
from irnet_hw.compiler.pipeline import build
from tests.compiler.graphs import Conv, Network

NETWORK = Network(image=(4, 4, 1), layers=(Conv(4, bits=8), Conv(4)), classes=3)


def test_names_the_first_tensor_that_differs(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    model = NETWORK.build()
    model.save(str(path))
    content = build(path, "pynq-z2", tmp_path / "out", 1000)
    graph = ModelWrapper(str(tmp_path / "out" / DATAFLOW))
    nodes = {node.name: node for node in graph.graph.node}
    level = nodes["BinaryMVAU_rtl_0"].input[2]
    graph.set_initializer(level, np.full(4, -100, np.float32))
    with pytest.raises(CompilerError) as caught:
        selfcheck(spec.load(path), graph, content, None)
    sign = next(node for node in model.graph.node if node.name == "conv1_sign").output[0]
    assert str(caught.value).startswith(
        f"tensor {sign} from BinaryMVAU_rtl_0 differs from the QONNX run in "
    )
