"""Values that float32 does not hold: never a network that is silently another one."""

from pathlib import Path

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw import spec
from irnet_hw.compiler.emission.selfcheck import extremes
from irnet_hw.compiler.pipeline import build
from irnet_hw.errors import UserError
from tests.compiler.graphs import Conv, Dense, Network
from tests.compiler.residual_graphs import Residual

SMALL = Network(image=(4, 4, 1), layers=(Conv(2, bits=8), Conv(2)), classes=2, last="MatMul")
SKIPS = Residual(image=(4, 4, 1), widths=(2, 4))


def refused(network: Network | Residual, tmp_path: Path, **values: object) -> str:
    """Return the message about a network with other constants."""
    model = network.build()
    for name, value in values.items():
        model.set_initializer(name, np.asarray(value, np.float32))
    model.save(str(tmp_path / "model.onnx"))
    with pytest.raises(UserError) as caught:
        build(tmp_path / "model.onnx", "pynq-z2", tmp_path / "out", 1000)
    assert not (tmp_path / "out").exists()
    return str(caught.value).removeprefix(f"{tmp_path / 'model.onnx'}: ")


@pytest.mark.parametrize(
    ("network", "values", "message"),
    [
        (SMALL, {"unit": 2.0**-149}, "node conv0 (Conv): its weights' scale times "),
        (
            SMALL,
            {"unit": 2.0**127},
            "node Mul_0 (Mul): gives -inf in channel 0 where ",
        ),
        (SMALL, {"conv0_scale": 2.0**-149}, "node conv0 (Conv): its weights' scale times its "),
        (
            SKIPS,
            {"stem_step": 2.0**-149},
            "node unit0_stream (Quant): its scale is 0.0078125, ",
        ),
        (
            SKIPS,
            {"mean_step": 2.0**127},
            "node last (MatMul): its weights' scale times its input's ",
        ),
    ],
)
def test_refuses(network, values, message, tmp_path: Path) -> None:
    assert refused(network, tmp_path, **values).startswith(message)


@pytest.mark.parametrize(
    ("network", "values"),
    [
        (SMALL, {"last_scale": 2.0**126}),
        (SMALL, {"unit": 2.0**60, "conv0_scale": 2.0**60, "conv0_raw": np.zeros((2, 1, 3, 3))}),
        (SMALL, {"conv0_gamma": [[[[3e38]], [[0]]]]}),
        (SMALL, {"last_bias": [2.0**-126, 0]}),
        (SMALL, {"last_bias": [2.0**20, 0]}),
        (SKIPS, {"stem_gamma": [[[[2.0**127]], [[1]]]], "stem_half": 0}),
        (
            Network(image=(4, 4, 1), layers=(Conv(2, bits=8, norm="batch"),), classes=2),
            {"conv0_gamma": [3e38, 1], "conv0_var": [1e-12, 1], "conv0_mean": [0, 0]},
        ),
    ],
)
def test_computes_what_float32_does(network, values, tmp_path: Path) -> None:
    """Overflow on the way to a sign is what the file says, and the build compares it."""
    model = network.build()
    for name, value in values.items():
        model.set_initializer(name, np.asarray(value, np.float32))
    model.save(str(tmp_path / "model.onnx"))
    build(tmp_path / "model.onnx", "pynq-z2", tmp_path / "out", 1000)


@pytest.mark.parametrize(
    "network",
    [
        SMALL,
        Network(image=(7, 6, 2), layers=(Conv(3, bits=4, stride=2), Conv(2)), classes=2),
        Network(image=(4, 4, 1), layers=(Dense(4, bits=8),), classes=2),
        Network(image=(5, 5, 2), layers=(Conv(4, 1, 0, bits=8),), classes=2),
    ],
)
def test_images_reach_the_ends_of_the_first_layer(network: Network, tmp_path: Path) -> None:
    model = network.build()
    model.save(str(tmp_path / "model.onnx"))
    build(tmp_path / "model.onnx", "pynq-z2", tmp_path / "out", 1000)
    graph = ModelWrapper(str(tmp_path / "out" / "dataflow.onnx"))
    layer = next(n for n in model.graph.node if n.op_type in ("Conv", "MatMul"))
    found = spec.run(model, extremes(graph, network.image), [layer.output[0], layer.input[1]])
    sums, weights = (found[name].astype(float) for name in (layer.output[0], layer.input[1]))
    taps = weights.reshape(len(weights), -1) if layer.op_type == "Conv" else weights.T
    low, high = -128 * 2.0**-7, 127 * 2.0**-7
    most = np.maximum(taps * low, taps * high).sum(1)
    least = np.minimum(taps * low, taps * high).sum(1)
    axes = (0, *range(2, sums.ndim))
    assert np.array_equal(sums.max(axes), most)
    assert np.array_equal(sums.min(axes), least)
