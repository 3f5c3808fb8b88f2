"""Realise: turns functions of integers into integers, and emits the hardware that computes them.

The function's nodes are run on all integers of its source that can occur, in each channel. If the
results are integers times a power of two, the hardware is chosen by their form:

- of pixels, integers less an offset: nothing, as layers subtract it;
- the signs of a layer's sums: thresholds inside the layer;
- steps that only rise or only fall: thresholds, or where there are many, and on a straight line, a
  multiplication and a shift;
- anything else, of codes of up to 8 bits: a table.

The sum of functions of two streams is evaluated for all pairs of codes. The hardware adds integers;
the results must be a function of their sum, as above.

Sums with too many values for this (``EVERY``) must have a function that is monotone by its ops, and
a quantizer at its end. Their thresholds are found by bisection.

Max-pooling between a layer and its quantizer is done behind the quantizer, on codes. It takes the
minimum in channels in which what is pooled falls as the codes rise.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import Ints, attribute, constant
from irnet_hw.compiler.numbers.codes import Codes, Units, code_type, dyadic_unit, is_power_of_two
from irnet_hw.compiler.numbers.function import Function, everywhere
from irnet_hw.compiler.numbers.pairs import Side, of_sum
from irnet_hw.compiler.numbers.staircase import (
    FAR,
    Scaling,
    Staircase,
    by_bisection,
    of_table,
    scaling_between,
    scaling_of_stairs,
)
from irnet_hw.compiler.onnx_ops import ELEMENTWISE, MONOTONE, RESHAPING, SUMMING
from irnet_hw.compiler.passes.attributes import windows_of
from irnet_hw.compiler.passes.code_types import (
    fine_type,
    made_of,
    quant_type,
    sums_type,
    type_of_values,
)
from irnet_hw.compiler.passes.emit import BIPOLAR, Hardware, Windows, sum_type
from irnet_hw.compiler.passes.values import (
    EVERY,
    FEW_STEPS,
    MOST_BITS,
    MOST_SKIP,
    MOST_STEPS,
    PAIRS,
    PIXEL,
    Join,
    Pair,
    Sums,
    Value,
    called,
    channels_of,
    flattens,
    odd_scale,
)
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import QUANTIZERS, label
from irnet_hw.read import shown


class Realise:
    """Emits hardware for values.

    Args:
        model: the network.
        hardware: to which ops are added.
    """

    def __init__(self, model: ModelWrapper, hardware: Hardware) -> None:
        self._model = model
        self._hardware = hardware
        self._codes: dict[str, Codes] = {}
        self._sums: dict[str, Codes] = {}

    # ------------------------------------------------------------------ from functions to integers

    def to_multiply(self, node: NodeProto, entry: str, value: Value) -> Codes:
        """Return a layer's input as integers of one step, which it can multiply."""
        found = self.integers(entry, value)
        if found.single_unit() is None:
            raise UserError(f"{label(node)}: its input has other steps in other channels")
        if found.datatype.bitwidth() > (17 if found.datatype.signed() else 8):
            low, high = int(found.low.min()), int(found.high.max())
            raise UserError(
                f"{label(node)}: its input, {shown(entry)}, takes values of {low:,} to {high:,} "
                f"steps; must have at most {MOST_BITS} bits: quantize it before, as QuantIdentity "
                "or QuantReLU do"
            )
        return found

    def exact(self, entry: str, value: Value) -> Codes:
        """Return a tensor as integers, or as the sums of a layer if that is what it is."""
        if not value.nodes and isinstance(value.source, Sums):
            return self.emitted(value.source)
        return self.integers(entry, value)

    def integers(self, tensor: str, value: Value) -> Codes:
        """Return a tensor as integers; emit what makes them."""
        if tensor not in self._codes:
            self._codes[tensor] = self._made(tensor, value)
        return self._codes[tensor]

    def _made(self, tensor: str, value: Value) -> Codes:
        if isinstance(value.source, Join):
            return self._joined(tensor, value)
        if isinstance(value.source, Pair):
            return self._added(tensor, value)
        if not value.nodes:
            return self.emitted(value.source)
        function = Function(self._model, value.nodes, channels_of(value.source))
        if isinstance(value.source, Codes) and value.source.datatype == PIXEL:
            return self._of_pixels(tensor, value, function)
        return self._of_sums(tensor, value, function)

    def _of_pixels(self, tensor: str, value: Value, function: Function) -> Codes:
        """Return a function of pixels: nothing but an offset, thresholds, or a table."""
        source = value.source
        assert isinstance(source, Codes)
        raw = np.repeat(np.arange(256)[:, np.newaxis], source.channels, axis=1)
        values = self._run(value, function, raw.astype(np.float64))
        integers, unit = self._integral(tensor, value, values)
        zero = raw - integers
        pooled = any(node.op_type == "MaxPool" for node in value.nodes)
        if not pooled and np.all(zero == zero[0, 0]) and 0 <= zero[0, 0] <= 255:
            codes = replace(
                source,
                low=integers.min(axis=0),
                high=integers.max(axis=0),
                unit=np.full(source.channels, unit),
                zero=int(zero[0, 0]),
            )
            return self._reshaped_by(value, tensor, codes)
        return self._by_function(tensor, value, source, raw, integers, unit)

    def _of_sums(self, tensor: str, value: Value, function: Function) -> Codes:
        source = value.source
        assert not isinstance(source, Join | Pair)
        units = source.unit
        span = int(source.high.max() - source.low.min()) + 1
        if span * channels_of(source) > EVERY:
            return self._of_wide_sums(tensor, value, function)
        codes = all_codes(source)
        values = self._run(value, function, codes * units)
        integers, unit = self._integral(tensor, value, values, codes)
        return self._by_function(tensor, value, source, codes, integers, unit)

    def _of_wide_sums(self, tensor: str, value: Value, function: Function) -> Codes:
        """Return a function that is too large to be evaluated everywhere, by bisection."""
        source, last = value.source, value.nodes[-1]
        assert not isinstance(source, Join | Pair)
        known = (*MONOTONE, "MaxPool", *RESHAPING, *SUMMING)
        strange = [node for node in value.nodes if node.op_type not in known]
        if strange or last.op_type not in QUANTIZERS:
            what = label(strange[0] if strange else last)
            span = int(source.high.max() - source.low.min())
            raise UserError(
                f"{what}: follows sums that take {span:,} values; "
                f"only {', '.join(MONOTONE)} may, with a quantizer at the end"
            )
        ends = self._run(value, function, np.stack([source.low, source.high]) * source.unit)
        scale = self._single_scale(last)
        if not is_power_of_two(scale):
            raise odd_scale(last, scale)
        unit = abs(scale)
        y = np.rint(ends.astype(np.float64) / unit).astype(np.int64)
        base, most = int(y.min()), int(y.max())
        step = 2 if last.op_type == "BipolarQuant" else 1

        def integers(x: Ints) -> Ints:
            found = function(x * source.unit).astype(np.float64) / unit
            return np.rint(found).astype(np.int64)

        stairs = by_bisection(integers, source.low, source.high, base, step, most)
        random = np.random.default_rng(0)
        some = random.integers(source.low, source.high, (64, channels_of(source)), endpoint=True)
        if not np.array_equal(stairs(some), integers(some)):
            raise UserError(f"{label(last)}: rises and falls; must be monotone in each channel")
        return self._by_stairs(tensor, value, source, stairs, unit, self._directions(value, source))

    def _run(
        self, value: Value, function: Function, x: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float32]:
        """Return a function's results, all of them finite."""
        found = function(x)
        wrong = np.argwhere(~np.isfinite(found))
        if len(wrong):
            row, channel = wrong[0]
            raise UserError(
                f"{label(value.nodes[-1])}: gives {found[row, channel]} in channel {channel} where "
                f"{called(value.source)} is {x[row, channel]:g}; must be finite for all values "
                "that can occur"
            )
        return found

    def _integral(
        self,
        tensor: str,
        value: Value,
        values: npt.NDArray[np.float32],
        codes: Ints | None = None,
    ) -> tuple[Ints, float]:
        """Return a tensor's values as integers times a unit.

        They must be few, unless they are some codes already, and nothing needs to be computed.
        """
        unit = dyadic_unit(values)
        exact = values.astype(np.float64) / unit
        most = np.abs(exact).max()
        if most >= 2 ** (MOST_BITS + 1) and (codes is None or not np.array_equal(exact, codes)):
            last = value.nodes[-1]
            if last.op_type == "Quant":
                scale = float(np.ravel(constant(self._model, last.input[1]))[0])
                if not is_power_of_two(scale):
                    raise odd_scale(last, scale)
                raise UserError(
                    f"{label(last)}: takes values of {exact.min():,.0f} to {exact.max():,.0f} "
                    f"steps; must have at most {MOST_BITS} bits: bit_width={MOST_BITS} or less"
                )
            raise UserError(
                f"tensor {shown(tensor)}, of {label(last)}: takes {len(np.unique(values)):,} "
                f"values, {values.min():g} to {values.max():g}, which are not integers of up to "
                f"{MOST_BITS} bits times a power of two; put a quantizer behind it, such as "
                "QuantIdentity"
            )
        return exact.astype(np.int64), unit

    def _by_function(
        self,
        tensor: str,
        value: Value,
        source: Codes | Sums,
        codes: Ints,
        integers: Ints,
        unit: float,
    ) -> Codes:
        """Return a function that is known on all codes."""
        pooled = any(node.op_type == "MaxPool" for node in value.nodes)
        same = np.array_equal(codes, integers) and not pooled
        if same and isinstance(source, Codes) and not source.zero:  # it only has another unit
            again = replace(source, unit=np.full(source.channels, unit))
            return self._reshaped_by(value, tensor, again)
        stairs = of_table(codes, integers)
        directions = self._directions(value, source)
        if stairs is None:
            if isinstance(source, Codes) and source.datatype.bitwidth() <= MOST_BITS:
                return self._by_table(tensor, value, source, codes, integers, unit, directions)
            channel = int(
                np.flatnonzero(
                    [np.any(d > 0) and np.any(d < 0) for d in np.diff(integers, axis=0).T]
                )[0]
            )
            raise UserError(
                f"{label(value.nodes[-1])}: rises and falls in channel {channel} as "
                f"{called(source)} rises; must be monotone in each channel"
            )
        if isinstance(source, Codes) and np.array_equal(integers, np.where(codes >= 0, 1, -1)):
            # The sign: other thresholds would give the same on these codes.
            stairs = replace(stairs, thresholds=np.zeros_like(stairs.thresholds))
        if (
            isinstance(source, Codes)
            and source.datatype.bitwidth() <= MOST_BITS
            and (stairs.thresholds.shape[1] > FEW_STEPS or source.binary())
        ):
            return self._by_table(tensor, value, source, codes, integers, unit, directions)
        return self._by_stairs(tensor, value, source, stairs, unit, directions)

    def _by_table(
        self,
        tensor: str,
        value: Value,
        source: Codes,
        codes: Ints,
        integers: Ints,
        unit: float,
        directions: list[tuple[NodeProto, Ints]],
    ) -> Codes:
        datatype = type_of_values(integers)
        least = int(source.datatype.min())
        size = 2 if source.binary() else 2 ** int(source.datatype.bitwidth())
        table = np.zeros((source.channels, size), np.int64) + int(integers.min())
        columns = np.arange(source.channels)
        for raw, row in zip(codes + source.zero, integers, strict=True):
            index = (raw > 0).astype(int) if source.binary() else raw - least
            table[columns, index] = row
        stream = self._hardware.lookup(source, table, self._before_pools(tensor, value), datatype)
        made = made_of(source, stream, integers.min(axis=0), integers.max(axis=0), unit, datatype)
        rising = np.zeros(source.channels, np.int64)
        for pool, direction in directions:
            if np.any(direction != 1):
                raise UserError(f"{label(pool)}: must come behind the quantizer")
        return self._pooled(tensor, value, made, [(pool, rising) for pool, _ in directions])

    def _by_stairs(
        self,
        tensor: str,
        value: Value,
        source: Codes | Sums,
        stairs: Staircase,
        unit: float,
        directions: list[tuple[NodeProto, Ints]],
    ) -> Codes:
        """Return a staircase of a stream or of a layer's sums."""
        steps = stairs.thresholds.shape[1]
        y = stairs(np.stack([source.low, source.high]))
        low, high = y.min(axis=0), y.max(axis=0)
        # A channel that is the same everywhere goes either way.
        scale = np.where(low == high, 0, np.where(stairs.falls == 1, -1, 1))
        masks = [
            (pool, ((direction * scale) < 0).astype(np.int64)) for pool, direction in directions
        ]
        name = self._before_pools(tensor, value)
        signs = stairs.step == 2 and stairs.base == -1 and steps == 1
        datatype = BIPOLAR if signs else code_type(stairs.base, stairs.most)
        if isinstance(source, Sums) and signs and self._negatable(source, stairs):
            signed = self._fused(source, stairs, name)
            made = Codes(signed, source.spatial, low, high, np.full(len(low), unit), BIPOLAR)
            return self._pooled(tensor, value, made, masks)
        reads = self.emitted(source)
        stream = None
        if steps > FEW_STEPS and not reads.zero:
            stream = self._scaled(value, reads, stairs, name)
        if stream is None:
            if steps > MOST_STEPS:
                raise UserError(
                    f"{label(value.nodes[-1])}: has {steps} steps that do not lie on a straight "
                    f"line; must have at most {MOST_STEPS}, or be linear"
                )
            stream = self._hardware.thresholding(reads, stairs, name, datatype)
        datatype = self._hardware.model.get_tensor_datatype(stream)
        made = made_of(reads, stream, low, high, unit, datatype)
        return self._pooled(tensor, value, made, masks)

    def _scaled(self, value: Value, reads: Codes, stairs: Staircase, name: str) -> str | None:
        """Return a staircase as a multiplication, an addition and a shift; None if it can't be."""
        if not reads.datatype.signed():
            return None
        stairs = single_steps(stairs)
        datatype = quant_type(self._model, value.nodes, stairs.base, stairs.most)
        least, most = int(datatype.min()), int(datatype.max())
        found = scaling_of_stairs(stairs, reads.low, reads.high, least, most)
        return None if found is None else self._hardware.requantise(reads, found, name, datatype)

    def _negatable(self, sums: Sums, stairs: Staircase) -> bool:
        """Return whether the weights of the falling channels can be negated."""
        if not np.any(stairs.falls):
            return True
        flipped = -sums.weights[stairs.falls == 1]
        return bool(flipped.max() < 2 ** (MOST_BITS - 1))

    def _fused(self, sums: Sums, stairs: Staircase, name: str) -> str:
        """Emit a layer with its signs.

        If the sign falls as the sum rises, the channel's weights are negated.
        """
        down = stairs.falls == 1
        thresholds = stairs.thresholds[:, 0]
        signed = sums.weights * np.where(down, -1, 1).reshape(-1, 1, 1, 1)
        return self._hardware.layer(
            sums.layer.name,
            sums.reads,
            signed,
            sums.windows,
            name,
            thresholds=np.where(down, 1 - thresholds, thresholds),
        )

    def _directions(self, value: Value, source: Codes | Sums) -> list[tuple[NodeProto, Ints]]:
        """Return the poolings among a value's nodes, and which way what they pool goes.

        1 for channels in which it rises as the integers rise, -1 where it falls.
        """
        found = []
        for place, node in enumerate(value.nodes):
            if node.op_type != "MaxPool":
                continue
            function = Function(self._model, value.nodes[:place], channels_of(source))
            if int(source.high.max() - source.low.min()) * channels_of(source) <= EVERY:
                values = function(everywhere(source.low, source.high) * source.unit)
                change = np.diff(values, axis=0)
                if np.any(np.any(change < 0, axis=0) & np.any(change > 0, axis=0)):
                    raise UserError(
                        f"{label(node)}: pools what rises and falls with {called(source)}; put the "
                        "quantizer before the pooling"
                    )
            ends = function(np.stack([source.low, source.high]) * source.unit)
            found.append((node, np.where(ends[0] > ends[1], -1, 1)))
        return found

    def _before_pools(self, tensor: str, value: Value) -> str:
        """Return the name of what the poolings and flattenings of a value pool and flatten."""
        moved = any(n.op_type == "MaxPool" for n in value.nodes) or flattens(self._model, value)
        return self._hardware.name(f"{tensor}_unpooled" if moved else tensor)

    def _pooled(
        self, tensor: str, value: Value, made: Codes, masks: Sequence[tuple[NodeProto, Ints]]
    ) -> Codes:
        """Emit a value's poolings, and its flattening, on the codes."""
        for place, (node, mask) in enumerate(masks):
            last = place == len(masks) - 1 and not flattens(self._model, value)
            assert made.spatial is not None, "pixels"
            windows = windows_of(node, made.spatial, attribute(node, "kernel_shape", []))
            name = self._hardware.name(tensor if last else f"{tensor}_pooled")
            made = self.max_pool(node, made, windows, mask, name)
        return self._reshaped_by(value, tensor, made)

    def max_pool(
        self, node: NodeProto, made: Codes, windows: Windows, mask: Ints, name: str
    ) -> Codes:
        """Return codes after a max-pooling, which takes the minimum where the mask is 1."""
        if made.binary() and windows.disjoint():
            stream = self._hardware.bit_pool(made, windows, mask, name)
        else:
            padding = int(made.datatype.min())
            if any(windows.padding):
                if np.any(mask != mask[0]):
                    raise UserError(
                        f"{label(node)}: is padded, and what it pools rises in some channels and "
                        "falls in others; put the quantizer before the pooling"
                    )
                padding = int(made.datatype.max() if mask[0] else made.datatype.min())
            stream = self._hardware.pool(made, windows, padding, mask, name, made.datatype)
        return replace(made, stream=stream, spatial=windows.output)

    def _reshaped_by(self, value: Value, tensor: str, made: Codes) -> Codes:
        """Flatten codes if a value's nodes do."""
        if flattens(self._model, value):
            return self.flat(tensor, made)
        self.carries(tensor, made)
        return made

    def flat(self, tensor: str, made: Codes) -> Codes:
        """Return an image as a vector, channels last."""
        if made.spatial is None:
            return made
        rows, columns = made.spatial
        pixels = rows * columns
        # The order differs from the network's, so the name must, too.
        stream = self._hardware.flat(made, self._hardware.name(f"{tensor}_hwc"))
        order = np.arange(made.channels * pixels).reshape(made.channels, pixels).T.reshape(-1)
        return Codes(
            stream,
            None,
            np.repeat(made.low, pixels),
            np.repeat(made.high, pixels),
            np.repeat(made.unit, pixels),
            made.datatype,
            made.zero,
            order,
        )

    def on_codes(self, value: Value) -> Callable[[], Value] | None:
        """Return what makes a value a function of codes of at most 8 bits; None if it is not one.

        Nothing is emitted before it is called.
        """
        places = [i for i, node in enumerate(value.nodes) if node.op_type in QUANTIZERS]
        behind = places[-1] + 1 if places else 0
        source, made, nodes = value.source, value.nodes[:behind], value.nodes[behind:]
        if any(node.op_type not in ELEMENTWISE for node in nodes):
            return None
        if not made and not (isinstance(source, Codes) and source.datatype.bitwidth() <= MOST_BITS):
            return None

        def make() -> Value:
            if not made:
                return value
            return Value(self.integers(made[-1].output[0], Value(source, made)), nodes)

        return make

    def _added(self, tensor: str, value: Value) -> Codes:
        """Return a function of the sum of two functions of codes."""
        pair, behind = value.source, value.nodes
        assert isinstance(pair, Pair)
        value = Value(pair, (pair.add, *behind))
        parts, sides = [], []
        for name, each in zip(pair.add.input, (pair.first, pair.second), strict=True):
            assert isinstance(each.source, Codes)
            part = self.without_offset(name, each.source)
            unit = part.single_unit()
            assert unit is not None, "codes of one unit"
            codes = np.unique(all_codes(part))
            parts.append(part)
            sides.append(Side(codes, part.datatype, unit, each.nodes))
        channels = parts[0].channels
        found = of_sum(self._model, (sides[0], sides[1]), behind, channels)
        if found is None:
            raise UserError(
                f"{label(pair.add)}: adds {' and '.join(map(shown, pair.add.input))}, whose scales "
                "differ too oddly for a sum of integers; let one quantizer make both (one "
                "QuantIdentity, called twice)"
            )
        y = np.broadcast_to(found.y, (len(found.sums), channels))
        integers, unit = self._integral(tensor, value, y)
        source = self._sum_of(pair, parts, found.factors)
        sums = np.repeat(found.sums[:, np.newaxis], channels, axis=1)
        return self._by_function(tensor, value, source, sums, integers, unit)

    def _sum_of(self, pair: Pair, parts: Sequence[Codes], factors: tuple[int, int]) -> Codes:
        """Return an integer sum of two streams of codes."""
        added, shifts = [], []
        for name, part, factor in zip(pair.add.input, parts, factors, strict=True):
            shifts.append((factor & -factor).bit_length() - 1)
            multiple = factor >> shifts[-1]
            ends = int(part.low.min()) * multiple, int(part.high.max()) * multiple
            each = np.full(part.channels, float(multiple))
            datatype = part.datatype if multiple == 1 else code_type(*ends)
            added.append(self.retyped(name, part, each, datatype))
        a, b = added
        types = [each.datatype for each in added]
        least = sum(int(each.min()) << n for each, n in zip(types, shifts, strict=True))
        most = sum(int(each.max()) << n for each, n in zip(types, shifts, strict=True))
        datatype = code_type(least, most)
        name = self._hardware.name(f"{pair.add.output[0]}_codes")
        stream = self._hardware.addition(a, b, (shifts[0], shifts[1]), name, datatype)
        low = (a.low << shifts[0]) + (b.low << shifts[1])
        high = (a.high << shifts[0]) + (b.high << shifts[1])
        return Codes(stream, a.spatial, low, high, np.ones(len(low)), datatype, order=a.order)

    def _joined(self, tensor: str, value: Value) -> Codes:
        """Return the rounded sum of a function of integers and of a stream."""
        join = value.source
        assert isinstance(join, Join)
        last, add = value.nodes[-1], value.nodes[0]
        if last.op_type != "Quant":
            raise UserError(
                f"{label(last)}: reads the sum of {called(join.first.source)} and "
                f"{shown(join.skip.stream)}; a Quant of up to 8 bits must round it "
                "first, such as QuantIdentity"
            )
        first, skip = join.first, join.skip
        source = first.source
        if isinstance(source, Join | Pair):
            raise UserError(f"{label(add)}: adds a third result; quantize the sum of two first")
        scale = self._single_scale(last)
        if scale < 0 or not is_power_of_two(scale):
            raise odd_scale(last, scale)
        unit, ratio = scale, skip.single_unit()
        shift = MOST_SKIP + 1 if ratio is None else round(float(np.log2(ratio / unit)))
        if abs(shift) > MOST_SKIP:
            raise UserError(
                f"{label(last)}: its scale is {scale:g}, and the steps of "
                f"{shown(skip.stream)}, which is added, are {skip.unit.max():g}; they must be "
                f"a power of two times each other, 2^-{MOST_SKIP} to 2^{MOST_SKIP}"
            )
        bits = int(np.asarray(constant(self._model, last.input[3])).item())
        if not 1 <= bits <= MOST_BITS:
            raise UserError(f"{label(last)}: {bits} bits, must be at most {MOST_BITS}")
        datatype = DataType[f"{'INT' if attribute(last, 'signed', 1) else 'UINT'}{bits}"]
        found, low, high = self._join_scaling(value, first, skip, shift, unit, datatype)
        if low.min() < datatype.min() or high.max() > datatype.max():
            raise UserError(
                f"{label(last)}: its zero point shifts its results to {low.min()} to "
                f"{high.max()} steps; must be 0 where another result is added"
            )
        reads = self.emitted(source)
        if not reads.datatype.signed():
            wide = sum_type(int(reads.low.min()), int(reads.high.max()))
            reads = self.retyped(add.output[0], reads, np.ones(reads.channels), wide)
        if found is None:
            raise UserError(
                f"{label(last)}: what it rounds is not a linear function of {called(source)}, or "
                "its channels' factors lie too far apart"
            )
        name = self._before_pools(tensor, value)
        if shift >= 0:
            stream = self._hardware.requantise(reads, found, name, datatype, skip, shift)
        else:
            # The added stream has the finer steps: the sum is made of them, and rounded then.
            fine = fine_type(skip, shift, datatype)
            sums = self._hardware.name(f"{tensor}_fine")
            joined = self._hardware.requantise(reads, found, sums, fine, skip, 0)
            channels = reads.channels
            halve = Scaling(np.ones(channels, np.int64), np.zeros(channels, np.int64), -shift)
            middle = replace(reads, stream=joined, datatype=fine)
            stream = self._hardware.requantise(middle, halve, name, datatype)
        made = made_of(reads, stream, low, high, unit, datatype)
        self.carries(tensor, made)
        return made

    def _single_scale(self, quantizer: NodeProto) -> float:
        """Return the scale of a quantizer, which must be one for all channels."""
        scales = np.asarray(constant(self._model, quantizer.input[1])).reshape(-1)
        if np.any(scales != scales[0]):
            raise UserError(
                f"{label(quantizer)}: has other scales in other channels, must have one here"
            )
        return float(scales[0])

    def _join_scaling(
        self,
        value: Value,
        first: Value,
        skip: Codes,
        shift: int,
        unit: float,
        datatype: BaseDataType,
    ) -> tuple[Scaling | None, Ints, Ints]:
        """Return the scaling of the sums to add to the stream, and the ends of the result.

        The result of each pair of a sum and a code bounds what must be added to the code. These
        numbers are counted in the finer one of the stream's steps and the result's.
        """
        source, last = first.source, value.nodes[-1]
        assert not isinstance(source, Join | Pair)
        channels = channels_of(source)
        x = everywhere(source.low, source.high)
        before = Function(self._model, first.nodes, channels)
        behind = Function(self._model, value.nodes[1:], channels)
        y = before(x * source.unit)
        added = all_codes(skip)
        coarse, fine = max(shift, 0), max(-shift, 0)
        least, most = int(datatype.min()), int(datatype.max())
        lower, upper = np.empty(x.shape, np.int64), np.empty(x.shape, np.int64)
        low, high = np.full(channels, most, np.int64), np.full(channels, least, np.int64)
        rows = max(1, PAIRS // (len(added) * channels))
        for start in range(0, len(x), rows):
            part = slice(start, start + rows)
            sums = y[part, np.newaxis] + (added * skip.unit).astype(np.float32)
            found = behind(sums.reshape(-1, channels))
            if not np.all(np.isfinite(found)):
                raise UserError(f"{label(last)}: float32 overflows in what it rounds")
            q = np.rint(found.astype(np.float64) / unit).astype(np.int64).reshape(sums.shape)
            low, high = np.minimum(low, q.min(axis=(0, 1))), np.maximum(high, q.max(axis=(0, 1)))
            to_add = (q << fine) - (added << coarse)
            lower[part] = np.max(to_add, axis=1, initial=-FAR, where=q > least)
            upper[part] = np.min(to_add + (1 << fine) - 1, axis=1, initial=FAR, where=q < most)
        if np.any(lower > upper):
            raise UserError(
                f"{label(last)}: rounds some of its sums to even numbers, or a function in front "
                "of it cuts them off; use another rounding mode (FLOOR, CEIL), a scale that makes "
                "no ties, or a quantizer that cuts off itself, such as QuantReLU"
            )
        return scaling_between(x, lower, upper), low, high

    # ------------------------------------------------------------------ streams

    def emitted(self, source: Codes | Sums) -> Codes:
        """Return a stream of integers; a layer's sums if that is what is asked for."""
        if isinstance(source, Codes):
            return source
        key = source.layer.output[0]
        if key not in self._sums:
            datatype = sums_type(source)
            stream = self._hardware.layer(
                source.layer.name,
                source.reads,
                source.weights,
                source.windows,
                self._hardware.name(f"{source.layer.name}_sums"),
                datatype=datatype,
            )
            self._sums[key] = Codes(
                stream, source.spatial, source.low, source.high, source.unit, datatype
            )
        return self._sums[key]

    def has_emitted(self, source: Sums) -> bool:
        """Return whether a layer puts out its sums already."""
        return source.layer.output[0] in self._sums

    def without_offset(self, entry: str, reads: Codes) -> Codes:
        """Return pixels as their integers, where an offset can't be subtracted."""
        if not reads.zero:
            return reads
        low, high = int(reads.low.min()), int(reads.high.max())
        return self.retyped(entry, reads, np.ones(reads.channels), code_type(low, high))

    def with_zero(self, entry: str, reads: Codes) -> Codes:
        """Return signs in two bits, so that they can be padded with 0."""
        return self.retyped(entry, reads, np.ones(reads.channels), DataType["INT2"])

    def retyped(self, entry: str, reads: Codes, factors: Units, datatype: BaseDataType) -> Codes:
        """Return codes times factors, in another type."""
        if reads.datatype == datatype and not reads.zero and np.all(factors == 1):
            return reads
        key = f"{entry} as {datatype.name} {factors.tolist()}"
        if key not in self._codes:
            if reads.datatype.bitwidth() > MOST_BITS:
                raise UserError(
                    f"tensor {shown(entry)}: has {reads.datatype.bitwidth()} bits, must have at "
                    f"most {MOST_BITS}; quantize it before"
                )
            multiples = factors.astype(np.int64)
            raws = (
                [-1, 1]
                if reads.binary()
                else range(int(reads.datatype.min()), int(reads.datatype.max()) + 1)
            )
            table = (np.array(raws) - reads.zero) * multiples[:, np.newaxis]
            table = np.clip(table, int(datatype.min()), int(datatype.max()))
            name = self._hardware.name(f"{entry}_{datatype.name.lower()}")
            stream = self._hardware.lookup(reads, table, name, datatype)
            self._codes[key] = replace(
                reads,
                stream=stream,
                low=reads.low * multiples,
                high=reads.high * multiples,
                unit=reads.unit / factors,
                datatype=datatype,
                zero=0,
            )
        return self._codes[key]

    def carries(self, tensor: str, codes: Codes) -> None:
        """Note that a stream is a tensor of the network, if its elements are in that order."""
        unit = codes.single_unit()
        plain = codes.order is None and not codes.zero
        if codes.stream == tensor and unit is not None and plain:
            self._hardware.units[tensor] = unit


def all_codes(source: Codes | Sums) -> Ints:
    """Return all integers of a source that can occur, [integers, channels]."""
    if isinstance(source, Codes) and source.binary():
        return np.array([[-1], [1]]).repeat(source.channels, axis=1)
    return everywhere(source.low, source.high)


def single_steps(stairs: Staircase) -> Staircase:
    """Return a staircase with steps of 1, several of them at the same place."""
    thresholds = np.repeat(stairs.thresholds, stairs.step, axis=1)
    return Staircase(thresholds, stairs.falls, stairs.base, 1)
