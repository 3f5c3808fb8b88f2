"""Small networks as the exporter writes them, with random weights."""

import math
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import qonnx_make_model

QONNX = "qonnx.custom_op.general"


@dataclass(frozen=True)
class Conv:
    channels: int
    kernel: int = 3
    padding: int = 1
    stride: int = 1
    bits: int = 1
    pool: int = 1  # before the affine chain, as in VGG-Small
    pool_after: int = 1  # behind the sign
    norm: str = "affine"  # "batch": BatchNormalization, then Clip; "dyadic": exact, gamma above 0


@dataclass(frozen=True)
class Dense:
    outputs: int
    bits: int = 1


@dataclass(frozen=True)
class Network:
    """An image, layers with signs, and a last dense layer with logits."""

    image: tuple[int, int, int] = (6, 5, 2)  # height, width, channels
    layers: tuple[Conv | Dense, ...] = (Conv(4, bits=8), Conv(6, pool=2), Conv(4))
    classes: int = 3
    last_bits: int = 8
    last: str = "Gemm"  # or "MatMul"
    bias: bool = True
    zero: int = 128
    seed: int = 0

    def build(self) -> ModelWrapper:
        writer = Writer(self.image, self.zero, self.seed)
        for i, layer in enumerate(self.layers):
            if isinstance(layer, Conv):
                writer.convolution(f"conv{i}", layer)
                writer.follow(f"conv{i}", layer)
            else:
                writer.flatten()
                writer.dense(f"dense{i}", layer.outputs, layer.bits, "MatMul", False)
                writer.affine(f"dense{i}", [1, layer.outputs])
                writer.sign(f"dense{i}")
        writer.flatten()
        writer.dense("last", self.classes, self.last_bits, self.last, self.bias)
        return writer.model()


class Writer:
    """Writes nodes one after another; the last one's output is the next one's input."""

    def __init__(self, image: tuple[int, int, int], zero: int = 128, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes = []
        self.constants = {}
        height, width, channels = image
        self.shape = [1, channels, height, width]
        self.image_shape = list(self.shape)
        self.tensor = "image"
        self.unit = 2.0**-7
        self.step("Sub", self.constant("zero", zero))
        self.step("Mul", self.constant("unit", self.unit))

    def model(self) -> ModelWrapper:
        """The network, whose logits are the last node's output."""
        self.nodes[-1].output[0] = "logits"
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, self.image_shape)],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, self.shape)],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
        model = qonnx_make_model(
            graph, opset_imports=[helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]
        )
        return ModelWrapper(model).transform(InferShapes())

    def constant(self, name: str, value: object, kind: type = np.float32) -> str:
        self.constants[name] = np.asarray(value, dtype=kind)
        return name

    def step(self, kind: str, *inputs: str, name: str = "", domain: str = "", **attributes) -> None:
        output = f"{name or kind.lower()}_{len(self.nodes)}_out"
        self.nodes.append(
            helper.make_node(
                kind, [self.tensor, *inputs], [output], name=name, domain=domain, **attributes
            )
        )
        self.tensor = output

    def weights(self, name: str, shape: list[int], bits: int, scales: list[int]) -> str:
        """Add a weight quantizer; binary ones have a scale per output channel."""
        if bits == 1:
            raw = self.random.choice([-1.0, 1.0], shape)
            scale = 2.0 ** self.random.integers(-3, 2, scales)
            parameters = [self.constant(f"{name}_scale", scale)]
        else:
            limit = 2 ** (bits - 1) - 1
            scale = 2.0**-bits
            raw = self.random.integers(-limit, limit + 1, shape) * scale
            parameters = [
                self.constant(f"{name}_scale", scale),
                self.constant(f"{name}_zero", 0),
                self.constant(f"{name}_bits", bits),
            ]
        attributes = {} if bits == 1 else {"signed": 1, "narrow": 1, "rounding_mode": "ROUND"}
        self.nodes.append(
            helper.make_node(
                "BipolarQuant" if bits == 1 else "Quant",
                [self.constant(f"{name}_raw", raw), *parameters],
                [f"{name}_weights"],
                name=f"{name}_quant",
                domain=QONNX,
                **attributes,
            )
        )
        return f"{name}_weights"

    def convolution(self, name: str, layer: Conv) -> None:
        _, channels, *sizes = self.shape
        shape = [layer.channels, channels, layer.kernel, layer.kernel]
        weights = self.weights(name, shape, layer.bits, [layer.channels, 1, 1, 1])
        self.step(
            "Conv",
            weights,
            name=name,
            kernel_shape=[layer.kernel] * 2,
            pads=[layer.padding] * 4,
            strides=[layer.stride] * 2,
            dilations=[1, 1],
            group=1,
        )
        sizes = ((size + 2 * layer.padding - layer.kernel) // layer.stride + 1 for size in sizes)
        self.shape = [1, layer.channels, *sizes]

    def follow(self, name: str, layer: Conv) -> None:
        """Write the nodes between a convolution and its sign, and the pooling behind it."""
        if layer.pool > 1:
            self.pool(f"{name}_pool", layer.pool)
        if layer.norm == "affine":
            self.affine(name, [1, layer.channels, 1, 1])
        elif layer.norm == "dyadic":
            self.dyadic(name, [1, layer.channels, 1, 1])
        else:
            self.batch_norm(name, layer.channels)
        self.sign(name)
        if layer.pool_after > 1:
            self.pool(f"{name}_pool_after", layer.pool_after)

    def pool(self, name: str, size: int) -> None:
        self.step("MaxPool", name=name, kernel_shape=[size] * 2, strides=[size] * 2)
        self.shape[2:] = [sides // size for sides in self.shape[2:]]

    def affine(self, name: str, shape: list[int]) -> None:
        """Scale and bias with positive, negative and zero scales; signs flip in mid-range."""
        scale = self.random.normal(size=shape) * self.random.choice([0, 1, 1, 1], shape)
        bias = self.random.normal(size=shape) * self.random.choice([0.0, 0.3, 3.0], shape)
        self.step("Mul", self.constant(f"{name}_gamma", scale), name=f"{name}_mul")
        self.step("Add", self.constant(f"{name}_beta", bias), name=f"{name}_add")

    def dyadic(self, name: str, shape: list[int]) -> None:
        scale = 2.0 ** self.random.integers(-2, 3, shape)
        bias = self.random.integers(-8, 9, shape) / 4
        self.step("Mul", self.constant(f"{name}_gamma", scale), name=f"{name}_mul")
        self.step("Add", self.constant(f"{name}_beta", bias), name=f"{name}_add")

    def batch_norm(self, name: str, channels: int) -> None:
        gamma, beta, mean = (self.random.normal(size=channels) for _ in range(3))
        values = (gamma, beta, mean, self.random.uniform(0.1, 4.0, channels))
        names = [
            self.constant(f"{name}_{key}", value)
            for key, value in zip(("gamma", "beta", "mean", "var"), values, strict=True)
        ]
        self.step("BatchNormalization", *names, name=f"{name}_norm")
        bounds = self.constant(f"{name}_min", -1), self.constant(f"{name}_max", 1)
        self.step("Clip", *bounds, name=f"{name}_clip")

    def sign(self, name: str) -> None:
        one = self.constant(f"{name}_sign_scale", 1)
        self.step("BipolarQuant", one, name=f"{name}_sign", domain=QONNX)
        self.unit = 1.0

    def flatten(self) -> None:
        if len(self.shape) == 4:
            self.step("Flatten", axis=1)
            self.shape = [1, math.prod(self.shape)]

    def dense(self, name: str, outputs: int, bits: int, kind: str, bias: bool) -> None:
        """A dense layer, whose weights are transposed in a Gemm, and a bias in whole units."""
        inputs = self.shape[1]
        shape = [outputs, inputs] if kind == "Gemm" else [inputs, outputs]
        weights = self.weights(name, shape, bits, [1, 1])
        unit = self.constants[f"{name}_scale"].item() * self.unit
        extra = []
        if bias:
            value = self.random.integers(-9, 10, outputs) * unit
            extra = [self.constant(f"{name}_bias", value)]
        if kind == "Gemm":
            self.step("Gemm", weights, *extra, name=name, transB=1)
        else:
            self.step("MatMul", weights, name=name)
            if bias:
                self.step("Add", *extra, name=f"{name}_add")
        self.shape = [1, outputs]


def images(network: Network, count: int = 3) -> np.ndarray:
    """Random pixels; the first image is black and the second one white."""
    pixels = np.random.default_rng(network.seed + 1).integers(
        0, 256, (count, *network.image), dtype=np.uint8
    )
    pixels[0] = 0
    if count > 1:
        pixels[1] = 255
    return pixels
