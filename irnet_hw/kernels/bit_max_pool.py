"""BitMaxPool: max-pooling in front of BN and sign, computed on the signs instead."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import (
    Ints,
    Kernel,
    Memory,
    Parameter,
    Reach,
    RTLKernel,
    beats,
    divisors,
)
from irnet_hw.kernels.hls_backend import HLSKernel
from irnet_hw.kernels.memory import lut_ram_one_port
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.timing import Moves, Times, in_turn
from irnet_hw.kernels.words import count, times


@register
class BitMaxPool(Kernel):
    """The OR, or the AND where the mask is 1, of each channel over windows of bits.

    x (1, H, W, C) BIPOLAR, mask (C,) BINARY -> (1, H // kh, W // kw, C) BIPOLAR. A threshold is
    monotone, so it may be applied before the maximum. In a channel with positive gamma it rises
    (mask 0) and the maximum becomes OR; with negative gamma it falls (mask 1) and the maximum
    becomes AND. The windows do not overlap; rows and columns beyond the last whole window are
    dropped.

    Attributes:
        IFMDim: [H, W] of the input.
        IFMChannels: C.
        PoolDim: [kh, kw], the window and its stride.
        PE: channels per beat, on both streams; divides IFMChannels.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "IFMDim": ("ints", True, []),
            "IFMChannels": ("i", True, 0),
            "PoolDim": ("ints", True, []),
            "PE": ("i", True, 0),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        name = self.onnx_node.name
        self.require_numbers("IFMDim", 2, 1)
        self.require_numbers("PoolDim", 2, 1)
        image, pool = self.numbers("IFMDim"), self.numbers("PoolDim")
        if any(k > size for k, size in zip(pool, image, strict=True)):
            raise UserError(
                f"{name}: PoolDim = {list(pool)} must fit into the image, IFMDim = {list(image)}"
            )
        self.require_divides("PE", self.number("IFMChannels"), "IFMChannels")
        for attribute in ("inputDataType", "outputDataType"):
            if self.get_nodeattr(attribute) != "BIPOLAR":
                raise UserError(
                    f"{name}: {attribute} = {self.get_nodeattr(attribute)}, must be BIPOLAR"
                )

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every PE."""
        yield from ({"PE": pe} for pe in divisors(self.number("IFMChannels")))

    def facts(self) -> dict[str, Any]:
        """Return the window, the image and the channels."""
        return {
            "kernel": list(self.numbers("PoolDim")),
            "image": list(self.numbers("IFMDim")),
            "channels": self.number("IFMChannels"),
        }

    def describe(self) -> str:
        """Return the window and the channels."""
        channels = count(self.number("IFMChannels"), "channel")
        return f"{times(self.numbers('PoolDim'))} max-pooling on bits, {channels}"

    def reach(self, pixels: Reach) -> Reach:
        """Return the last pixel of each window."""
        pool = self.numbers("PoolDim")
        return self.reach_of_windows(pixels, pool, [size - 1 for size in pool])

    def lanes_in(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return PE."""
        return self.number("PE")

    def lanes_out(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return PE."""
        return self.number("PE")

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, H, W, C), or the mask's (C,)."""
        channels = self.number("IFMChannels")
        return (1, *self.numbers("IFMDim"), channels) if ind == 0 else (channels,)

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return (1, H // kh, W // kw, C)."""
        (h, w), (kh, kw) = self.numbers("IFMDim"), self.numbers("PoolDim")
        return (1, h // kh, w // kw, self.number("IFMChannels"))

    def get_exp_cycles(self) -> int:
        """Return the input beats of a frame: one per cycle."""
        h, w = self.numbers("IFMDim")
        return h * w * self._words()

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Return the pooled bits as ±1."""
        (mask,) = parameters
        (kh, kw), (_, oh, ow, channels) = self.numbers("PoolDim"), self.get_normal_output_shape()
        windows = x[:, : oh * kh, : ow * kw].reshape(len(x), oh, kh, ow, kw, channels)
        pooled: Ints = np.where(mask == 1, windows.min((2, 4)), windows.max((2, 4)))
        return pooled

    def latency(self) -> int:
        """Return 1: the output register."""
        return 1

    def moves(self, there: Sequence[Times]) -> Moves:
        """Return when beats move: a window's beat leaves after that of its last pixel."""
        (h, w), (kh, kw) = self.numbers("IFMDim"), self.numbers("PoolDim")
        taken = in_turn(there[0])
        pixels = taken.reshape(-1, h, w, self._words())
        last = pixels[:, kh - 1 : h // kh * kh : kh, kw - 1 : w // kw * kw : kw]
        return [taken], [last.reshape(-1) + self.latency()]

    def lut_estimation(self, fpgapart: str) -> int:
        """Return the LUTs of the gates, of the row of partial results and of the counters.

        Fitted to Yosys for xc7, within 10 % on the shapes tried.
        """
        windows = -(-self.numbers("IFMDim")[1] // self.numbers("PoolDim")[1])
        depth = windows * self._words()
        gates = self.number("PE")
        memory = (
            lut_ram_one_port(depth, gates, fpgapart) if prod(self.numbers("PoolDim")) > 1 else 0
        )
        return memory + gates + 6 + self._counter_bits() * 11 // 10

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the output register's flip-flops and the counters'."""
        return self.number("PE") + 1 + self._counter_bits()

    def _words(self) -> int:
        """Return the beats of a pixel."""
        return self.number("IFMChannels") // self.number("PE")

    def _counter_bits(self) -> int:
        """Return the bits of all counters: positions in row, pixel and window; spare rows."""
        (h, w), (kh, kw) = self.numbers("IFMDim"), self.numbers("PoolDim")
        most = [-(-w // kw) * self._words() - 1, self._words() - 1, kh - 1, kw - 1]
        if h % kh:
            most.append(h - 1)
        return sum(n.bit_length() for n in most)

    def shape_parameters(self) -> dict[str, int]:
        """Return the shapes, in the hardware's order."""
        (h, w), (kh, kw) = self.numbers("IFMDim"), self.numbers("PoolDim")
        return {
            "PE": self.number("PE"),
            "WORDS": self._words(),
            "H_IN": h,
            "W_IN": w,
            "KH": kh,
            "KW": kw,
        }

    def constant_memories(self, model: ModelWrapper) -> Mapping[str, Memory]:
        """Return the mask, one word per beat of a pixel."""
        mask = model.get_initializer(self.onnx_node.input[1])
        if mask is None:
            raise UserError(f"{self.onnx_node.name}: the mask must be a constant")
        words = beats(mask.astype(np.int64), self.number("PE"), self.get_input_datatype())
        return {"mask": (words, self.number("PE"))}


@register
class BitMaxPool_rtl(BitMaxPool, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`BitMaxPool`."""

    module = "bit_max_pool"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:  # noqa: ARG002
        """Return the shapes and the mask's file."""
        return {**self.shape_parameters(), "MASK_FILE": self.memory_file("mask")}


@register
class BitMaxPool_hls(BitMaxPool, HLSKernel):  # noqa: N801 (FINN's naming)
    """HLS backend of :class:`BitMaxPool`."""

    function = "bit_max_pool"

    def hls_parameters(self, fpgapart: str) -> Mapping[str, int]:  # noqa: ARG002
        """Return the shapes."""
        return self.shape_parameters()
