"""Small residual networks as the exporter writes them, with random weights."""

from dataclasses import dataclass

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from tests.compiler.graphs import QONNX, Conv, Writer

#: The end of a Slice that takes everything, as PyTorch exports it.
LAST = 2**63 - 1


@dataclass(frozen=True)
class Residual:
    """A ResNet with one unit per stage, whose first stage keeps the image's size."""

    image: tuple[int, int, int] = (8, 8, 3)  # height, width, channels
    widths: tuple[int, ...] = (4, 8)
    structure: str = "bireal"  # or "normal"
    shortcut: str = "pad"  # or "conv"
    bits: int = 8
    step: float = 2.0**-7
    skip_step: float = 2.0**-5
    classes: int = 3
    seed: int = 0

    def build(self) -> ModelWrapper:
        writer = ResidualWriter(self.image, seed=self.seed)
        writer.convolution("stem", Conv(self.widths[0], bits=8))
        writer.rounded("stem", self.step, self.bits, 4)
        for i, channels in enumerate(self.widths):
            self._unit(writer, f"unit{i}", channels, 2 if i else 1)
        writer.step("ReduceSum", writer.constant("axes", [2, 3], np.int64), name="pool")
        writer.shape[2:] = [1, 1]
        writer.flatten()
        writer.rounded("mean", self.skip_step, self.bits, 10)
        writer.dense("last", self.classes, 8, "Gemm", True)
        return writer.model()

    def _unit(self, writer: "ResidualWriter", name: str, channels: int, stride: int) -> None:
        stream, shape, unit = writer.tensor, list(writer.shape), writer.unit
        for i in range(1 if self.structure == "bireal" else 2):
            if i:
                writer.affine(f"{name}_{i}", [1, channels, 1, 1])
            writer.sign(f"{name}_{i}")
            writer.convolution(f"{name}_conv{i}", Conv(channels, stride=1 if i else stride))
        writer.dyadic(name)
        body, grown = writer.tensor, list(writer.shape)
        writer.tensor, writer.shape, writer.unit = stream, shape, unit
        if stride > 1 or channels > shape[1]:
            if self.shortcut == "pad":
                writer.subsample(name, channels, stride)
            else:
                conv = Conv(channels, kernel=1, padding=0, stride=stride, bits=8)
                writer.convolution(f"{name}_shortcut", conv)
                writer.rounded(f"{name}_shortcut", self.skip_step, self.bits, 5)
        skip, writer.tensor, writer.shape = writer.tensor, body, grown
        writer.step("Add", skip, name=f"{name}_join")
        writer.quantize(name, self.step, self.bits)


class ResidualWriter(Writer):
    """Writes streams and the nodes of shortcuts."""

    def rounded(self, name: str, step: float, bits: int, factor_bits: int) -> None:
        """Write a dyadic affine map and a stream's quantizer."""
        self.dyadic(name, factor_bits)
        self.quantize(name, step, bits)

    def quantize(self, name: str, step: float, bits: int) -> None:
        """Write a stream's quantizer, which rounds half up."""
        self.step("Add", self.constant(f"{name}_half", step / 2), name=f"{name}_half")
        self.step(
            "Quant",
            self.constant(f"{name}_step", step),
            self.constant(f"{name}_stream_zero", 0),
            self.constant(f"{name}_stream_bits", bits),
            name=f"{name}_stream",
            domain=QONNX,
            signed=1,
            narrow=0,
            rounding_mode="FLOOR",
        )
        self.unit = step

    def dyadic(self, name: str, factor_bits: int = 10) -> None:
        """Write factors of either sign, and of 0, so wide that products are exact in float32."""
        shape = [1, self.shape[1]] + [1] * (len(self.shape) - 2)
        most = 2**factor_bits - 1
        factors = self.random.integers(-most, most + 1, shape)
        factors *= self.random.choice([0, 1, 1, 1], shape)
        scale = factors * 2.0 ** -self.random.integers(factor_bits - 1, factor_bits + 2, shape)
        bias = self.random.integers(-(2**10), 2**10, shape) * 2.0**-10
        self.step("Mul", self.constant(f"{name}_gamma", scale), name=f"{name}_mul")
        self.step("Add", self.constant(f"{name}_beta", bias), name=f"{name}_add")

    def subsample(self, name: str, channels: int, stride: int) -> None:
        """Write the paper's shortcut A."""
        for axis in (2, 3):
            values = {"starts": 0, "ends": LAST, "axes": axis, "steps": stride}
            constants = [
                self.constant(f"{name}_{key}{axis}", [value], np.int64)
                for key, value in values.items()
            ]
            self.step("Slice", *constants, name=f"{name}_slice{axis}")
            self.shape[axis] = -(-self.shape[axis] // stride)
        more = channels - self.shape[1]
        pads = [0, more // 2, 0, 0, 0, more - more // 2, 0, 0]
        self.step("Pad", self.constant(f"{name}_pads", pads, np.int64), name=f"{name}_pad")
        self.shape[1] = channels
