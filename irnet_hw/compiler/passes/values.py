"""Values: what the compiler knows of a network's tensor.

A tensor is a function of integers, element by element. The integers are its source: codes on a
stream (:class:`~irnet_hw.compiler.numbers.codes.Codes`), the sums of a layer (:class:`Sums`), one
of these plus a stream (:class:`Join`), or two streams (:class:`Pair`). The function is a list of
the file's own nodes. For Conv -> BatchNormalization -> Relu, for example:

    conv    Value(Sums(conv))
    norm    Value(Sums(conv), (BatchNormalization,))
    relu    Value(Sums(conv), (BatchNormalization, Relu))

Nothing is computed or emitted until someone needs integers, such as the next layer.
"""

from dataclasses import dataclass
from math import prod

from onnx import NodeProto
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import Ints, shape
from irnet_hw.compiler.numbers.codes import Codes, Units
from irnet_hw.compiler.onnx_ops import RESHAPING
from irnet_hw.compiler.passes.emit import Windows
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import QUANTIZERS, label
from irnet_hw.read import shown

#: Float32 is exact for integers up to 2^24: half for a sum and half for a bias.
EXACT = 2**23
#: The sums of the last layer may be larger: they are only rounded.
ROUNDED = 2**31
#: The widest codes between layers.
MOST_BITS = 8
#: Up to this many thresholds are compared one by one; with more, a scaling is tried first.
FEW_STEPS = 15
#: The most thresholds of a channel.
MOST_STEPS = 255
#: Functions of at most this many values are evaluated on all of them.
EVERY = 2**23
#: Functions of two streams are evaluated on this many pairs at once.
PAIRS = 2**22
#: The most bits by which an added stream is shifted.
MOST_SKIP = 8
PIXEL = DataType["UINT8"]


@dataclass
class Sums:
    """The sums of a layer, before it is known whether the hardware puts them out.

    If thresholds make signs of them, they are part of the layer, and the sums stay inside.

    Attributes:
        layer: the node, a Conv or MatMul.
        reads: its input.
        weights: [outputs, inputs, rows, columns].
        windows: of a convolution; None for a dense layer.
        low: the least sum that can occur, in each output channel, in units.
        high: the greatest.
        unit: what 1 stands for in the network's tensor, a power of two for each output channel.
    """

    layer: NodeProto
    reads: Codes
    weights: Ints
    windows: Windows | None
    low: Ints
    high: Ints
    unit: Units

    @property
    def spatial(self) -> tuple[int, int] | None:
        """(rows, columns); None for a vector."""
        return None if self.windows is None else self.windows.output


@dataclass
class Join:
    """A function of sums or codes, plus a stream of codes, before it is rounded.

    This is a residual connection. The hardware adds and rounds at once, so a Quant must follow.

    Attributes:
        first: the function.
        skip: the stream.
    """

    first: "Value"
    skip: Codes

    @property
    def spatial(self) -> tuple[int, int] | None:
        """(rows, columns); None for a vector."""
        return self.skip.spatial


@dataclass
class Pair:
    """The sum of functions of two streams of codes, before it is known what reads it.

    It is evaluated for all pairs of codes, so it may be any functions.

    Attributes:
        add: the node.
        first: a function of codes of one unit and at most 8 bits.
        second: the other.
    """

    add: NodeProto
    first: "Value"
    second: "Value"

    @property
    def spatial(self) -> tuple[int, int] | None:
        """(rows, columns); None for a vector."""
        return self.first.source.spatial


@dataclass
class Value:
    """A tensor: a function of integers.

    Attributes:
        source: the integers.
        nodes: the file's nodes from these to the tensor.
    """

    source: Codes | Sums | Join | Pair
    nodes: tuple[NodeProto, ...] = ()

    def then(self, node: NodeProto) -> "Value":
        """Return the value behind a further node."""
        return Value(self.source, (*self.nodes, node))


def channels_of(source: Codes | Sums) -> int:
    """Return the number of channels, or of elements of a vector."""
    return len(source.low)


def quantized(value: Value) -> bool:
    """Return whether the last node that computes something of a value gives codes."""
    moving = ("MaxPool", *RESHAPING)
    computing = [node for node in value.nodes if node.op_type not in moving]
    return bool(computing) and computing[-1].op_type in QUANTIZERS


def whole(value: Value) -> bool:
    """Return whether a value is integers times a unit as it is."""
    return quantized(value) or (not value.nodes and not isinstance(value.source, Join | Pair))


def flattens(model: ModelWrapper, value: Value) -> bool:
    """Return whether a value's nodes turn an image of several pixels into a vector."""
    return any(
        node.op_type in RESHAPING
        and prod(shape(model, node.input[0])[2:]) > 1
        and len(shape(model, node.output[0])) == 2
        for node in value.nodes
    )


def called(source: Codes | Sums | Join | Pair) -> str:
    """Return what messages call the integers of a value."""
    if isinstance(source, Sums):
        return f"the sums of {shown(source.layer.name)}"
    if isinstance(source, Join):
        return f"the sum with {shown(source.skip.stream)}"
    if isinstance(source, Pair):
        return f"the sum {shown(source.add.name)}"
    return f"tensor {shown(source.stream)}"


def odd_scale(node: NodeProto, scale: float) -> UserError:
    """Return the refusal of a scale that must be a power of two."""
    return UserError(
        f"{label(node)}: scale {scale:g}, must be a power of two where other results are added or "
        "pixels are summed"
    )
