"""Random networks of pieces that other exporters write; some of them can't be built."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from tests.compiler.given import Given

Pick = Callable[[Sequence[Any]], Any]

SCALES = [1.0, 1.0, 0.5, 0.25, 0.1, 0.037, 2.0]


def network(pick: Pick, seed: int) -> Given:
    """Write a network.

    Args:
        pick: chooses one of several.
        seed: of the weights.
    """
    kind = pick(["image", "image", "image", "signal", "vector"])
    sides = {"image": 2, "signal": 1, "vector": 0}[kind]
    shape = (1, pick([1, 2, 3, 10] if kind == "vector" else [1, 2, 3]))
    net = Given(*shape, *(pick([5, 6, 8]) for _ in range(sides)), seed=seed)
    _entry(net, pick)
    for _ in range(pick([1, 2, 2, 3]) if sides else 0):
        if min(net.shape[2:]) >= 3:
            _block(net, pick)
            if pick([False, False, True]):
                _branch(net, pick)
    if sides:
        if pick([False, False, True]):
            net.mean()
        net.flatten(pick(["Flatten", "0,-1", "1,N", "1,-1", "-1,N"]))
    for _ in range(pick([0, 1, 1, 2])):
        _dense(net, pick, pick([1, 3, 5]))
        _between(net, pick)
        _quantizer(net, pick)
    _dense(net, pick, pick([1, 2, 3]))
    _tail(net, pick)
    return net


def _entry(net: Given, pick: Pick) -> None:
    size = net.shape[1]
    net = {
        "nothing": lambda: net,
        "255ths": lambda: net.op("Div", 255.0),
        "2x - 1": lambda: net.op("Div", 255.0).op("Mul", 2.0).op("Sub", 1.0),
        "normalised": lambda: net.op("Div", 255.0).op("Sub", net.random.uniform(0.3, 0.6, size)),
        "BN": lambda: net.op("Mul", 1 / 255).norm(mean=0.5),
        "8 bits": lambda: net.op("Div", 255.0).quant(8, pick([2.0**-7, 0.01]), signed=pick([0, 1])),
        "offset": lambda: net.op("Sub", pick([128.0, 127.5, 100.0])),
        "signs": lambda: net.op("Sub", 127.0).sign(pick([1.0, 0.5, 0.1, -1.0])),
    }[pick(["nothing", "255ths", "2x - 1", "normalised", "BN", "8 bits", "offset", "signs"])]()
    if pick([False, True]):
        _quantizer(net, pick)


def _weights(pick: Pick, outputs: int) -> dict[str, Any]:
    bits = pick([1, 1, 1, 2, 4, 8])
    scale = pick(SCALES)
    if outputs > 1 and pick([False, False, True]):
        scale = np.array([pick(SCALES) for _ in range(outputs)])
    if bits == 1 and pick([False, False, True]):
        scale = -scale
    kind = pick(["quantizer"] * 6 + ["initializer"] * 2 + ["zero"])
    return {"bits": bits, "scale": scale, "kind": kind}


def _bias(pick: Pick) -> float | None:
    return pick([None, None, None, 0.5, 0.3, 0.0, -2.0])


def _block(net: Given, pick: Pick) -> None:
    inputs = net.shape[1]
    group, outputs = pick([(1, 1), (1, 3), (1, 4), (1, 6), (inputs, inputs), (inputs, 2 * inputs)])
    kernel, dilation = pick([(1, 1), (2, 1), (3, 1), (3, 1), (2, 2)])
    pad = pick([""] * 4 + ["SAME_UPPER", "SAME_LOWER", "VALID"]) if dilation == 1 else ""
    pads = 0 if pad else pick([0, 0, 1, 2])
    stride = pick([1, 1, 2])
    weights = _weights(pick, outputs)
    net.conv(outputs, kernel, pads, stride, dilation, group, _bias(pick), pad, **weights)
    _between(net, pick)
    _quantizer(net, pick)
    if min(net.shape[2:]) >= 3:
        _pools(net, pick)


def _pools(net: Given, pick: Pick) -> None:
    kind, kernel, stride, pads = pick(
        [("MaxPool", 2, 2, 0), ("MaxPool", 3, 1, 0), ("MaxPool", 3, 2, 1)]
        + [("AveragePool", 2, 2, 0), ("AveragePool", 3, 1, 0), ("AveragePool", 3, 2, 1)]
        + [("", 0, 0, 0)] * 4
    )
    if kind:
        net.pool(kind, kernel, stride, pads)
    if kind == "AveragePool" and pick([False, True, True]):
        _between(net, pick)
        _quantizer(net, pick)


def _between(net: Given, pick: Pick) -> None:
    """Write nodes that compute on each value by itself, or pool."""
    size = net.shape[1]
    write: dict[str, Callable[[], object]] = {
        "BN": lambda: net.norm(),
        "Mul": lambda: net.op("Mul", pick([0.5, 0.1, -1.0, 3.0, 0.0]), first=pick([True, False])),
        "Add": lambda: net.op("Add", pick([0.5, 0.1, -1.0]), first=pick([True, False])),
        "channels": lambda: net.op("Mul", net.random.normal(size=size)).op(
            "Add", net.random.normal(size=size)
        ),
        "Relu": lambda: net.node("Relu"),
        "PRelu": lambda: net.prelu(net.random.uniform(0, 1, size)),
        "LeakyRelu": lambda: net.node("LeakyRelu", alpha=0.1),
        "Clip": lambda: net.clip(),
        "Tanh": lambda: net.node("Tanh"),
        "Neg": lambda: net.node("Neg"),
        "Dropout": lambda: net.node("Dropout"),
        "MaxPool": lambda: net.pool("MaxPool", 2, pick([1, 2])),
    }
    for _ in range(pick([0, 1, 1, 2])):
        found = pick([*write, "BN"])
        if found != "MaxPool" or (len(net.shape) > 2 and min(net.shape[2:]) >= 3):
            write[found]()


def _quantizer(net: Given, pick: Pick) -> None:
    bits = pick([1, 1, 1, 2, 3, 4, 8])
    if bits == 1:
        net.sign(pick([1.0, 1.0, 0.5, 0.1, -1.0, np.full(net.shape[1], 0.5)]))
        return
    net.quant(
        bits,
        pick([1.0, 0.5, 0.25, 0.1, np.full(net.shape[1], 0.25)]),
        signed=pick([0, 1]),
        rounding=pick(["ROUND", "ROUND", "FLOOR", "CEIL", "HALF_UP", "UP", "DOWN"]),
        zero=pick([0.0] * 9 + [1.0]),
    )


def _branch(net: Given, pick: Pick) -> None:
    kind = pick(["sum", "quantized sum", "sum of codes", "three", "joined", "joined twice"])
    start, size = net.here, net.shape[1]

    def arm(outputs: int) -> Given:
        kernel = pick([1, 3])
        net.conv(outputs, kernel, kernel // 2, **_weights(pick, outputs))
        if pick([False, True]):
            net.norm()
        return net

    if kind.startswith("joined"):
        _quantizer(arm(pick([1, 2, 4])), pick)
        if kind == "joined twice":
            one = net.here
            net.back(start)
            _quantizer(arm(pick([1, 3])), pick)
            net.concat(one)
        else:
            net.concat(start)
        return
    arm(size)
    if kind == "sum of codes":
        _quantizer(net, pick)
    net.add(start, first=pick([True, False]))
    if kind == "three":
        _quantizer(net, pick)
        net.add(start)
    if kind == "quantized sum":
        rounding = pick(["ROUND", "FLOOR", "CEIL", "HALF_UP"])
        net.quant(pick([2, 4, 8]), pick([1.0, 0.5, 2.0, 0.25]), pick([0, 1]), rounding=rounding)
    else:
        _between(net, pick)
        _quantizer(net, pick)


def _dense(net: Given, pick: Pick, outputs: int) -> None:
    net.dense(outputs, pick(["Gemm", "MatMul"]), _bias(pick), **_weights(pick, outputs))


def _tail(net: Given, pick: Pick) -> None:
    kind = pick(["", "", "BN", "Mul", "Add", "sign", "bits", "Relu", "Softmax", "ArgMax"])
    write: dict[str, Callable[[], object]] = {
        "BN": lambda: net.norm(),
        "Mul": lambda: net.op("Mul", pick([0.1, 0.5, -1.0])),
        "Add": lambda: net.op("Add", net.random.normal(size=net.shape[1])),
        "sign": lambda: net.sign(),
        "bits": lambda: net.quant(4, 0.5),
        "Relu": lambda: net.node("Relu"),
        "Softmax": lambda: net.node("Softmax", axis=1),
        "ArgMax": lambda: net.node("ArgMax", axis=1, keepdims=0, shape=[1]),
    }
    if kind:
        write[kind]()
    if kind == "ArgMax":
        net.type = TensorProto.INT64
