"""Writes networks as other exporters do: any nodes, in any order, with branches."""

from math import prod

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

QONNX = "qonnx.custom_op.general"


class Given:
    """Writes nodes one after the other; :attr:`at` is the last one's output.

    Args:
        shape: of the input: [1, channels, height, width], [1, channels, length] or [1, length].
        seed: of the random weights.
        opset: of ONNX.
    """

    def __init__(self, *shape, seed=0, opset=17):
        self.entry, self.shape, self.opset = shape, list(shape), opset
        self.random = np.random.default_rng(seed)
        self.at, self.nodes, self.constants, self.metadata = "image", [], {}, {}
        self.type = TensorProto.FLOAT

    def model(self):
        """The network, whose output is the last node's."""
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, self.entry)],
            [helper.make_tensor_value_info(self.at, self.type, self.shape)],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(QONNX, 1)]
        model = ModelWrapper(qonnx_make_model(graph, opset_imports=opsets))
        for key, value in self.metadata.items():
            model.set_metadata_prop(key, value)
        return model

    # ------------------------------------------------------------------ nodes

    def constant(self, value, kind=np.float32):
        name = f"constant{len(self.constants)}"
        self.constants[name] = np.asarray(value, kind)
        return name

    def node(self, op, *more, first=True, shape=None, outputs=1, **attributes):
        """Add a node; ``more`` are its other inputs, ``shape`` is its result's."""
        number = len(self.nodes)
        inputs = [self.at, *more] if first else [*more, self.at]
        names = [f"{op.lower()}{number}_out"] + [f"other{number}_{i}" for i in range(1, outputs)]
        domain = QONNX if op in ("Quant", "BipolarQuant") else ""
        node = helper.make_node(
            op, inputs, names, name=f"{op.lower()}{number}", domain=domain, **attributes
        )
        self.nodes.append(node)
        self.at = names[-1]
        self.shape = self.shape if shape is None else list(shape)
        return self

    @property
    def here(self):
        """A place to come back to."""
        return self.at, list(self.shape)

    def back(self, place):
        self.at, self.shape = place[0], list(place[1])
        return self

    def channels(self, values):
        """Constants, one for each channel, in the shape that broadcasts."""
        return self.constant(np.reshape(values, [1, -1] + [1] * (len(self.shape) - 2)))

    def op(self, kind, value, first=True):
        """Mul, Add, Sub or Div by a number, or by one for each channel."""
        many = np.size(value) > 1
        return self.node(kind, self.channels(value) if many else self.constant(value), first=first)

    def norm(self, gamma=None, beta=None, mean=None, var=None):
        """BatchNorm with gammas of either sign."""
        size = self.shape[1]
        given = (gamma, beta, mean, var)
        made = (
            self.random.normal(size=size),
            self.random.normal(size=size) * 0.3,
            self.random.normal(size=size),
            self.random.uniform(0.1, 4.0, size),
        )
        values = [
            a if b is None else np.broadcast_to(b, size) for a, b in zip(made, given, strict=True)
        ]
        return self.node("BatchNormalization", *map(self.constant, values), epsilon=1e-5)

    def sign(self, scale=1.0):
        many = np.size(scale) > 1
        return self.node("BipolarQuant", self.channels(scale) if many else self.constant(scale))

    def quant(self, bits=8, scale=1.0, signed=1, narrow=0, rounding="ROUND", zero=0.0):
        many = np.size(scale) > 1
        constants = [
            self.channels(scale) if many else self.constant(scale),
            self.constant(zero),
            self.constant(bits),
        ]
        return self.node("Quant", *constants, signed=signed, narrow=narrow, rounding_mode=rounding)

    def quantize(self, place, bits=8, scale=2.0**-4):
        """Put a quantizer in front of a constant that the last node reads."""
        node = self.nodes[-1]
        name = node.input[place]
        constants = [name, self.constant(scale), self.constant(0.0), self.constant(bits)]
        node.input[place] = f"{name}_quantized"
        flags = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
        self.nodes.insert(
            -1, helper.make_node("Quant", constants, [node.input[place]], domain=QONNX, **flags)
        )
        return self

    def clip(self, least=-1.0, most=1.0):
        return self.node("Clip", self.constant(least), self.constant(most))

    def prelu(self, slopes):
        slopes = np.reshape(slopes, [-1] + [1] * (len(self.shape) - 2))
        return self.node("PRelu", self.constant(slopes))

    # ------------------------------------------------------------------ layers

    def weights(self, sizes, bits=1, scale=1.0, kind="quantizer", outputs=0):
        """The name of weights: of a quantizer, or "initializer": as they come out of one.

        Args:
            sizes: of the tensor.
            bits: 1: signs; else of a narrow Quant.
            scale: one, or one for each output.
            kind: "zero" for nothing but zeros in the quantizer, too.
            outputs: the axis of the outputs.
        """
        if np.size(scale) > 1:
            scale = np.reshape(scale, [-1 if i == outputs else 1 for i in range(len(sizes))])
        if bits == 1:
            whole = self.random.choice([-1.0, 1.0], sizes)
        else:
            most = 2 ** (bits - 1) - 1
            whole = self.random.integers(-most, most + 1, sizes)
        if kind == "zero":
            whole = np.zeros(sizes)
        raw = np.asarray(whole * scale, np.float32)
        if kind == "initializer":
            return self.constant(raw)
        name = f"weights{len(self.nodes)}"
        constants = [self.constant(raw), self.constant(scale)]
        attributes = {}
        if bits > 1:
            constants += [self.constant(0.0), self.constant(bits)]
            attributes = {"signed": 1, "narrow": 1, "rounding_mode": "ROUND"}
        self.nodes.append(
            helper.make_node(
                "Quant" if bits > 1 else "BipolarQuant",
                constants,
                [name],
                name=f"{name}_quant",
                domain=QONNX,
                **attributes,
            )
        )
        return name

    def conv(
        self, outputs, kernel=3, pads=0, stride=1, dilation=1, group=1, bias=None, pad="", **weights
    ):
        """A convolution of images or signals; numbers hold for all axes."""
        _, inputs, *sides = self.shape
        rank = len(sides)
        kernel, stride, dilation = (
            [x] * rank if np.ndim(x) == 0 else list(x) for x in (kernel, stride, dilation)
        )
        pads = [pads] * 2 * rank if np.ndim(pads) == 0 else list(pads)
        if pad:
            pads = [0] * 2 * rank
        sizes = [outputs, inputs // group, *kernel]
        name = self.weights(sizes, **weights)
        attributes = {"pads": pads}
        if pad:
            attributes = {"auto_pad": pad}
        more = [] if bias is None else [self.constant(np.broadcast_to(bias, outputs))]
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        after = [
            (side + pads[i] + pads[i + rank] - reach[i]) // stride[i] + 1
            for i, side in enumerate(sides)
        ]
        if pad.startswith("SAME"):
            after = [-(-side // step) for side, step in zip(sides, stride, strict=True)]
        return self.node(
            "Conv",
            name,
            *more,
            kernel_shape=kernel,
            strides=stride,
            dilations=dilation,
            group=group,
            shape=[1, outputs, *after],
            **attributes,
        )

    def dense(self, outputs, form="Gemm", bias=None, **weights):
        """A dense layer: Gemm, with its weights transposed, or MatMul."""
        inputs = self.shape[1]
        sizes, axis = ([outputs, inputs], 0) if form == "Gemm" else ([inputs, outputs], 1)
        name = self.weights(sizes, outputs=axis, **weights)
        after = [1, outputs]
        if form == "Gemm":
            more = [] if bias is None else [self.constant(np.broadcast_to(bias, outputs))]
            return self.node("Gemm", name, *more, transB=1, shape=after)
        self.node("MatMul", name, shape=after)
        return self if bias is None else self.op("Add", np.broadcast_to(bias, outputs))

    def pool(self, kind="MaxPool", kernel=2, stride=None, pads=0, **attributes):
        """A pooling of images or signals."""
        sides = self.shape[2:]
        rank = len(sides)
        stride = kernel if stride is None else stride
        kernel, stride = ([x] * rank if np.ndim(x) == 0 else list(x) for x in (kernel, stride))
        pads = [pads] * 2 * rank if np.ndim(pads) == 0 else list(pads)
        if kind == "AveragePool" and any(pads):
            attributes = {"count_include_pad": 1, **attributes}
        after = [
            (side + pads[i] + pads[i + rank] - kernel[i]) // stride[i] + 1
            for i, side in enumerate(sides)
        ]
        shape = [*self.shape[:2], *after]
        return self.node(
            kind, kernel_shape=kernel, strides=stride, pads=pads, shape=shape, **attributes
        )

    def mean(self):
        return self.node("GlobalAveragePool", shape=[*self.shape[:2], *[1] * (len(self.shape) - 2)])

    def flatten(self, form="Flatten"):
        shape = [1, prod(self.shape)]
        if form == "Flatten":
            return self.node("Flatten", axis=1, shape=shape)
        sizes = {"0,-1": [0, -1], "1,N": shape, "1,-1": [1, -1], "-1,N": [-1, shape[1]]}[form]
        return self.node("Reshape", self.constant(sizes, np.int64), shape=shape)

    def add(self, place, first=True):
        return self.node("Add", place[0], first=first)

    def concat(self, *places):
        channels = self.shape[1] + sum(place[1][1] for place in places)
        shape = [1, channels, *self.shape[2:]]
        return self.node("Concat", *[place[0] for place in places], axis=1, shape=shape)


def pixels(shape, count=6, seed=1):
    """Random images for a network's input; the first is black and the second white."""
    _, first, *sides = shape
    sizes = (*sides, *([1] if len(sides) == 1 else []), first)
    found = np.random.default_rng(seed).integers(0, 256, (count, *sizes), dtype=np.uint8)
    found[0], found[1] = 0, 255
    return found
