"""Integer streams: turns streams into integers, and their computation into hardware ops.

A stream is the output of a Quant: integers q times a step s, a power of two. Everything between a
layer's accumulators x and the Quant is exact (see :mod:`irnet_hw.compiler.numbers.affine`), so

    q = clamp(floor(A x + B)) = clamp((m x + b) >> shift),   A = m 2^-shift,   b = floor(B 2^shift)

in each channel, with one shift for all of them, which then is made as short as it can be (see
:mod:`irnet_hw.compiler.numbers.narrow`): Requantise. b may be rounded down because m x is an
integer. Where another stream is added, its step is a multiple 2^k s: ResidualJoin. What reads a
stream and keeps its values takes their step on; behind layers it is multiplied by.
"""

import json
from fractions import Fraction
from math import floor

import numpy as np
from onnx import NodeProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.transformation.general import SortGraph

from irnet_hw.compiler.graph import (
    FINN_DOMAIN,
    add_constant,
    add_tensor,
    constant,
    op,
    redeclare,
    replace,
    shape,
)
from irnet_hw.compiler.nhwc import pixels_of, signed_type, turned_kernel, type_of
from irnet_hw.compiler.numbers.affine import FINEST, Affine, Term, affine
from irnet_hw.compiler.numbers.chain import LAYERS
from irnet_hw.compiler.numbers.narrow import FAR, Scaling, narrow
from irnet_hw.compiler.numbers.subsample import subsample_pad
from irnet_hw.compiler.passes.check import reaches_only_a_sign
from irnet_hw.compiler.passes.node_checks import FLATTENING
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import label

#: The most bits by which the integers of an added stream are shifted; a sum with more of them would
#: hardly ever be within the range.
MOST_SKIP = 8
#: Where the graph's metadata has the steps of the tensors that were made integer.
STEPS_KEY = "irnet_hw_steps"


def steps(model: ModelWrapper) -> dict[str, float]:
    """Return the steps of the streams, by which the network multiplies their integers, by name.

    Tensors that the hardware holds in the network's own values, such as signs, are not included.
    """
    return dict(json.loads(model.get_metadata_prop(STEPS_KEY) or "{}"))


class IntegerStreams(Transformation):  # type: ignore[misc]
    """Make all streams integer."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the model in which Requantise, ResidualJoin and others compute the streams."""
        found: dict[str, Fraction] = {}
        for tensor in [node.output[0] for node in model.graph.node]:
            node = model.find_producer(tensor)
            if node is None:  # an earlier step replaced it
                continue
            if node.op_type == "Quant":
                if not reaches_only_a_sign(model, node):
                    _requantise(model, node, found)
            elif node.input[0] in found:
                _read_integers(model, node, found)
        flat = {node.output[0] for node in model.graph.node if node.op_type in FLATTENING}
        kept = {name: float(step) for name, step in found.items() if name not in flat}
        model.set_metadata_prop(STEPS_KEY, json.dumps(kept))
        return model.transform(SortGraph()), False


def _read_integers(model: ModelWrapper, node: NodeProto, found: dict[str, Fraction]) -> None:
    """Let a node read the integers of a stream."""
    step = found[node.input[0]]
    output = node.output[0]
    datatype = model.get_tensor_datatype(node.input[0])
    if node.op_type in LAYERS:
        sums = add_tensor(model, f"{output}_int", shape(model, output), DataType["INT32"])
        unit = add_constant(model, f"{output}_step", np.array(float(step)), DataType["FLOAT32"])
        node.output[0] = sums
        replace(model, [node], [node, helper.make_node("Mul", [sums, unit], [output])])
    elif node.op_type in ("Slice", "Pad"):
        found[subsample_pad(model, node)] = step
    elif node.op_type == "ReduceSum":
        _sum_pixels(model, node)
        found[output] = step
    elif node.op_type in FLATTENING:
        maker = model.find_producer(node.input[0])
        if _sums_image(maker):  # its output is already flat
            del found[node.input[0]]
            maker.output[0] = output
            model.graph.node.remove(node)
        model.set_tensor_datatype(output, datatype)
        found[output] = step


def _sum_pixels(model: ModelWrapper, node: NodeProto) -> None:
    _, channels, height, width = shape(model, node.input[0])
    datatype = model.get_tensor_datatype(node.input[0])
    bits = int(datatype.bitwidth()) + (height * width - 1).bit_length()
    redeclare(model, node.output[0], (1, channels), DataType[f"INT{bits}"])
    new = turned_kernel(
        model,
        "GlobalSumPool",
        [node.input[0]],
        [],
        [node.output[0]],
        node.name,
        IFMDim=[height, width],
        NumChannels=channels,
        PE=1,
    )
    replace(model, [node], new)


def _requantise(model: ModelWrapper, quant: NodeProto, found: dict[str, Fraction]) -> None:
    """Replace a Quant and everything back to the accumulators by Requantise or ResidualJoin."""
    step = Fraction(float(constant(model, quant.input[1]).item()))
    stream = quant.output[0]
    values = affine(model, quant.input[0], found)
    for channel in range(len(values.offset)):
        unit, _ = values.steps(channel)
        if unit / step < FINEST:  # the Quant divides in float32, too
            raise UserError(
                f"{label(quant)}: what it rounds has steps of {float(unit):g} in channel "
                f"{channel}; must be at least 2^-126 times its scale {float(step):g}"
            )
    sums = next(name for name in values.terms if not _is_stream(model, name))
    others = [name for name in values.terms if name != sums]
    bits = int(constant(model, quant.input[3]).item())
    datatype = DataType[f"INT{bits}"]
    model.set_tensor_datatype(stream, datatype)
    least, most = int(datatype.min()), int(datatype.max())
    kind, join = "Requantise", {}
    if others:
        kind = "ResidualJoin"
        shift, skip = _skip_shift(quant, others[0], values, step), others[0]
        skip_type = model.get_tensor_datatype(skip)
        join = {"skipShift": shift, "skipDataType": skip_type.name}
        # Beyond these, the sum is out of range whatever is added.
        least -= int(skip_type.max()) << shift
        most -= int(skip_type.min()) << shift
    terms = values.terms[sums]
    low, high = (np.array(ends) for ends in zip(*((t.low, t.high) for t in terms), strict=True))
    exact = integers(quant, values, sums, step)
    if max(-least, most + 1) << exact.shift >= FAR:
        raise _too_far(quant, exact.shift + max(-least, most + 1).bit_length())
    scaling = narrow(exact, low, high, least, most)
    types = [type_of(scaling.multipliers), type_of(scaling.offsets)]
    constants = [
        add_constant(model, f"{stream}_m", scaling.multipliers, types[0]),
        add_constant(model, f"{stream}_b", scaling.offsets, types[1]),
    ]
    attributes = {
        "NumChannels": len(terms),
        "numInputVectors": pixels_of(model, stream),
        "mBits": types[0].bitwidth(),
        "bBits": types[1].bitwidth(),
        "shift": scaling.shift,
        "PE": 1,
        **join,
    }
    streams = [_accumulators(model, sums, values.terms[sums]), *others]
    new = turned_kernel(model, kind, streams, constants, [stream], quant.name, **attributes)
    replace(model, [quant, *values.nodes], new)
    found[stream] = step


def integers(quant: NodeProto, values: Affine, sums: str, step: Fraction) -> Scaling:
    """Return the exact m and b of each channel, and the shift.

    Args:
        quant: the Quant, for messages.
        values: its input.
        sums: the tensor of the accumulators among the terms.
        step: of the stream.
    """
    terms = values.terms[sums]
    factors = [term.factor / step for term in terms]
    shift = max(factor.denominator for factor in factors).bit_length() - 1
    multipliers = [int(factor * 2**shift) for factor in factors]
    offsets = [floor(offset / step * 2**shift) for offset in values.offset]
    peak = max(
        abs(m) * max(-term.low, term.high) + abs(b)
        for m, b, term in zip(multipliers, offsets, terms, strict=True)
    )
    if peak >= FAR:
        raise _too_far(quant, peak.bit_length())
    return Scaling(np.array(multipliers, np.int64), np.array(offsets, np.int64), shift)


def _too_far(quant: NodeProto, bits: int) -> UserError:
    return UserError(
        f"{label(quant)}: the factors of its channels lie so far apart, or so far below its step, "
        f"that their common fraction takes {bits} bits, must take at most {FAR.bit_length() - 1}"
    )


def _is_stream(model: ModelWrapper, tensor: str) -> bool:
    """Return whether integers belong to a stream, and are not sums of a layer or of pixels."""
    maker = model.find_producer(tensor)
    return maker.op_type not in LAYERS and not _sums_image(maker)


def _sums_image(node: NodeProto) -> bool:
    return node.domain == FINN_DOMAIN and op(node).sums_image


def _accumulators(model: ModelWrapper, sums: str, ends: list[Term]) -> str:
    """Return the tensor of the accumulators, whose name is not one of the network."""
    maker = model.find_producer(sums)
    if maker.op_type not in LAYERS:
        return sums
    datatype = signed_type(min(term.low for term in ends), max(term.high for term in ends))
    maker.output[0] = add_tensor(model, f"{maker.name}_sums", shape(model, sums), datatype)
    return str(maker.output[0])


def _skip_shift(quant: NodeProto, skip: str, values: Affine, step: Fraction) -> int:
    """Return by how many bits to shift the integers of the other stream."""
    ratios = {term.factor / step for term in values.terms[skip]}
    shift = max(ratios).numerator.bit_length() - 1
    if ratios != {Fraction(2**shift)} or shift > MOST_SKIP:
        shown = ", ".join(f"{float(ratio):g}" for ratio in sorted(ratios)[:4])
        raise UserError(
            f"{label(quant)}: adds the integers of {skip} times {shown} of its steps of "
            f"{float(step):g}; must be one power of two for all channels, 1 to {2**MOST_SKIP}"
        )
    return shift
