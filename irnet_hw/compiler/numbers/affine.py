"""The operations between integers and a stream's quantizer, as exact sums.

Multiplications and additions turn integers (a layer's accumulators and another stream's integers)
into the number to round. All constants are float32, so they are dyadic; here everything is computed
in rational numbers. The specification is evaluated in float32. Both agree if every result is an
integer below 2^24 times a power of two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import constant, shape
from irnet_hw.compiler.numbers.accumulators import accumulator_range
from irnet_hw.compiler.numbers.chain import LAYERS
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import label

#: Float32 holds all integers up to this one.
FLOAT_EXACT = 2**24
#: The finest step of float32's normal numbers.
FINEST = Fraction(1, 2**126)
#: Float32 holds all of these and less.
LARGEST = Fraction(2**127)


@dataclass(frozen=True)
class Term:
    """A channel's integer, times a factor.

    Attributes:
        factor: of the integer.
        low: the integer's least value.
        high: the integer's greatest value.
    """

    factor: Fraction
    low: int
    high: int

    def times(self, factor: Fraction) -> "Term":
        """Return the term times a further factor."""
        return Term(self.factor * factor, self.low, self.high)


@dataclass(frozen=True)
class Affine:
    """A tensor: in each channel, the sum of terms and a constant.

    Attributes:
        terms: by the integers' tensor, one term per channel.
        offset: one constant per channel.
        nodes: that compute it from the integers.
    """

    terms: dict[str, list[Term]]
    offset: list[Fraction]
    nodes: tuple[NodeProto, ...] = ()

    def with_constant(
        self,
        node: NodeProto,
        change: Callable[[Fraction], tuple[Fraction, Fraction]],
        values: list[Fraction],
    ) -> "Affine":
        """Return the result of a node that applies a constant to each channel.

        Args:
            node: the node.
            change: maps a constant to the factor it multiplies by and the number it then adds.
            values: the constants.
        """
        pairs = [change(value) for value in values]
        return Affine(
            {
                name: [term.times(factor) for term, (factor, _) in zip(terms, pairs, strict=True)]
                for name, terms in self.terms.items()
            },
            [
                offset * factor + added
                for offset, (factor, added) in zip(self.offset, pairs, strict=True)
            ],
            (*self.nodes, node),
        )

    def plus(self, other: "Affine", node: NodeProto) -> "Affine":
        """Return the sum of both."""
        return Affine(
            {**self.terms, **other.terms},
            [a + b for a, b in zip(self.offset, other.offset, strict=True)],
            (*self.nodes, *other.nodes, node),
        )

    def steps(self, channel: int) -> tuple[Fraction, Fraction]:
        """Return the unit whose multiples a channel's values are, and the largest multiple."""
        terms = [terms[channel] for terms in self.terms.values()]
        parts = [value for value in (self.offset[channel], *(t.factor for t in terms)) if value]
        unit = min((_unit(value) for value in parts), default=Fraction(1))
        low = high = self.offset[channel]
        for term in terms:
            ends = sorted((term.factor * term.low, term.factor * term.high))
            low, high = low + ends[0], high + ends[1]
        return unit, max(-low, high) / unit


#: For each op, the factor that a constant multiplies by and the number that it then adds.
_CHANGES: dict[str, Callable[[Fraction], tuple[Fraction, Fraction]]] = {
    "Mul": lambda value: (value, Fraction(0)),
    "Add": lambda value: (Fraction(1), value),
    "Sub": lambda value: (Fraction(1), -value),
    "Div": lambda value: (1 / value, Fraction(0)),
}
#: The operations that can be computed exactly.
EXACT_OPS = tuple(_CHANGES)


def affine(model: ModelWrapper, tensor: str, steps: dict[str, Fraction]) -> Affine:
    """Return a tensor as exact sums.

    Args:
        model: an imported network.
        tensor: the name of one of its tensors.
        steps: of the tensors that are already integers.

    Raises:
        UserError: float32 can't represent it exactly; names the node.
    """
    channels = shape(model, tensor)[1]
    node = model.find_producer(tensor)
    if tensor in steps:
        datatype = model.get_tensor_datatype(tensor)
        term = Term(steps[tensor], int(datatype.min()), int(datatype.max()))
        return Affine({tensor: [term] * channels}, [Fraction(0)] * channels)
    if node.op_type in LAYERS:
        low, high = accumulator_range(model, node)
        ends = zip(low.tolist(), high.tolist(), strict=True)
        return Affine(
            {tensor: [Term(Fraction(1), *pair) for pair in ends]}, [Fraction(0)] * channels
        )
    first = affine(model, node.input[0], steps)
    if node.op_type == "Flatten":
        return Affine(first.terms, first.offset, (*first.nodes, node))
    if model.get_initializer(node.input[1]) is None:
        found = first.plus(affine(model, node.input[1], steps), node)
    else:
        values = np.broadcast_to(constant(model, node.input[1]).reshape(-1), channels)
        exact = [Fraction(float(value)) for value in values]
        found = first.with_constant(node, _CHANGES[node.op_type], exact)
    _check_exact(node, found)
    return found


def _check_exact(node: NodeProto, found: Affine) -> None:
    for channel in range(len(found.offset)):
        unit, count = found.steps(channel)
        if unit.denominator & (unit.denominator - 1):
            reach = "values that are not multiples of a power of two"
        elif unit < FINEST or count > FLOAT_EXACT:
            reach = f"up to {ceil(count)} steps of {float(unit):g}"
        elif unit * count > LARGEST:
            reach = f"values up to {float(unit * count):g}"
        else:
            continue
        raise UserError(
            f"{label(node)}: takes {reach} in channel {channel}; before a Quant all "
            f"results must be exact in float32, which is so up to "
            f"{FLOAT_EXACT} steps of a power of two, 2^-126 or more, and up to 2^127"
        )


def _unit(value: Fraction) -> Fraction:
    """Return the largest power of two that divides a dyadic number."""
    odd = value.numerator & -value.numerator
    return Fraction(odd, value.denominator)
