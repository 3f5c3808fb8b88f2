"""The tail of a network: what its file computes after the accelerator's integers.

The accelerator's integers times the manifest's `output.scale` are a float32 tensor of the QONNX
file, where the tail begins. Its steps are the file's nodes from there to the output, in a few
normal forms, for one image; :mod:`irnet_hw.runtime.tail` runs them on batches. :func:`fault`
checks all that this needs.
"""

from dataclasses import dataclass
from math import prod
from typing import Any, Callable, Dict, Literal, Mapping, NamedTuple, Optional, Sequence, Tuple

from irnet_hw.form import COUNT, FLAG, NUMBER, SIZE, Annotated, Kind, Name, Size
from irnet_hw.read import shown

_FLOAT32_MOST = 3.4028234663852886e38
_WIDTHS = 32

#: A float32, written as the same number in float64, so that it is read back exactly.
Float32 = Annotated[
    float,
    Kind(lambda value: NUMBER.fits(value) and abs(value) <= _FLOAT32_MOST, "a finite float32"),
]


@dataclass(frozen=True)
class Constant:
    """A constant of the file, float32.

    Attributes:
        shape: its dimensions, [] for a scalar.
        values: its elements, the last dimension fastest.
    """

    shape: Tuple[Size, ...]
    values: Tuple[Float32, ...]


@dataclass(frozen=True)
class Step:
    """A node of the file.

    Attributes:
        op: of ONNX or QONNX. Flatten, Squeeze and Unsqueeze are a Reshape here, too.
        attributes: of the op, with axes counted from 0. Softmax is that of opset 13.
        inputs: in the node's order; null is the result of the step before.
    """

    op: Name
    attributes: Mapping[str, Any]
    inputs: Tuple[Optional[Constant], ...]


@dataclass(frozen=True)
class Tail:
    """What turns the accelerator's integers times their scale into the file's output.

    Attributes:
        entry: shape of the tensor where the tail begins, for one image, as the file has it.
        steps: the nodes from there on, in order; [] if the tensor is the output.
        name: of the output.
        shape: of the output, for one image, as the file has it, as a rule with a 1 for the batch.
        type: of the output's elements: float32, or int64 for classes' numbers (TopK, ArgMax).
    """

    entry: Tuple[Size, ...]
    steps: Tuple[Step, ...]
    name: Name
    shape: Tuple[Size, ...]
    type: Literal["float32", "int64"]

    @property
    def each(self) -> Tuple[int, ...]:
        """The output's shape for one image, without the file's 1 for the batch."""
        return self.shape[1:] if self.shape[:1] == (1,) else self.shape


class _MisfitError(Exception):
    """A step that can't follow the one before."""


Shape = Tuple[int, ...]
_ShapeRule = Callable[[Mapping[str, Any], Shape, Sequence[Optional[Constant]]], Shape]


class _Op(NamedTuple):
    """What a step of an op must be.

    Attributes:
        inputs: how many.
        constants: how many of these, at the end, must be constants.
        attributes: all that it has.
        shape: returns the result's shape, and raises _MisfitError.
        type: of the result.
    """

    inputs: int
    constants: int
    attributes: Mapping[str, Kind]
    shape: _ShapeRule
    type: str = "float32"


def _broadcast(
    _: Mapping[str, Any], shape: Shape, inputs: Sequence[Optional[Constant]]
) -> Tuple[int, ...]:
    found = shape
    for constant in inputs:
        other = shape if constant is None else constant.shape
        rank = max(len(found), len(other))
        pairs = list(zip((1,) * (rank - len(found)) + found, (1,) * (rank - len(other)) + other))
        if any(a != b and 1 not in (a, b) for a, b in pairs):
            raise _MisfitError(f"{list(found)} and {list(other)} can't be broadcast")
        found = tuple(max(pair) for pair in pairs)
    return found


def _scalars(
    _: Mapping[str, Any], shape: Shape, inputs: Sequence[Optional[Constant]]
) -> Tuple[int, ...]:
    if any(constant is not None and constant.shape for constant in inputs):
        raise _MisfitError("its bounds must be scalars")
    return shape


def _channels(
    _: Mapping[str, Any], shape: Shape, inputs: Sequence[Optional[Constant]]
) -> Tuple[int, ...]:
    wrong = [each.shape for each in inputs if each is not None and each.shape != shape[1:2]]
    if len(shape) < 2 or wrong:
        raise _MisfitError("must have one parameter for each channel")
    return shape


def _reshape(
    attributes: Mapping[str, Any], shape: Shape, _: Sequence[Optional[Constant]]
) -> Tuple[int, ...]:
    if prod(attributes["shape"]) != prod(shape):
        raise _MisfitError(f"can't make {attributes['shape']} of {list(shape)}")
    return tuple(attributes["shape"])


def _transpose(
    attributes: Mapping[str, Any], shape: Shape, _: Sequence[Optional[Constant]]
) -> Tuple[int, ...]:
    if sorted(attributes["perm"]) != list(range(len(shape))):
        raise _MisfitError(f"perm {attributes['perm']} doesn't permute {len(shape)} axes")
    return tuple(shape[axis] for axis in attributes["perm"])


def _along(attributes: Mapping[str, Any], shape: Shape) -> int:
    if attributes["axis"] >= len(shape):
        raise _MisfitError(f"axis {attributes['axis']}, must be below {len(shape)}")
    return int(attributes["axis"])


def _softmax(
    attributes: Mapping[str, Any], shape: Shape, _: Sequence[Optional[Constant]]
) -> Tuple[int, ...]:
    _along(attributes, shape)
    return shape


def _topk(
    attributes: Mapping[str, Any], shape: Shape, _: Sequence[Optional[Constant]]
) -> Tuple[int, ...]:
    axis, k = _along(attributes, shape), attributes.get("k", 1)
    if k > shape[axis]:
        raise _MisfitError(f"k {k}, must be at most {shape[axis]}")
    return (*shape[:axis], k, *shape[axis + 1 :])


def _listed(kind: Kind, text: str) -> Kind:
    return Kind(
        lambda value: isinstance(value, (list, tuple)) and all(kind.fits(each) for each in value),
        text,
    )


_ROUNDING = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")
_AXIS = {"axis": COUNT}
_LIST_OF_SIZES = _listed(SIZE, "a list of integers of at least 1")
_QUANT = {
    "signed": FLAG,
    "narrow": FLAG,
    "rounding_mode": Kind(lambda value: value in _ROUNDING, " or ".join(_ROUNDING)),
}

#: All ops that a step can be.
OPS: Dict[str, _Op] = {
    **{name: _Op(2, 0, {}, _broadcast) for name in ("Add", "Sub", "Mul", "Div")},
    **{
        name: _Op(1, 0, {}, _broadcast)
        for name in ("Neg", "Relu", "Abs", "Exp", "Sigmoid", "Tanh", "Softplus")
    },
    "HardSigmoid": _Op(1, 0, {"alpha": NUMBER, "beta": NUMBER}, _broadcast),
    "LeakyRelu": _Op(1, 0, {"alpha": NUMBER}, _broadcast),
    "Elu": _Op(1, 0, {"alpha": NUMBER}, _broadcast),
    "PRelu": _Op(2, 1, {}, _broadcast),
    "Clip": _Op(3, 2, {}, _scalars),
    "BatchNormalization": _Op(5, 4, {"epsilon": NUMBER}, _channels),
    "BipolarQuant": _Op(2, 1, {}, _broadcast),
    "Quant": _Op(4, 3, _QUANT, _broadcast),
    "Reshape": _Op(1, 0, {"shape": _LIST_OF_SIZES}, _reshape),
    "Transpose": _Op(1, 0, {"perm": _listed(COUNT, "a list of axes")}, _transpose),
    "Softmax": _Op(1, 0, _AXIS, _softmax),
    "LogSoftmax": _Op(1, 0, _AXIS, _softmax),
    "TopK": _Op(1, 0, {**_AXIS, "k": SIZE, "largest": FLAG}, _topk, "int64"),
    "ArgMax": _Op(1, 0, {**_AXIS, "last": FLAG}, _topk, "int64"),
}
#: These move elements of any type.
_MOVE = ("Reshape", "Transpose")


def fault(tail: Tail) -> str:
    """Return what is wrong with a tail, or nothing."""
    shape: Shape = tail.entry
    kind = "float32"
    for index, step in enumerate(tail.steps):
        where = f"tail.steps[{index}] ({shown(step.op)})"
        op = OPS.get(step.op)
        if op is None:
            return f"{where}: op {shown(step.op)}, must be one of {', '.join(OPS)}"
        for name in (*op.attributes, *step.attributes):
            if name not in op.attributes or name not in step.attributes:
                return f"{where}: must have the attributes {', '.join(op.attributes) or '(none)'}"
            value = step.attributes[name]
            if not op.attributes[name].fits(value):
                text = op.attributes[name].text
                return f"{where}: {name} = {shown(repr(value))}, must be {text}"
        wrong = _wrong_inputs(op, step.inputs)
        if kind != "float32" and step.op not in _MOVE:
            wrong = f"its input is {kind}, must be float32"
        if wrong:
            return f"{where}: {wrong}"
        try:
            shape = op.shape(step.attributes, shape, step.inputs)
        except _MisfitError as error:
            return f"{where}: {error}"
        kind = kind if step.op in _MOVE else op.type
    if (shape, kind) != (tail.shape, tail.type):
        return (
            f"tail: gives {kind} of shape {list(shape)}, but states {tail.type} of shape "
            f"{list(tail.shape)}"
        )
    return ""


def _wrong_inputs(op: _Op, inputs: Sequence[Optional[Constant]]) -> str:
    """Return what is wrong with the inputs of a step, or nothing."""
    if len(inputs) != op.inputs:
        return f"has {len(inputs)} inputs, must have {op.inputs}"
    fixed = inputs[op.inputs - op.constants :]
    free = inputs[: op.inputs - op.constants]
    if None in fixed or (None not in free):
        return "its inputs must be the result of the step before, then its parameters"
    for constant in inputs:
        if constant is not None and prod(constant.shape) != len(constant.values):
            return f"a constant of shape {list(constant.shape)} has {len(constant.values)} values"
    if op.attributes is _QUANT and not all(0 < v <= _WIDTHS for v in _values(inputs[3])):
        return f"its bits must be 1 to {_WIDTHS}"
    if op.attributes is _QUANT and len(_values(inputs[3])) != 1:
        return "its bits must be one number"
    return ""


def _values(constant: Optional[Constant]) -> Tuple[float, ...]:
    return () if constant is None else constant.values
