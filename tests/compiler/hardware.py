"""Lowered graphs of residual networks without constants, which is enough to fold and schedule."""

from dataclasses import dataclass, field

from onnx import NodeProto, TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

import irnet_hw.kernels  # noqa: F401 (registers the ops)
from irnet_hw.compiler.graph import name_kernels

FINN = "finn.custom_op.fpgadataflow"


@dataclass
class Hardware:
    """Writes kernels one after the other; ``tensor`` and ``shape`` are the current end."""

    shape: tuple[int, int, int]  # height, width, channels
    datatype: str = "UINT8"
    tensor: str = "image"
    nodes: list[NodeProto] = field(default_factory=list)
    values: list = field(default_factory=list)

    def __post_init__(self) -> None:
        self.image = self.shape
        self.types = {}

    def add(self, kind: str, inputs: list[str], target: str, name: str, outputs=None, **more):
        """Add a kernel that reads ``inputs`` and, unless it is a fork, writes one stream."""
        outputs = outputs or [f"{name}_out"]
        constants = {
            "BinaryMVAU": 1,
            "IntMVAU": 2,
            "Requantise": 2,
            "ResidualJoin": 2,
            "WindowPool": 1,
        }
        extra = [f"{name}_constant{i}" for i in range(constants.get(kind, 0))]
        if kind == "BinaryMVAU" and not more["noActivation"]:
            extra.append(f"{name}_levels")
        self.nodes.append(
            helper.make_node(
                kind,
                [*inputs, *extra],
                outputs,
                name=name,
                domain=FINN,
                backend="fpgadataflow",
                inputDataType=more.pop("source", self.datatype),
                outputDataType=target,
                **more,
            )
        )
        self.tensor, self.datatype = outputs[0], target

    def declare(self, tensors: list[str], datatypes: list[str], shape: list[int]) -> None:
        for tensor, datatype in zip(tensors, datatypes, strict=True):
            self.values.append(
                helper.make_tensor_value_info(tensor, TensorProto.FLOAT, [1, *shape])
            )
            self.types[tensor] = datatype

    def convolution(
        self, name: str, channels: int, kernel: int = 3, stride: int = 1, sign: bool = False
    ) -> None:
        """Add windows and a matrix-vector unit, which outputs accumulators or signs."""
        height, width, depth = self.shape
        pad = kernel // 2
        source = self.datatype
        border = {
            "ConvKernelDim": [kernel] * 2,
            "Stride": [stride] * 2,
            "Padding": [pad] * 4,
            "IFMDim": [height, width],
        }
        height, width = ((n + 2 * pad - kernel) // stride + 1 for n in (height, width))
        if kernel > 1:
            self.add(
                "SlidingWindow",
                [self.tensor],
                source,
                f"{name}_window",
                **border,
                PadValue=-1 if source == "BIPOLAR" else 0,
                OFMDim=[height, width],
                IFMChannels=depth,
                SIMD=1,
            )
            self.declare([self.tensor], [source], [height, width, kernel**2 * depth])
        rows = kernel**2 * depth
        common = {"MW": rows, "MH": channels, "SIMD": 1, "PE": 1, "noActivation": int(not sign)}
        vectors = {"numInputVectors": [1, height, width]}
        if source == "BIPOLAR":
            target = "BIPOLAR" if sign else f"INT{rows.bit_length() + 1}"
            self.add("BinaryMVAU", [self.tensor], target, name, **common, **vectors, **border)
        else:
            more = {"weightDataType": "INT8", "ConvKernelDim": [kernel] * 2}
            self.add("IntMVAU", [self.tensor], "INT24", name, **common, **vectors, **more)
        self.shape = height, width, channels
        self.declare([self.tensor], [self.datatype], list(self.shape))

    def dyadic(self, kind: str, name: str, inputs: list[str], **more) -> None:
        self.add(
            kind,
            inputs,
            "INT8",
            name,
            NumChannels=self.shape[-1],
            numInputVectors=[1, *self.shape[:-1]],
            PE=1,
            shift=8,
            mBits=9,
            bBits=14,
            **more,
        )
        self.declare([self.tensor], ["INT8"], list(self.shape))

    def unit(self, name: str, channels: int, stride: int = 1, shortcut: str = "pad", convs=1):
        """Add a fork, convolutions of the signs on one side, the shortcut on the other, and a
        join."""
        before, shape = self.tensor, self.shape
        self.add(
            "StreamFork",
            [before],
            "INT8",
            f"{name}_fork",
            [f"{name}_sign", f"{name}_skip"],
            shape=[1, *shape],
            lanes=1,
            signs=[1, 0],
        )
        self.declare([f"{name}_sign", f"{name}_skip"], ["BIPOLAR", "INT8"], list(shape))
        self.tensor, self.datatype = f"{name}_skip", "INT8"
        if stride > 1 or channels != shape[-1]:
            more = channels - shape[-1] if shortcut == "pad" else 0
            self.add(
                "SubsamplePad",
                [self.tensor],
                "INT8",
                f"{name}_subsample",
                IFMDim=list(shape[:2]),
                IFMChannels=shape[-1],
                Stride=[stride] * 2,
                PadChannels=[more // 2, more - more // 2],
                PE=1,
            )
            self.shape = -(-shape[0] // stride), -(-shape[1] // stride), shape[-1] + more
            self.declare([self.tensor], ["INT8"], list(self.shape))
            if shortcut == "conv":
                self.convolution(f"{name}_shortcut", channels, kernel=1)
                self.dyadic("Requantise", f"{name}_requantise", [self.tensor])
        skip = self.tensor
        self.tensor, self.datatype, self.shape = f"{name}_sign", "BIPOLAR", shape
        for i in range(convs):
            self.convolution(f"{name}_conv{i}", channels, 3, 1 if i else stride, i < convs - 1)
        body = self.tensor, skip
        self.dyadic("ResidualJoin", f"{name}_join", list(body), skipDataType="INT8")

    def inception(self, name: str, channels: int) -> None:
        """Add a fork into signs, maxima and the values, and a concatenation.

        Args:
            name: of the whole.
            channels: of the convolution of the signs.
        """
        before, shape = self.tensor, self.shape
        ends = [f"{name}_sign", f"{name}_pooled", f"{name}_skip"]
        types = ["BIPOLAR", "INT8", "INT8"]
        fork = {"shape": [1, *shape], "lanes": 1, "signs": [1, 0, 0]}
        self.add("StreamFork", [before], "INT8", f"{name}_fork", ends, **fork)
        self.declare(ends, types, list(shape))
        self.tensor, self.datatype = f"{name}_sign", "BIPOLAR"
        self.convolution(f"{name}_conv", channels)
        self.dyadic("Requantise", f"{name}_requantise", [self.tensor])
        body, self.shape, self.tensor = self.tensor, shape, f"{name}_pooled"
        self.maxima(f"{name}_pool")
        widths = [channels, shape[-1], shape[-1]]
        self.add(
            "ConcatStreams",
            [body, self.tensor, f"{name}_skip"],
            "INT8",
            f"{name}_concat",
            ChannelsPerStream=widths,
            numInputVectors=[1, *shape[:-1]],
            PE=1,
        )
        self.shape = *shape[:-1], sum(widths)
        self.declare([self.tensor], ["INT8"], list(self.shape))

    def maxima(self, name: str) -> None:
        """Add overlapping 3x3 windows of as many pixels as before, and their maxima."""
        height, width, depth = self.shape
        windows = {"OFMDim": [height, width], "SIMD": 1}
        self.add(
            "SlidingWindow",
            [self.tensor],
            "INT8",
            f"{name}_window",
            **windows,
            ConvKernelDim=[3, 3],
            Stride=[1, 1],
            Padding=[1] * 4,
            PadValue=-128,
            IFMDim=[height, width],
            IFMChannels=depth,
        )
        self.declare([self.tensor], ["INT8"], [height, width, 9 * depth])
        lanes = {"NumChannels": depth, "PoolDim": [3, 3], "mode": "max"}
        self.add("WindowPool", [self.tensor], "INT8", name, **lanes, **windows)
        self.declare([self.tensor], ["INT8"], list(self.shape))

    def end(self, classes: int) -> ModelWrapper:
        """Add the global sum, its requantiser and the dense layer; return the graph."""
        height, width, channels = self.shape
        bits = 8 + (height * width - 1).bit_length()
        pool = {"IFMDim": [height, width], "NumChannels": channels, "PE": 1}
        self.add("GlobalSumPool", [self.tensor], f"INT{bits}", "pool", **pool)
        self.shape = (channels,)
        self.declare([self.tensor], [self.datatype], [channels])
        self.dyadic("Requantise", "mean", [self.tensor])
        self.add(
            "IntMVAU",
            [self.tensor],
            "INT24",
            "last",
            MW=channels,
            MH=classes,
            SIMD=1,
            PE=1,
            numInputVectors=[1],
            noActivation=1,
            weightDataType="INT8",
        )
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, *self.image])
        logits = helper.make_tensor_value_info(self.tensor, TensorProto.FLOAT, [1, classes])
        graph = helper.make_graph(self.nodes, "hardware", [image], [logits])
        graph.value_info.extend(self.values)
        model = ModelWrapper(qonnx_make_model(graph))
        for tensor, datatype in {"image": "UINT8", **self.types}.items():
            model.set_tensor_datatype(tensor, DataType[datatype])
        name_kernels(model)
        return model


def resnet(
    image: tuple[int, int, int],
    widths: tuple[int, ...],
    units: int = 1,
    shortcut: str = "pad",
    convs: int = 1,
    classes: int = 10,
) -> ModelWrapper:
    """Return a ResNet's graph: its units per stage; each stage but the first has stride 2."""
    hardware = Hardware(image)
    hardware.convolution("stem", widths[0])
    hardware.dyadic("Requantise", "stem_requantise", [hardware.tensor])
    for stage, channels in enumerate(widths):
        for unit in range(units):
            stride = 2 if stage and not unit else 1
            hardware.unit(f"unit{stage}_{unit}", channels, stride, shortcut, convs)
    return hardware.end(classes)


def inception(image: tuple[int, int, int], width: int, channels: int) -> ModelWrapper:
    """Return the graph of a network with a concatenation of branches.

    Args:
        image: its height, width and channels.
        width: channels of the stem.
        channels: of the branch with a convolution.
    """
    hardware = Hardware(image)
    hardware.convolution("stem", width)
    hardware.dyadic("Requantise", "stem_requantise", [hardware.tensor])
    hardware.inception("block", channels)
    return hardware.end(10)
