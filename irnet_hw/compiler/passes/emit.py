"""Emission of hardware ops: a graph of kernels that grows from the image on.

Its tensors are NHWC, as streams are. Each function adds what computes one thing, and returns the
stream of its result.
"""

import json
from collections.abc import Container, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto, helper
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from irnet_hw.compiler.graph import Ints, add_constant, add_tensor, fresh
from irnet_hw.compiler.nodes import kernel, type_of
from irnet_hw.compiler.numbers.codes import Codes, code_type
from irnet_hw.compiler.numbers.staircase import Scaling, Staircase
from irnet_hw.compiler.passes.rescale import MOVED_KEY

#: Key of the graph's metadata for the unit of each stream that carries a tensor of the network.
UNITS_KEY = "irnet_hw_units"
#: Key of the graph's metadata for its output.
OUTPUT_KEY = "irnet_hw_output"
#: Key of the graph's metadata for the range of what the first layer reads.
FIRST_KEY = "irnet_hw_first"
#: Key of the graph's metadata for the tensor of sums that float32 does not hold.
ROUNDED_KEY = "irnet_hw_rounded"
INT32 = DataType["INT32"]
BIPOLAR = DataType["BIPOLAR"]


def units(model: ModelWrapper) -> dict[str, float]:
    """Return the unit of each stream that carries a tensor of the network, by name."""
    return dict(json.loads(model.get_metadata_prop(UNITS_KEY) or "{}"))


def keep_units(model: ModelWrapper, tensors: Container[str]) -> None:
    """Forget the units of streams that carry none of some tensors."""
    kept = {name: unit for name, unit in units(model).items() if name in tensors}
    model.set_metadata_prop(UNITS_KEY, json.dumps(kept))


class Output(NamedTuple):
    """The output of a graph of hardware ops: a tensor of the network, at which its tail begins.

    Attributes:
        tensor: of the network.
        scale: of the integers.
    """

    tensor: str
    scale: float


class FirstLayer(NamedTuple):
    """The first layer's name, and between which values its input is, for all images."""

    name: str
    low: float
    high: float


def first_layer(model: ModelWrapper) -> FirstLayer:
    """Return what the first layer of a graph of hardware ops reads."""
    return FirstLayer(*json.loads(model.get_metadata_prop(FIRST_KEY)))


def output(model: ModelWrapper) -> Output:
    """Return what a graph of hardware ops says about its output."""
    return Output(**json.loads(model.get_metadata_prop(OUTPUT_KEY)))


@dataclass(frozen=True)
class Windows:
    """The windows of a convolution or pooling.

    Attributes:
        kernel: (rows, columns).
        stride: (down, right).
        padding: (top, left, bottom, right).
        image: (rows, columns) before padding.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    image: tuple[int, int]

    @property
    def output(self) -> tuple[int, int]:
        """(rows, columns) of the result."""
        top, left, bottom, right = self.padding
        (height, width), (rows, columns), (down, across) = self.image, self.kernel, self.stride
        return (
            (height + top + bottom - rows) // down + 1,
            (width + left + right - columns) // across + 1,
        )

    def single(self) -> bool:
        """Return whether each window is one pixel, and each pixel a window."""
        return self.kernel == self.stride == (1, 1) and not any(self.padding)

    def whole(self) -> bool:
        """Return whether there is one window, the image."""
        return self.kernel == self.image and not any(self.padding)

    def disjoint(self) -> bool:
        """Return whether windows neither overlap nor leave gaps."""
        return self.kernel == self.stride and not any(self.padding)


class Hardware:
    """The graph of hardware ops.

    Args:
        image: the name of the network's input.
        sizes: of the stream of pixels, [1, rows, columns, channels] or [1, elements].
    """

    def __init__(self, image: str, sizes: Sequence[int]) -> None:
        graph = helper.make_graph(
            [],
            "hardware",
            [helper.make_tensor_value_info(image, TensorProto.FLOAT, list(sizes))],
            [],
        )
        self.model = ModelWrapper(qonnx_make_model(graph))
        self.model.set_tensor_datatype(image, DataType["UINT8"])
        self.units: dict[str, float] = {image: 1.0}
        #: What the file has inside layers, and the specification behind them.
        self.moved: list[str] = []
        #: The tensor of the last layer's sums, if float32 does not hold all of them.
        self.rounded = ""
        #: What the first layer reads.
        self.first: FirstLayer | None = None

    def finish(self, output: str) -> ModelWrapper:
        """Return the graph, with a stream as its output."""
        model = self.model
        (info,) = [info for info in model.graph.value_info if info.name == output] or [None]
        if info is None:
            info = helper.make_tensor_value_info(
                output, TensorProto.FLOAT, model.get_tensor_shape(output)
            )
        else:
            model.graph.value_info.remove(info)
        model.graph.output.append(info)
        model.set_metadata_prop(UNITS_KEY, json.dumps(self.units))
        model.set_metadata_prop(MOVED_KEY, json.dumps(self.moved))
        model.set_metadata_prop(FIRST_KEY, json.dumps(self.first))
        model.set_metadata_prop(ROUNDED_KEY, self.rounded)
        return model

    def ends(self, said: "Output") -> None:
        """Note what the output is."""
        self.model.set_metadata_prop(OUTPUT_KEY, json.dumps(said._asdict()))

    # ------------------------------------------------------------------ layers

    def layer(
        self,
        name: str,
        reads: Codes,
        weights: Ints,
        windows: Windows | None,
        result: str,
        thresholds: Ints | None = None,
        bias: Ints | None = None,
        datatype: BaseDataType | None = None,
    ) -> str:
        """Add a convolution or dense layer.

        Args:
            name: of the layer.
            reads: its input.
            weights: [outputs, inputs, rows, columns].
            windows: of a convolution; None for a dense layer.
            result: the name of its output.
            thresholds: on the sums, [outputs]; the output is their signs. None: it is the sums.
            bias: added to the sums.
            datatype: of the sums.
        """
        signs = bool(np.all(np.abs(weights) == 1))
        binary = reads.binary() and signs
        outputs = len(weights)
        if windows is None:
            rows = reads.in_stream_order(weights[:, :, 0, 0].T)
            vectors, stream, border = [1], reads.stream, {}
        else:
            rows = weights.transpose(2, 3, 1, 0).reshape(-1, outputs)
            vectors = [1, *windows.output]
            padding = -1 if reads.binary() else reads.zero
            stream = self.windows(f"{name}_windows", reads, windows, padding)
            border = {
                "ConvKernelDim": list(windows.kernel),
                "Stride": list(windows.stride),
                "Padding": list(windows.padding),
                "IFMDim": list(windows.image),
            }
        attributes: dict[str, Any] = {
            "MW": rows.shape[0],
            "MH": outputs,
            "SIMD": 1,
            "PE": 1,
            "numInputVectors": vectors,
            "noActivation": int(thresholds is None),
        }
        matrix = BIPOLAR if signs else type_of(rows)
        inputs = [stream, self._constant(f"{name}_weights", rows, matrix)]
        if thresholds is not None:
            inputs.append(self._constant(f"{name}_levels", thresholds, INT32))
        else:
            value = np.zeros(outputs, np.int64) if bias is None else bias
            inputs.append(self._constant(f"{name}_bias", value, INT32))
        if binary:
            attributes.update(border)
        else:
            narrow = int(rows.min() > matrix.min())
            attributes.update(
                InputZeroPoint=reads.zero, weightDataType=matrix.name, narrowWeights=narrow
            )
            if windows is not None:
                attributes["ConvKernelDim"] = border["ConvKernelDim"]
        output = self._tensor(result, [*vectors, outputs], datatype or BIPOLAR)
        return self._add("BinaryMVAU" if binary else "IntMVAU", name, inputs, output, **attributes)

    def windows(self, name: str, reads: Codes, windows: Windows, padding: int) -> str:
        """Add what makes a stream of windows, if that is not the stream itself."""
        if windows.single():
            return reads.stream
        channels = reads.channels
        single = windows.kernel == (1, 1) and not any(windows.padding)
        if single and not reads.binary() and not reads.zero:
            return self.subsample(name, reads, windows.stride, (0, 0))
        sizes = [1, *windows.output, prod(windows.kernel) * channels]
        output = self._tensor(name, sizes, reads.datatype)
        return self._add(
            "SlidingWindow",
            name,
            [reads.stream],
            output,
            ConvKernelDim=list(windows.kernel),
            Stride=list(windows.stride),
            Padding=list(windows.padding),
            PadValue=padding,
            IFMDim=list(windows.image),
            OFMDim=list(windows.output),
            IFMChannels=channels,
            SIMD=1,
        )

    # ------------------------------------------------------------------ functions

    def thresholding(
        self, reads: Codes, stairs: Staircase, result: str, datatype: BaseDataType
    ) -> str:
        """Add thresholds on a stream."""
        thresholds = reads.in_stream_order(stairs.thresholds) + reads.zero
        mask = reads.in_stream_order(stairs.falls)
        inputs = [
            reads.stream,
            self._constant(f"{result}_thresholds", thresholds, INT32),
            self._constant(f"{result}_falls", mask, DataType["BINARY"]),
        ]
        return self._elementwise(
            "Thresholds",
            reads,
            inputs,
            result,
            datatype,
            numSteps=stairs.thresholds.shape[1],
            outBias=stairs.base,
            outScale=stairs.step,
        )

    def lookup(self, reads: Codes, table: Ints, result: str, datatype: BaseDataType) -> str:
        """Add a table, [channels, values of the stream's type], on a stream."""
        table = reads.in_stream_order(table)
        if np.all(table == table[0]):
            table = table[:1]
        inputs = [reads.stream, self._constant(f"{result}_table", table, datatype)]
        return self._elementwise(
            "LookupTable", reads, inputs, result, datatype, numTables=len(table)
        )

    def requantise(
        self,
        reads: Codes,
        scaling: Scaling,
        result: str,
        datatype: BaseDataType,
        skip: Codes | None = None,
        skip_shift: int = 0,
    ) -> str:
        """Add a requantisation of sums, or its sum with another stream."""
        m, b = (reads.in_stream_order(v) for v in (scaling.multipliers, scaling.offsets))
        types = [type_of(m), type_of(b)]
        # The sum has as many bits as it shifts away, and its sign.
        wide = max(types[1].bitwidth(), scaling.shift + 1)
        inputs = [
            reads.stream,
            *([] if skip is None else [skip.stream]),
            self._constant(f"{result}_m", m, types[0]),
            self._constant(f"{result}_b", b, types[1]),
        ]
        attributes: dict[str, Any] = {
            "mBits": types[0].bitwidth(),
            "bBits": wide,
            "shift": scaling.shift,
        }
        if skip is not None:
            attributes |= {"skipShift": skip_shift, "skipDataType": skip.datatype.name}
        kind = "Requantise" if skip is None else "ResidualJoin"
        return self._elementwise(kind, reads, inputs, result, datatype, **attributes)

    def addition(
        self, a: Codes, b: Codes, shifts: tuple[int, int], result: str, datatype: BaseDataType
    ) -> str:
        """Add the sum of two streams, each shifted left."""
        return self._elementwise(
            "AddStreams",
            a,
            [a.stream, b.stream],
            result,
            datatype,
            secondDataType=b.datatype.name,
            shiftA=shifts[0],
            shiftB=shifts[1],
        )

    def _elementwise(
        self,
        kind: str,
        reads: Codes,
        inputs: list[str],
        result: str,
        datatype: BaseDataType,
        **attributes: Any,
    ) -> str:
        sizes = self.model.get_tensor_shape(reads.stream)
        output = self._tensor(result, sizes, datatype)
        return self._add(
            kind,
            result,
            inputs,
            output,
            NumChannels=sizes[-1],
            numInputVectors=list(sizes[:-1]),
            PE=1,
            **attributes,
        )

    # ------------------------------------------------------------------ pixels

    def bit_pool(self, reads: Codes, windows: Windows, mask: Ints, result: str) -> str:
        """Add a max-pooling of bits whose windows do not overlap."""
        inputs = [reads.stream, self._constant(f"{result}_and", mask, DataType["BINARY"])]
        output = self._tensor(result, [1, *windows.output, reads.channels], BIPOLAR)
        return self._add(
            "BitMaxPool",
            result,
            inputs,
            output,
            IFMDim=list(windows.image),
            IFMChannels=reads.channels,
            PoolDim=list(windows.kernel),
            PE=1,
        )

    def pool(
        self,
        reads: Codes,
        windows: Windows,
        padding: int,
        mask: Ints | None,
        result: str,
        datatype: BaseDataType,
    ) -> str:
        """Add a reduction of windows: their maximum, or minimum by the mask; without it the sum."""
        stream = self.windows(f"{result}_windows", reads, windows, padding)
        if stream == reads.stream:
            return stream
        inputs = [stream]
        if mask is not None:
            inputs.append(self._constant(f"{result}_least", mask, DataType["BINARY"]))
        output = self._tensor(result, [1, *windows.output, reads.channels], datatype)
        return self._add(
            "WindowPool",
            result,
            inputs,
            output,
            PoolDim=list(windows.kernel),
            OFMDim=list(windows.output),
            NumChannels=reads.channels,
            mode="sum" if mask is None else "max",
            SIMD=1,
        )

    def global_sum(self, reads: Codes, result: str, datatype: BaseDataType) -> str:
        """Add the sum of each channel over all pixels."""
        assert reads.spatial is not None, "pixels"
        output = self._tensor(result, [1, reads.channels], datatype)
        return self._add(
            "GlobalSumPool",
            result,
            [reads.stream],
            output,
            IFMDim=list(reads.spatial),
            NumChannels=reads.channels,
            PE=1,
        )

    def subsample(
        self, name: str, reads: Codes, stride: tuple[int, int], channels: tuple[int, int]
    ) -> str:
        """Add a choice of pixels at a stride, with zero channels before and after."""
        assert reads.spatial is not None, "pixels"
        taken = [-(-size // step) for size, step in zip(reads.spatial, stride, strict=True)]
        output = self._tensor(name, [1, *taken, sum(channels) + reads.channels], reads.datatype)
        return self._add(
            "SubsamplePad",
            name,
            [reads.stream],
            output,
            IFMDim=list(reads.spatial),
            IFMChannels=reads.channels,
            Stride=list(stride),
            PadChannels=list(channels),
            PE=1,
        )

    def concatenation(self, parts: Sequence[Codes], result: str) -> str:
        """Add streams one after the other in each pixel."""
        sizes = self.model.get_tensor_shape(parts[0].stream)
        channels = [part.channels for part in parts]
        output = self._tensor(result, [*sizes[:-1], sum(channels)], parts[0].datatype)
        return self._add(
            "ConcatStreams",
            result,
            [part.stream for part in parts],
            output,
            ChannelsPerStream=channels,
            numInputVectors=list(sizes[:-1]),
            PE=1,
        )

    def flat(self, reads: Codes, result: str) -> str:
        """Add what turns an image into a vector, channels last."""
        before = self.model.get_tensor_shape(reads.stream)
        output = self._tensor(result, [1, prod(before)], reads.datatype)
        return self._add(
            "WidthConverter",
            result,
            [reads.stream],
            output,
            inShape=list(before),
            outShape=[1, prod(before)],
            inLanes=1,
            outLanes=1,
        )

    # ------------------------------------------------------------------ parts

    def _constant(self, base: str, value: Ints, datatype: BaseDataType) -> str:
        return add_constant(self.model, base, value, datatype)

    def _tensor(self, base: str, sizes: Sequence[int], datatype: BaseDataType) -> str:
        return add_tensor(self.model, base, sizes, datatype)

    def _add(
        self, kind: str, name: str, inputs: Sequence[str], output: str, **attributes: Any
    ) -> str:
        model = self.model
        types = model.get_tensor_datatype(inputs[0]), model.get_tensor_datatype(output)
        node = kernel(kind, inputs, [output], name, types, **attributes)
        model.graph.node.append(node)
        return output

    def name(self, base: str) -> str:
        """Return a name that no tensor has yet."""
        return fresh(self.model, base)


def sum_type(low: int, high: int) -> BaseDataType:
    """Return the type of sums from ``low`` to ``high``: signed, as layers give them."""
    return code_type(min(low, -2), high)
