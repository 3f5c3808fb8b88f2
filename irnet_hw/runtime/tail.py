"""Runs a network's tail, and with it makes the file's output of the accelerator's integers.

Every step equals the node in qonnx's executor, bit for bit, because it computes float32 in the same
order: that of onnxruntime on x86 for ONNX's ops, and that of qonnx for its own. Only Softmax,
LogSoftmax, Sigmoid, Tanh, Softplus, Exp and Elu may differ in the last places of a float32, because
onnxruntime's differ between processors; the integers before them are exact. Softmax here is that
of processors with AVX-512, bit for bit, and LogSoftmax rarely differs from it. The others are
rounded once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

import numpy as np

from irnet_hw.artifact.ending import Ending
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.artifact.tail import Constant, Tail

#: Steps whose results differ between processors, and by how much: relative to the value, or to 1 if
#: that is greater.
_APPROXIMATE = ("Softmax", "LogSoftmax", "Sigmoid", "Tanh", "Softplus", "Exp", "Elu")
_LAST_PLACES = 2.0**-20

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Floats = npt.NDArray[np.float32]
    Integers = npt.NDArray[np.signedinteger[Any]]


def outputs(built: Manifest | Ending, integers: Integers) -> Array:
    """Return the network's outputs, as the QONNX file's run gives them.

    Args:
        built: the accelerator's manifest, or the ending of one that FINN built.
        integers: what it gave, [N, ...]: in the order of its output stream, channels last.

    Returns:
        float32, or int64 where the tail ends in TopK or ArgMax: [N, ...].
    """
    values = integers.reshape(len(integers), *built.output.shape)
    # One rounding, and none where the result fits in float32, as the compiler has ensured.
    entry = (values * float(built.output.scale)).astype(np.float32)
    return run(built.tail, np.moveaxis(entry, -1, 1).reshape(len(entry), *built.tail.entry))


def run(tail: Tail, x: Floats) -> Array:
    """Run a tail on a batch.

    Args:
        tail: checked.
        x: float32 [N, ...]: for each of N images the tensor where the tail begins, as the file has
            it, with the file's own axis for the batch.

    Returns:
        float32 or int64 [N, ...]; the file's axis for the batch is left out.
    """
    value: Array = x
    for step in tail.steps:
        inputs = [value if each is None else _array(each) for each in step.inputs]
        # The images are one axis more, in front of all that the file knows of.
        rank = max((each.ndim for each in inputs if each is not value), default=0) + 1
        for index, each in enumerate(inputs):
            if each is value and value.ndim < rank:
                ones = (1,) * (rank - value.ndim)
                inputs[index] = value.reshape(len(value), *ones, *value.shape[1:])
        value = _RUN[step.op](step.attributes, inputs)
    found: Array = value.reshape(len(x), *tail.each)
    return found


def predictions(outputs: Array) -> npt.NDArray[np.int64]:
    """Return the class of each image, int64 [N].

    Args:
        outputs: of :func:`outputs`: scores, whose greatest is taken, or numbers of classes, whose
            first is taken.
    """
    flat = outputs.reshape(len(outputs), -1)
    classes = flat[:, 0] if flat.dtype == np.int64 else flat.argmax(axis=1)
    found: npt.NDArray[np.int64] = classes.astype(np.int64)
    return found


def equal(tail: Tail, found: Array, expected: Array) -> npt.NDArray[np.bool_]:
    """Return which outputs are as expected: within the last places behind Softmax and the like.

    Args:
        tail: that gave them.
        found: float32 or int64.
        expected: from the file's run, of the same shape.
    """
    same: npt.NDArray[np.bool_] = np.equal(found, expected)
    if any(step.op in _APPROXIMATE for step in tail.steps) and found.dtype != np.int64:
        same |= np.abs(found - expected) <= _LAST_PLACES * np.maximum(np.abs(expected), 1)
    return same


def _array(constant: Constant) -> Floats:
    return np.array(constant.values, np.float32).reshape(constant.shape)


def _relu(_: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    # Not np.maximum, which may turn -0.0 into 0.0.
    return np.where(inputs[0] < 0, np.float32(0), inputs[0])


def _leaky_relu(attributes: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    x = inputs[0]
    return np.where(x >= 0, x, np.float32(attributes["alpha"]) * x)


def _prelu(_: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    x, slope = inputs
    found: Array = np.where(x >= 0, x, slope * x)
    return found


def _elu(attributes: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    alpha = float(np.float32(attributes["alpha"]))
    return _rounded_once(lambda x: np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0))))(
        attributes, inputs
    )


def _clip(_: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    x, least, most = inputs
    x = np.where(x < least, least, x)
    return np.where(x > most, most, x)


def _batch_normalization(attributes: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    x, scale, bias, mean, variance = inputs
    scale = scale * (np.float32(1) / np.sqrt(variance + np.float32(attributes["epsilon"])))
    bias = bias - mean * scale
    sides = (1,) * (x.ndim - 3)
    found: Array = x * scale.reshape(-1, *sides) + bias.reshape(-1, *sides)
    return found


def _hard_sigmoid(attributes: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    y = np.float32(attributes["alpha"]) * inputs[0] + np.float32(attributes["beta"])
    found: Array = np.clip(y, np.float32(0), np.float32(1))
    return found


def _rounded_once(
    function: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
) -> Callable[[Mapping[str, Any], Sequence[Array]], Array]:
    """Return a step that computes a function in float64."""

    def step(_: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
        with np.errstate(over="ignore"):
            return function(inputs[0].astype(np.float64)).astype(np.float32)

    return step


def _bipolar_quant(_: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    x, scale = inputs
    return np.where(x >= 0, np.float32(1), np.float32(-1)) * scale


def _quant(attributes: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    x, scale, zero, width = inputs
    bits, signed = int(width.item()), attributes["signed"]
    y: Array = x / scale + zero
    if bits == 1 and signed:
        y = np.where(y >= 0, np.float32(1), np.float32(-1))
    else:
        narrow = int(attributes["narrow"])
        most = 2 ** (bits - 1) - 1 if signed else 2**bits - 1 - narrow
        least = -(2 ** (bits - 1)) + narrow if signed else 0
        y = np.where(y > most, np.float32(most), y)
        y = np.where(y < least, np.float32(least), y)
        y = _ROUND[attributes["rounding_mode"]](y)
    return (y - zero) * scale


_ROUND: dict[str, Callable[[Floats], Floats]] = {
    "ROUND": np.round,
    "HALF_EVEN": np.round,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "DOWN": np.trunc,
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + np.float32(0.5)),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - np.float32(0.5)),
}


def _topk(attributes: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    """Return the places of the k greatest, or least; of equal ones, the lower place is first."""
    x, axis = inputs[0], attributes["axis"] + 1
    order = np.argsort(-x if attributes["largest"] else x, axis=axis, kind="stable")
    return np.take(order, range(attributes["k"]), axis=axis).astype(np.int64)


def _argmax(attributes: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    x, axis = inputs[0], attributes["axis"] + 1
    if attributes["last"]:
        found = x.shape[axis] - 1 - np.flip(x, axis).argmax(axis)
    else:
        found = x.argmax(axis)
    return np.expand_dims(found, axis).astype(np.int64)


def _softmax(attributes: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    x = np.moveaxis(inputs[0], attributes["axis"] + 1, -1)
    exponentials = _exp(x - x.max(axis=-1, keepdims=True))
    found = exponentials * (np.float32(1) / _sum(exponentials))
    return np.moveaxis(found, -1, attributes["axis"] + 1)


def _log_softmax(attributes: Mapping[str, Any], inputs: Sequence[Array]) -> Array:
    x = np.moveaxis(inputs[0], attributes["axis"] + 1, -1)
    below = x - x.max(axis=-1, keepdims=True)
    logarithm = np.log(_sum(_exp(below)).astype(np.float64)).astype(np.float32)
    return np.moveaxis(below - logarithm, -1, attributes["axis"] + 1)


#: onnxruntime's exp: ln 2 in two parts, and the coefficients of a polynomial, highest first.
_LOG2 = np.float32(1.44269504088896341)
_LN2 = np.float32(-6.93145752e-1), np.float32(-1.42860677e-6)
_EXP = [
    np.float32(float.fromhex(each))
    for each in (
        *("0x1.694000p-10", "0x1.125edcp-7", "0x1.555b5ap-5", "0x1.555450p-3", "0x1.fffff6p-2"),
        *("0x1p0", "0x1p0"),
    )
]
_EXP_LEAST = np.float32(-103.9720840454)
#: Added to a float32 and subtracted again, it rounds to an integer.
_BIAS = np.float32(1.5 * 2**23)
#: Values that onnxruntime sums side by side.
_LANES = 16


def _exp(x: Floats) -> Floats:
    """Return exp(x) of numbers up to 0, as onnxruntime's kernel computes it."""
    x = np.maximum(x, _EXP_LEAST)
    power = _fused(x, _LOG2, _BIAS) - _BIAS
    for part in _LN2:
        x = _fused(power, part, x)
    found = np.broadcast_to(_EXP[0], x.shape)
    for coefficient in _EXP[1:]:
        found = _fused(found, x, coefficient)
    return np.ldexp(found, power.astype(np.int32))


def _sum(x: Floats) -> Floats:
    """Return sums along the last axis, [..., 1], in the order of onnxruntime's kernel."""
    size = x.shape[-1]
    filled = np.zeros((*x.shape[:-1], -(-size // _LANES) * _LANES), np.float32)
    filled[..., :size] = x
    lanes = np.zeros((*x.shape[:-1], _LANES), np.float32)
    for start in range(0, filled.shape[-1], _LANES):
        lanes = lanes + filled[..., start : start + _LANES]
    lanes = lanes[..., :8] + lanes[..., 8:]
    for _ in range(3):
        lanes = lanes[..., ::2] + lanes[..., 1::2]
    return lanes


def _fused(a: Floats, b: Floats | np.float32, c: Floats | np.float32) -> Floats:
    """Return a * b + c, rounded once."""
    product, addend = a.astype(np.float64) * b, np.asarray(c, np.float64)
    total = product + addend
    part = total - product
    error = (product - (total - part)) + (addend - part)
    # Rounded to odd, a float64 is rounded to float32 as the exact sum would be.
    even = (total.view(np.int64) & 1) == 0
    odd = np.nextafter(total, np.where(error > 0, np.inf, -np.inf))
    return np.where((error != 0) & even, odd, total).astype(np.float32)


_RUN: dict[str, Callable[[Mapping[str, Any], Sequence[Array]], Array]] = {
    "Add": lambda _, inputs: inputs[0] + inputs[1],
    "Sub": lambda _, inputs: inputs[0] - inputs[1],
    "Mul": lambda _, inputs: inputs[0] * inputs[1],
    "Div": lambda _, inputs: inputs[0] / inputs[1],
    "Neg": lambda _, inputs: -inputs[0],
    "Relu": _relu,
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Elu": _elu,
    "Exp": _rounded_once(np.exp),
    "Clip": _clip,
    "Abs": lambda _, inputs: np.abs(inputs[0]),
    "HardSigmoid": _hard_sigmoid,
    "Sigmoid": _rounded_once(lambda x: 1 / (1 + np.exp(-x))),
    "Tanh": _rounded_once(np.tanh),
    "Softplus": _rounded_once(lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))),
    "BatchNormalization": _batch_normalization,
    "BipolarQuant": _bipolar_quant,
    "Quant": _quant,
    "Reshape": lambda a, inputs: inputs[0].reshape(len(inputs[0]), *a["shape"]),
    "Transpose": lambda a, inputs: inputs[0].transpose(0, *(axis + 1 for axis in a["perm"])),
    "Softmax": _softmax,
    "LogSoftmax": _log_softmax,
    "TopK": _topk,
    "ArgMax": _argmax,
}
