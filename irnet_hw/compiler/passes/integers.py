"""Integers: turns a network into hardware ops on integers, one node after the other.

Each tensor is a function of integers that the hardware has: a stream of codes k, or the sums of a
layer, and the file's own nodes behind them. Nodes that compute on each value by itself only make
that function longer. Where the hardware needs integers again (a layer, a pooling, an addition), the
function is evaluated on all codes that can occur, and becomes thresholds, a table or a scaling.
What follows the last layer stays a function: the tail, which the driver computes.

:class:`Interpreter` visits the nodes in order and knows what each op means: it checks a node, and
says which value its output is. :class:`~irnet_hw.compiler.passes.realise.Realise` makes integers of
values. :class:`~irnet_hw.compiler.passes.emit.Hardware` holds the graph that grows meanwhile. To
support a further op, begin in :meth:`Interpreter._value`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation

from irnet_hw.compiler.graph import Floats, Ints, add_tensor, attribute, constant, readers, shape
from irnet_hw.compiler.numbers.codes import Codes, Units, code_type, dyadic_unit
from irnet_hw.compiler.numbers.function import moving_input
from irnet_hw.compiler.numbers.pairs import same_for_all
from irnet_hw.compiler.numbers.subsample import channel_padding, slice_steps
from irnet_hw.compiler.numbers.weights import weights
from irnet_hw.compiler.onnx_ops import ELEMENTWISE, LAYERS, RESHAPING, SUBSAMPLING, SUMMING
from irnet_hw.compiler.passes.attributes import (
    check_max_pool,
    summed_windows,
    window_of_mean,
    windows_of,
)
from irnet_hw.compiler.passes.canonical import split_biases
from irnet_hw.compiler.passes.code_types import (
    added_type,
    joined_order,
    pool_type,
    quant_type,
    sum_range,
    sums_type,
)
from irnet_hw.compiler.passes.emit import BIPOLAR, FirstLayer, Hardware, Output
from irnet_hw.compiler.passes.problems import Problems
from irnet_hw.compiler.passes.realise import Realise
from irnet_hw.compiler.passes.rescale import PIXELS_KEY
from irnet_hw.compiler.passes.values import (
    EXACT,
    MOST_BITS,
    MOST_SKIP,
    PIXEL,
    ROUNDED,
    Join,
    Pair,
    Sums,
    Value,
    flattens,
    quantized,
    whole,
)
from irnet_hw.errors import UserError
from irnet_hw.onnx_file import QUANTIZERS, label
from irnet_hw.read import shown


class Integers(Transformation):  # type: ignore[misc]
    """Turn a tidied network into a graph of hardware ops."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the graph."""
        return Interpreter(model).graph(), False


def split_tail(model: ModelWrapper) -> tuple[str, list[NodeProto]]:
    """Return the last tensor that the hardware computes, and the nodes behind it, in order.

    These are all nodes behind the last layer, pooling or joining of results.
    """
    tensor = model.graph.output[0].name
    tail: list[NodeProto] = []
    while (node := model.find_producer(tensor)) is not None:
        moving = [name for name in node.input if name and model.get_initializer(name) is None]
        if (
            node.op_type in (*LAYERS, *SUMMING, "MaxPool", "Concat", *SUBSAMPLING)
            or len(moving) != 1
        ):
            break
        tail.insert(0, node)
        tensor = moving[0]
    if node is None or not any(each.op_type in LAYERS for each in model.graph.node):
        raise UserError("has no convolution and no dense layer")
    return tensor, tail


class Interpreter:
    """Walks a network and emits hardware.

    Args:
        model: a tidied network.
        collect: go on behind nodes that can't be built, and keep why; None: raise at once.
    """

    def __init__(self, model: ModelWrapper, collect: Problems | None = None) -> None:
        self._model = model
        self._collect = collect
        self._values: dict[str, Value | None] = {}
        self._done: set[str] = set()
        image = model.graph.input[0].name
        sizes = shape(model, image)
        spatial = None if len(sizes) == 2 else (sizes[2], (*sizes, 1)[3])
        stream = [1, sizes[1]] if spatial is None else [1, *spatial, sizes[1]]
        self._hardware = Hardware(image, stream)
        pixels = Codes(
            stream=image,
            spatial=spatial,
            low=np.zeros(sizes[1], np.int64),
            high=np.full(sizes[1], 255, np.int64),
            unit=np.ones(sizes[1]),
            datatype=PIXEL,
        )
        self._values[image] = Value(pixels)
        self._make = Realise(model, self._hardware)

        self._entry, self._tail = split_tail(model)

    def graph(self) -> ModelWrapper:
        """Return the graph of hardware ops, not yet specialised or folded."""
        behind = {node.output[0] for node in self._tail}
        for node in self._model.graph.node:
            if node.output[0] not in self._done | behind:
                self._visit(node)
        return self._finish()

    # ------------------------------------------------------------------ walking

    def _visit(self, node: NodeProto) -> None:
        moving = [name for name in node.input if name in self._values]
        if not moving:
            return  # makes weights
        known = set() if self._collect is None else self._collect.behind
        try:
            if node.output[0] in known and node.op_type in LAYERS:
                result = None
            elif node.output[0] in known or any(self._values[name] is None for name in moving):
                result = self._behind_a_problem(node)
            else:
                result = self._value(node, moving)
                result = self._share(node.output[0], result)
        except UserError as error:
            if self._collect is None:
                raise
            self._collect.found.append(error)
            result = None
        self._values.setdefault(node.output[0], result)

    def _behind_a_problem(self, node: NodeProto) -> Value | None:
        """Return a node's output where what it reads can't be built; None if that is unknown.

        Quantizers give codes whatever they read, so all behind them can be checked.
        """
        model = self._model
        if node.op_type in LAYERS:
            weights(model, node)
        if node.op_type not in QUANTIZERS:
            return None
        signs = node.op_type == "BipolarQuant"
        datatype = BIPOLAR if signs else quant_type(model, [node], 0, 0)
        _, channels, *sides = shape(model, node.output[0])
        spatial = (sides[0], (*sides, 1)[1]) if sides else None
        sizes = [1, *(spatial or ()), channels]
        name = self._hardware.name(node.output[0])
        return Value(
            Codes(
                stream=add_tensor(self._hardware.model, name, sizes, datatype),
                spatial=spatial,
                low=np.full(channels, int(datatype.min())),
                high=np.full(channels, int(datatype.max())),
                unit=np.full(channels, dyadic_unit(constant(model, node.input[1]))),
                datatype=datatype,
            )
        )

    def _value(self, node: NodeProto, moving: list[str]) -> Value:
        """Return the value of a node's output."""
        kind = node.op_type
        if len(moving) == 2 and kind == "Add":
            if moving[0] == moving[1]:
                raise UserError(
                    f"{label(node)}: adds {shown(moving[0])} to itself; multiply it by 2"
                )
            return self._sum(node, moving)
        if kind == "Concat":
            return self._concatenation(node, moving)
        if len(moving) > 1:
            raise UserError(
                f"{label(node)}: reads {' and '.join(map(shown, moving))}; only Add and Concat "
                "may read two results"
            )
        value = self._values[moving[0]]
        assert value is not None
        if kind in LAYERS:
            return self._layer(node, moving[0], value)
        if kind in ELEMENTWISE:
            self._check_elementwise(node, value)
            value = value.then(node)
            if isinstance(value.source, Join) and kind == "Quant":
                return Value(self._make.integers(node.output[0], value))
            return value
        if kind == "MaxPool":
            return self._max_pool(node, moving[0], value)
        if kind in SUMMING:
            return self._pixel_sum(node, moving[0], value)
        if kind in RESHAPING:
            return self._reshaped(node, moving[0], value)
        if kind in SUBSAMPLING:
            return self._subsampled(node, moving[0])
        raise UserError(
            f"{label(node)}: is not supported{instead(kind)}; docs/reference/qonnx.md lists what is"
        )

    def _share(self, tensor: str, value: Value) -> Value:
        """Return a value that several nodes can read."""
        found = readers(self._model, tensor)
        if len(found) < 2:
            return value
        if quantized(value):
            return Value(self._make.integers(tensor, value))
        if isinstance(value.source, Join | Pair):
            return value
        return Value(self._make.emitted(value.source), value.nodes)

    # ------------------------------------------------------------------ nodes

    def _check_elementwise(self, node: NodeProto, value: Value) -> None:
        """Check that a node's constants are finite, and one for all or one for each channel."""
        model = self._model
        entry = moving_input(model, node)
        sizes = shape(model, entry)
        if shape(model, node.output[0]) != sizes:
            raise UserError(
                f"{label(node)}: turns {list(sizes)} into "
                f"{list(shape(model, node.output[0]))}; its constants "
                "must be one for all values, or one for each channel"
            )
        flattened = flattens(model, value)
        for name in node.input:
            if not name or name == entry:
                continue
            array = np.asarray(constant(model, name))
            if not np.all(np.isfinite(array)):
                raise UserError(f"{label(node)}: {shown(name)} holds a value that is not finite")
            if node.op_type == "BatchNormalization":
                continue
            aligned = (*[1] * (len(sizes) - array.ndim), *array.shape)
            spread = prod(aligned[2:]) if len(aligned) > 2 else 1
            if spread != 1:
                raise UserError(
                    f"{label(node)}: {shown(name)} of shape {list(array.shape)}, must be one "
                    f"value, or one for each channel, {[1, sizes[1], *[1] * (len(sizes) - 2)]}"
                )
        if flattened and per_channel(model, node, entry):
            raise UserError(
                f"{label(node)}: has other constants for each pixel, because it stands behind a "
                "flattening; put a quantizer before the flattening"
            )

    def _layer(self, node: NodeProto, entry: str, value: Value) -> Value:
        reads = self._make.to_multiply(node, entry, value)
        if node.op_type == "MatMul" and reads.spatial == (1, 1):
            reads = self._make.flat(entry, reads)
        unit = reads.single_unit()
        assert unit is not None, "codes of one unit"
        last = node.output[0] == self._entry
        bias = self._bias_inside(node)
        finest = np.inf if bias is None else dyadic_unit(bias) / unit
        found = weights(self._model, node, finest if last else None)
        integers = found.integers
        windows = None
        channels = shape(self._model, entry)[1]
        if node.op_type == "MatMul":
            if reads.spatial is not None or len(shape(self._model, entry)) != 2:
                raise UserError(f"{label(node)}: its input must be flattened first")
            if integers.shape[1] != channels:
                raise UserError(
                    f"{label(node)}: its input has {channels} elements, its weights "
                    f"{integers.shape[1]}"
                )
        elif reads.spatial is None:
            if integers.shape[2:] != (1, 1) or any(attribute(node, "pads", [0])):
                raise UserError(
                    f"{label(node)}: reads one pixel; must have a 1x1 kernel without padding"
                )
        else:
            windows = windows_of(node, reads.spatial, integers.shape[2:])
        padded = windows is not None and any(windows.padding)
        if padded and reads.binary() and not np.all(np.abs(integers) == 1):
            reads = self._make.with_zero(entry, reads)
        low, high = sum_range(reads, integers, padded)
        most = max(-low.min(), high.max())
        rounded = last and node.op_type == "MatMul" and EXACT <= most < ROUNDED
        if rounded:
            self._hardware.rounded = node.output[0]
            self._hardware.moved.append(f"the sums of {shown(node.name)} in float64, rounded once")
        elif most >= EXACT:
            raise UserError(
                f"{label(node)}: its sums of {prod(integers.shape[1:])} products reach "
                f"{most:,} times their unit, must stay below {EXACT:,}, up "
                "to which float32 is exact; give it fewer inputs, or weights or inputs of fewer "
                "bits"
            )
        units = found.unit * unit
        if units.min() < 2.0**-126 or units.max() > 2.0**103:
            raise UserError(
                f"{label(node)}: its weights' scale times its input's is {units.min():g} to "
                f"{units.max():g}, must be 2^-126 to 2^103, or float32 does not hold its sums "
                "exactly"
            )
        if self._hardware.first is None:
            ends = np.stack([reads.low, reads.high]) * reads.unit
            stated = self._model.get_metadata_prop(PIXELS_KEY)
            sees = json.loads(stated) if stated else [float(ends.min()), float(ends.max())]
            self._hardware.first = FirstLayer(node.name, *sees)
        if bias is not None and not _adds_exactly(bias, units, low, high, last):
            self._hardware.moved.append(f"the bias behind {shown(node.name)}")
        return Value(Sums(node, reads, integers, windows, low, high, units))

    def _bias_inside(self, layer: NodeProto) -> Floats | None:
        """Return the bias that the file adds inside a layer."""
        for add in readers(self._model, layer.output[0]):
            if add.output[0] in split_biases(self._model):
                return np.asarray(constant(self._model, add.input[1]), np.float32).reshape(-1)
        return None

    def _max_pool(self, node: NodeProto, entry: str, value: Value) -> Value:
        if value.source.spatial is None:
            raise UserError(f"{label(node)}: must read an image")
        check_max_pool(node)
        if (whole(value) and not isinstance(value.source, Sums)) or quantized(value):
            reads = self._make.integers(entry, value)
            assert reads.spatial is not None, "pixels"
            windows = windows_of(node, reads.spatial, attribute(node, "kernel_shape", []))
            mask = np.zeros(reads.channels, np.int64)
            made = self._make.max_pool(
                node, reads, windows, mask, self._hardware.name(node.output[0])
            )
            self._make.carries(node.output[0], made)
            return Value(made)
        if isinstance(value.source, Join | Pair):
            raise UserError(f"{label(node)}: pools a sum that is not quantized; quantize it first")
        return value.then(node)

    def _pixel_sum(self, node: NodeProto, entry: str, value: Value) -> Value:
        """Return the sums over windows, or over all pixels; a mean is a function of them."""
        model, kind = self._model, node.op_type
        reads = self._make.exact(entry, value)
        if reads.spatial is None:
            raise UserError(f"{label(node)}: must read an image")
        windows = summed_windows(model, node, reads.spatial)
        count = prod(windows.kernel)
        padded = any(windows.padding)
        low = (np.minimum(reads.low, 0) if padded else reads.low) * count
        high = (np.maximum(reads.high, 0) if padded else reads.high) * count
        if max(-low.min(), high.max()) >= EXACT:
            raise UserError(
                f"{label(node)}: sums {count} pixels of up to "
                f"{max(-reads.low.min(), reads.high.max()):,} units, must stay below {EXACT:,} in "
                "all"
            )
        if padded and reads.binary():
            reads = self._make.with_zero(entry, reads)
        reads = self._make.without_offset(entry, reads)
        name = self._hardware.name(
            node.output[0] if kind == "ReduceSum" else f"{node.output[0]}_sum"
        )
        datatype = pool_type(reads, count)
        if windows.whole():
            stream, spatial = self._hardware.global_sum(reads, name, datatype), None
        else:
            padding = 0 if padded else int(reads.datatype.min())
            stream = self._hardware.pool(reads, windows, padding, None, name, datatype)
            spatial = windows.output
        sums = Codes(stream, spatial, low, high, reads.unit, datatype)
        if kind == "ReduceSum":
            self._make.carries(node.output[0], sums)
            return Value(sums)
        return Value(sums, (node,))

    def _reshaped(self, node: NodeProto, entry: str, value: Value) -> Value:
        model = self._model
        before, after = shape(model, entry), shape(model, node.output[0])
        if before == after or (
            prod(before[2:]) == prod(after[2:]) == 1 and before[:2] == after[:2]
        ):
            return value.then(node)
        if after[0] != 1 or len(after) != 2 or after[1] != prod(before):
            raise UserError(
                f"{label(node)}: turns {list(before)} into {list(after)}, must be "
                f"{[1, prod(before)]}"
            )
        if quantized(value) or (isinstance(value.source, Codes) and not value.nodes):
            return Value(self._make.flat(node.output[0], self._make.integers(entry, value)))
        alike = all(same_for_all(model, each) for each in value.nodes)
        if isinstance(value.source, Codes | Sums) and alike and self._by_element(node.output[0]):
            sums = self._make.emitted(value.source)
            return Value(self._make.flat(node.output[0], sums), value.nodes)
        return value.then(node)

    def _by_element(self, tensor: str) -> bool:
        """Return whether a function of a vector has other constants for each element."""
        found = readers(self._model, tensor)
        while len(found) == 1 and found[0].op_type in ELEMENTWISE and not self._adds(found[0]):
            if not same_for_all(self._model, found[0]):
                return True
            found = readers(self._model, found[0].output[0])
        return False

    def _subsampled(self, node: NodeProto, entry: str) -> Value:
        """Return the result of Slice and Pad nodes: pixels at a stride, and zero channels."""
        model = self._model
        run = [node]
        while len(found := readers(model, run[-1].output[0])) == 1:
            if found[0].op_type not in SUBSAMPLING:
                break
            run.append(found[0])
        stride, padding = [1, 1], [0, 0]
        for each in run:
            if each.op_type == "Slice":
                steps = slice_steps(model, each)
                stride = [a * b for a, b in zip(stride, steps, strict=True)]
            else:
                added = channel_padding(model, each)
                padding = [a + b for a, b in zip(padding, added, strict=True)]
        value = self._values[entry]
        assert value is not None
        reads = self._make.without_offset(entry, self._make.exact(entry, value))
        if reads.spatial is None:
            raise UserError(f"{label(node)}: must read an image")
        if any(padding) and reads.binary():
            reads = self._make.with_zero(entry, reads)
        result = run[-1].output[0]
        name = self._hardware.name(result)
        stream = self._hardware.subsample(
            name, reads, (stride[0], stride[1]), (padding[0], padding[1])
        )
        pads = (padding[0], padding[1])
        _, rows, columns, _ = self._hardware.model.get_tensor_shape(stream)
        codes = Codes(
            stream,
            (rows, columns),
            np.pad(reads.low, pads),
            np.pad(reads.high, pads),
            np.pad(reads.unit, pads, mode="edge"),
            reads.datatype,
        )
        self._make.carries(result, codes)
        self._done.update(each.output[0] for each in run)
        for each in run:
            self._values[each.output[0]] = Value(codes)
        return Value(codes)

    def _concatenation(self, node: NodeProto, moving: list[str]) -> Value:
        model = self._model
        if list(node.input) != moving or len(set(moving)) != len(moving):
            raise UserError(f"{label(node)}: must join different results, and no constants")
        rank = len(shape(model, node.output[0]))
        if attribute(node, "axis", 1) % rank != 1:
            raise UserError(
                f"{label(node)}: axis = {attribute(node, 'axis', 1)}, must be 1, the channels"
            )
        parts = []
        for name in moving:
            value = self._values[name]
            assert value is not None
            try:
                part = self._make.exact(name, value)
            except UserError as error:
                if self._make.on_codes(value) is None:
                    raise
                raise UserError(
                    f"{label(node)}: joins {' and '.join(map(shown, moving))}, whose scales must "
                    "be equal, or powers of two times each other; let one quantizer make all (one "
                    "QuantIdentity or QuantReLU, called for each)"
                ) from error
            parts.append(self._make.without_offset(name, part))
        unit = min(float(part.unit.min()) for part in parts)
        ratios = [part.unit / unit for part in parts]
        if any(ratio.max() > 2**MOST_BITS for ratio in ratios):
            raise other_steps(node, moving, parts)
        lows = [
            part.low * ratio.astype(np.int64) for part, ratio in zip(parts, ratios, strict=True)
        ]
        highs = [
            part.high * ratio.astype(np.int64) for part, ratio in zip(parts, ratios, strict=True)
        ]
        if all(part.datatype == parts[0].datatype for part in parts) and all(
            np.all(ratio == 1) for ratio in ratios
        ):
            datatype = parts[0].datatype
        else:
            datatype = code_type(min(int(a.min()) for a in lows), max(int(a.max()) for a in highs))
            parts = [
                self._make.retyped(name, part, ratio, datatype)
                for name, part, ratio in zip(moving, parts, ratios, strict=True)
            ]
        result = node.output[0]
        stream = self._hardware.concatenation(parts, self._hardware.name(result))
        codes = Codes(
            stream,
            parts[0].spatial,
            np.concatenate(lows),
            np.concatenate(highs),
            np.full(sum(part.channels for part in parts), unit),
            datatype,
            order=joined_order(parts),
        )
        self._make.carries(result, codes)
        return Value(codes)

    def _sum(self, node: NodeProto, moving: list[str]) -> Value:
        """Return the sum of two results."""
        model = self._model
        first, second = (self._values[name] for name in moving)
        assert first is not None and second is not None
        if shape(model, moving[0]) != shape(model, moving[1]):
            raise UserError(
                f"{label(node)}: adds tensors of shapes {list(shape(model, moving[0]))} and "
                f"{list(shape(model, moving[1]))}, which must be the same"
            )
        raw = [isinstance(x.source, Sums) and not x.nodes for x in (first, second)]
        both = whole(first) and whole(second)
        if both and (raw[0] == raw[1] or not self._rounded_down(node)):
            return self._sum_of_integers(node, moving, (first, second))
        codes = [self._make.on_codes(x) for x in (first, second)]
        if None not in codes:
            return Value(Pair(node, *(make() for make in codes if make is not None)))
        for kept, other, name in ((first, second, moving[1]), (second, first, moving[0])):
            if quantized(other) or (whole(other) and not isinstance(other.source, Sums)):
                if any(each.op_type == "MaxPool" for each in kept.nodes):
                    break
                skip = self._make.without_offset(name, self._make.integers(name, other))
                return Value(Join(kept, skip), (node,))
        if codes != [None, None]:
            scaled = moving[codes.index(None) ^ 1]
            raise UserError(
                f"{label(node)}: adds {shown(scaled)}, whose scale is not a power of two, to a "
                "result that is not quantized; quantize that, too, best with the same quantizer "
                "(one QuantIdentity, called twice)"
            )
        raise UserError(
            f"{label(node)}: adds two results that are not quantized; put a quantizer, such as "
            "QuantIdentity, on at least one of them"
        )

    def _rounded_down(self, node: NodeProto) -> bool:
        """Return whether a sum is rounded right behind it, and never from a tie to even numbers.

        One op can then add and round; else the exact sum must come first.
        """
        found = readers(self._model, node.output[0])
        while len(found) == 1 and found[0].op_type == "Add" and not self._adds(found[0]):
            found = readers(self._model, found[0].output[0])
        rounding = attribute(found[0], "rounding_mode", "ROUND").upper() if found else ""
        return len(found) == 1 and found[0].op_type == "Quant" and rounding in ("FLOOR", "CEIL")

    def _adds(self, node: NodeProto) -> bool:
        """Return whether a node reads two results."""
        return all(self._model.get_initializer(name) is None for name in node.input)

    def _sum_of_integers(
        self, node: NodeProto, moving: list[str], values: tuple[Value, Value]
    ) -> Value:
        a, b = (
            self._make.without_offset(name, self._make.exact(name, value))
            for name, value in zip(moving, values, strict=True)
        )
        if a.single_unit() is None or b.single_unit() is None:
            raise other_steps(node, moving, [a, b])
        unit = min(float(a.unit[0]), float(b.unit[0]))
        shifts = [round(np.log2(float(each.unit[0]) / unit)) for each in (a, b)]
        if max(shifts) > MOST_SKIP:
            raise other_steps(node, moving, [a, b])
        orders = [np.arange(x.channels) if x.order is None else x.order for x in (a, b)]
        if not np.array_equal(orders[0], orders[1]):
            raise UserError(f"{label(node)}: adds vectors whose elements come in other orders")
        low = (a.low << shifts[0]) + (b.low << shifts[1])
        high = (a.high << shifts[0]) + (b.high << shifts[1])
        datatype = added_type(a, b, (shifts[0], shifts[1]))
        result = node.output[0]
        stream = self._hardware.addition(
            a, b, (shifts[0], shifts[1]), self._hardware.name(result), datatype
        )
        codes = Codes(
            stream, a.spatial, low, high, np.full(len(low), unit), datatype, order=a.order
        )
        self._make.carries(result, codes)
        return Value(codes)

    # ------------------------------------------------------------------ end

    def _finish(self) -> ModelWrapper:
        """Return the graph with its output: the integers that the tail begins with."""
        value = self._values[self._entry]
        if value is None or (self._collect is not None and self._collect.found):
            return self._hardware.model
        source, hardware, output = value.source, self._hardware, self._model.graph.output[0].name
        if isinstance(source, Join | Pair):
            raise UserError(f"output {shown(output)}: is a sum that is not quantized; quantize it")
        bias = None
        end = End(self._entry, None)
        if isinstance(source, Sums) and not value.nodes:
            end, bias = self._absorbed(source)
        stream, units = self._last(source, end, bias)
        pixels = prod(window_of_mean(self._model, value.nodes[0])) if value.nodes else 1
        order = source.order if isinstance(source, Codes) else None
        if order is not None or pixels & (pixels - 1) or np.any(units != units[0]):
            raise UserError(
                f"output {shown(output)}: has other scales in other channels, or a mean of "
                f"{pixels} pixels, or vectors that are joined, right before it; let a layer follow"
            )
        hardware.units.pop(stream, None)
        hardware.ends(Output(end.tensor, end.scale or float(units[0]) / pixels))
        return hardware.finish(stream)

    def _last(self, source: Codes | Sums, end: "End", bias: Ints | None) -> tuple[str, Units]:
        """Return the stream of the hardware's output, and its units."""
        if isinstance(source, Codes):
            found = self._make.without_offset(self._entry, source)
            return found.stream, found.unit
        if self._make.has_emitted(source):
            return self._make.emitted(source).stream, source.unit
        stream = self._hardware.layer(
            source.layer.name,
            source.reads,
            source.weights,
            source.windows,
            self._hardware.name(end.tensor),
            bias=bias,
            datatype=sums_type(source, bias),
        )
        return stream, source.unit

    def _absorbed(self, source: Sums) -> tuple["End", Ints | None]:
        """Return how much of the tail the last layer can compute: all of it, or its own bias.

        It can if the nodes multiply by a power of two and add multiples of the unit. A bias that
        the file has inside the layer has no tensor before it at which a tail could begin.
        """
        if np.any(source.unit != source.unit[0]) or self._hardware.rounded:
            return End(self._entry, None), None
        channels = len(source.low)
        scale, bias = Fraction(float(source.unit[0])), [Fraction(0)] * channels
        ends: list[tuple[End, Ints | None]] = [(End(self._entry, None), None)]
        for node in self._tail:
            change = self._exact_change(node, channels, source.spatial in (None, (1, 1)))
            if change is None:
                break
            factor, added = change
            scale, bias = scale * factor, [b * factor + a for b, a in zip(bias, added, strict=True)]
            multiples = [b / scale for b in bias]
            whole = all(b.denominator == 1 and abs(b) < EXACT for b in multiples)
            if not whole or not 2.0**-126 <= scale <= 2.0**103:
                break
            integers = np.array([int(b) for b in multiples], np.int64)
            ends.append((End(node.output[0], float(scale)), integers))
        if len(ends) > len(self._tail):
            return ends[-1]
        inside = self._tail[0].output[0] in split_biases(self._model)
        return ends[1] if inside and len(ends) > 1 else ends[0]

    def _exact_change(
        self, node: NodeProto, channels: int, flat: bool
    ) -> tuple[Fraction, list[Fraction]] | None:
        """Return the factor and the numbers to add that a node is; None if it is anything else."""
        nothing = [Fraction(0)] * channels
        if node.op_type in RESHAPING:
            return (Fraction(1), nothing) if flat else None
        if node.op_type not in ("Mul", "Add") or len(node.input) != 2:
            return None
        values = [self._model.get_initializer(name) for name in node.input]
        (value,) = (each for each in values if each is not None)
        if value.size not in (1, channels):
            return None
        exact = [Fraction(float(v)) for v in np.broadcast_to(value.reshape(-1), channels)]
        if node.op_type == "Add":
            return Fraction(1), exact
        if len(set(exact)) != 1 or exact[0] <= 0 or dyadic_unit(value) != exact[0]:
            return None
        return exact[0], nothing


def _adds_exactly(bias: Floats, units: Units, low: Ints, high: Ints, last: bool) -> bool:
    """Return whether a layer gives the same result wherever its bias is among the products.

    Float32 adds all of them exactly if they are multiples of one power of two and not too many of
    it. No tensor stands between the last layer and its bias, so the hardware must add the bias.
    """
    spread = np.broadcast_to(bias.astype(np.float64), units.shape)
    unit = np.minimum(units, [dyadic_unit(each) for each in spread])
    most = (np.abs(spread) + np.maximum(-low, high) * units) / unit
    return bool(most.max() < 2 * EXACT and (not last or np.all(unit == units)))


@dataclass(frozen=True)
class End:
    """The hardware's output.

    Attributes:
        tensor: of the network, that it carries.
        scale: of its integers; None if that is the unit of the layer.
    """

    tensor: str
    scale: float | None


def per_channel(model: ModelWrapper, node: NodeProto, entry: str) -> bool:
    """Return whether a node has other constants in other channels."""
    others = [name for name in node.input if name and name != entry]
    return any(np.asarray(constant(model, name)).size > 1 for name in others)


def other_steps(node: NodeProto, moving: Sequence[str], parts: Sequence[Codes]) -> UserError:
    """Return the refusal of streams whose steps do not fit each other."""
    steps = ", ".join(
        f"{shown(name)} of {part.unit.min():g}" for name, part in zip(moving, parts, strict=True)
    )
    return UserError(
        f"{label(node)}: puts together steps of {steps}; one must be 1 to {2**MOST_SKIP} times the "
        "other, a power of two, for all channels"
    )


_INSTEAD = {
    "ConvTranspose": "use a convolution",
    "Resize": "use a network without it",
    "LayerNormalization": "use BatchNorm, which needs no statistics of the image",
    "InstanceNormalization": "use BatchNorm, which needs no statistics of the image",
    "QuantizeLinear": "export the network as QONNX, with Brevitas' export_qonnx",
    "Transpose": "an image enters as [1, channels, height, width], and is flattened as it is",
    "Gemm": "alpha and beta must be 1, and transA 0",
}


def instead(kind: str) -> str:
    """Return what would do in the place of an op, as the end of a message."""
    return f"; {_INSTEAD[kind]}" if kind in _INSTEAD else ""
