"""BinaryMVAU: ±1 weights times ±1 activations by XNOR and popcount."""

from collections.abc import Mapping, Sequence
from math import ceil, prod
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import STYLES, Ints, Memory, Parameter, RTLKernel
from irnet_hw.kernels.hls_backend import HLSKernel
from irnet_hw.kernels.logic import Logic, different, rom_luts
from irnet_hw.kernels.mvau import MVAU, activate, product
from irnet_hw.kernels.popcount import (
    LANE_DEPTH,
    THREES_DEPTH,
    constant_popcount,
    lut_popcount,
    plane_popcount,
    planes,
    popcount,
)
from irnet_hw.kernels.registry import register
from irnet_hw.kernels.tables import BITS, WORDS, Tables, tables

#: Weights of up to this many words fit a LUT6 that compares a lane.
SEPARATE_DEPTH = 32


@register
class BinaryMVAU(MVAU):
    """A binary convolution's or dense layer's products and sums, and a threshold or a bias.

    Inputs: x (*numInputVectors, MW) BIPOLAR, whose padded taps carry -1; W (MW, MH) BIPOLAR; with
    noActivation = 0: T (MH,), thresholds on the true accumulator; with noActivation = 1, if there
    is a third input: B (MH,), a bias that is added to it.

    A padded tap contributes 0 to the true accumulator, but the stream carries only ±1: the op knows
    from its border attributes which taps are padded.

    Attributes besides those of :class:`~irnet_hw.kernels.mvau.MVAU`:
        Stride: (down, right).
        Padding: (top, left, bottom, right).
        IFMDim: (rows, columns) of the image before padding.
        ram_style: also "tables": block RAM has no weights, but the counts of matches of groups of
            lanes (:mod:`irnet_hw.kernels.tables`), for at most 256 words of weights.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "Stride": ("ints", False, [1, 1]),
            "Padding": ("ints", False, [0, 0, 0, 0]),
            "IFMDim": ("ints", False, [1, 1]),
            "ram_style": ("s", False, "auto", {"auto", *self.styles()["ram_style"]}),
        }

    def styles(self) -> Mapping[str, tuple[str, ...]]:
        """Return where the weights may be."""
        return {"ram_style": (*STYLES["ram_style"], "tables")}

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        super().check()
        name = self.onnx_node.name
        if self.get_input_datatype() != DataType["BIPOLAR"]:
            raise UserError(
                f"{name}: inputDataType = {self.get_input_datatype().name} must be BIPOLAR"
            )
        for attribute, length, least in (("Stride", 2, 1), ("Padding", 4, 0), ("IFMDim", 2, 1)):
            self.require_numbers(attribute, length, least)
        if self.uses_tables() and 2 * self.depth() > WORDS:
            raise UserError(
                f"{name}: ram_style = tables must be distributed or block for {self.depth()} words "
                f"of weights; tables have room for {WORDS // 2}"
            )
        vectors = self.numbers("numInputVectors")
        expected = self._output_dim()
        if (vectors[1:] or (1, 1)) != expected:
            raise UserError(
                f"{name}: numInputVectors = {list(vectors)} must be {[1, *expected]} for "
                f"IFMDim = {list(self.numbers('IFMDim'))}, "
                f"ConvKernelDim = {list(self.numbers('ConvKernelDim'))}, "
                f"Stride = {list(self.numbers('Stride'))} and "
                f"Padding = {list(self.numbers('Padding'))}"
            )
        if not self.thresholds():
            self.check_accumulator(-self.number("MW"), self.number("MW"))

    def _output_dim(self) -> tuple[int, ...]:
        top, left, bottom, right = self.numbers("Padding")
        return tuple(
            (size + pad - kernel) // stride + 1
            for size, pad, kernel, stride in zip(
                self.numbers("IFMDim"),
                (top + bottom, left + right),
                self.numbers("ConvKernelDim"),
                self.numbers("Stride"),
                strict=True,
            )
        )

    def _real_taps(self) -> list[Ints]:
        """Return which rows and columns of the kernel lie in the image.

        Returns:
            For each output row, the kernel's first row in the image and the row after its last one,
            (OH, 2); the same for each output column, (OW, 2).
        """
        top, left, _, _ = self.numbers("Padding")
        found = []
        for pad, kernel, stride, size, outputs in zip(
            (top, left),
            self.numbers("ConvKernelDim"),
            self.numbers("Stride"),
            self.numbers("IFMDim"),
            self._output_dim(),
            strict=True,
        ):
            ends = np.array([pad, size + pad]) - np.arange(outputs)[:, None] * stride
            found.append(np.clip(ends, 0, kernel))
        return found

    def _inside(self, spans: Sequence[Ints]) -> npt.NDArray[np.bool_]:
        """Return which taps are in the image: (rows of spans[0], rows of spans[1], taps)."""
        rows, columns = (
            (ends[:, :1] <= np.arange(kernel)) & (np.arange(kernel) < ends[:, 1:])
            for ends, kernel in zip(spans, self.numbers("ConvKernelDim"), strict=True)
        )
        taps = rows[:, None, :, None] & columns[None, :, None, :]
        return taps.reshape(len(rows), len(columns), -1)

    def classes(self) -> int:
        """Return the number of border classes."""
        return prod(int(_starts(ends).sum()) for ends in self._real_taps())

    def class_taps(self) -> npt.NDArray[np.bool_]:
        """Return which taps are in the image, for each border class: (classes, taps).

        Vertically and horizontally, a run is a range of positions at which the same taps are
        padding. Each pair of runs is a class, numbered row by row.
        """
        runs = [ends[_starts(ends)] for ends in self._real_taps()]
        return self._inside(runs).reshape(-1, self.taps())

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Return the thresholded accumulators or those plus their bias; padded taps count 0."""
        W, *last = parameters
        taps = np.repeat(self._inside(self._real_taps()), self.channels(), axis=-1)
        if len(self.numbers("numInputVectors")) == 1:
            taps = taps[0, 0]
        order = self.order()
        accumulator = product(np.where(taps[..., order], x, 0), W[order])
        return activate(accumulator, *last) if self.thresholds() else sum(last, accumulator)

    # ------------------------------------------------------------------ timing

    def sum_latency(self) -> int:
        """Return the cycles of comparing bits with weights and of counting the matches.

        LUTs that hold their weights, and tables, compare while weights would be read.
        """
        if self.uses_tables():
            return self.tables().popcount().latency
        SIMD = self.number("SIMD")
        if self._constant():
            return constant_popcount(self.number("PE"), SIMD).latency - 1
        absorbed = self._absorbed_lanes()
        lanes = absorbed == 1 or (not absorbed and self._compares_lanes())
        tree = popcount((SIMD,) if lanes else planes(SIMD))
        return tree.latency + (0 if absorbed else 1)

    def _absorbed_lanes(self) -> int:
        """Return how many lanes a LUT6_2 takes that holds their weights; 0 if none does."""
        depth = self.depth()
        if self.weights_in_block_ram() or self.uses_tables() or depth == 1 or depth > LANE_DEPTH:
            return 0
        return 3 if depth <= THREES_DEPTH else 1

    def _constant(self) -> bool:
        """Return whether a single word of weights is part of the popcount."""
        return self.depth() == 1 and not (self.weights_in_block_ram() or self.uses_tables())

    def _compares_lanes(self) -> bool:
        """Return whether each lane is compared separately, in the LUT6 that holds its weight."""
        return not self.weights_in_block_ram() and LANE_DEPTH < self.depth() <= SEPARATE_DEPTH

    # ------------------------------------------------------------------ tables

    def uses_tables(self) -> bool:
        """Return whether tables count the matches."""
        return bool(self.get_nodeattr("ram_style") == "tables")

    def tables(self) -> Tables:
        """Return the tables."""
        return tables(self.number("PE"), self.number("SIMD"), self.depth())

    # ------------------------------------------------------------------ area

    def bram_estimation(self, fpgapart: str) -> int:
        """Return the 18 Kbit block RAMs, those of tables included."""
        blocks = self.tables().blocks if self.uses_tables() else 0
        return super().bram_estimation(fpgapart) + blocks

    def area(self, fpgapart: str) -> Logic:
        """Return the LUTs and flip-flops."""
        PE, SIMD, depth = self.number("PE"), self.number("SIMD"), self.depth()
        feed = self.feed_area(fpgapart)
        if self.uses_tables() or self._absorbed_lanes() or self._constant():
            # The registers between the replay buffer and the weights are left out.
            feed += Logic(0, -SIMD - depth.bit_length() - 3)
        if self.uses_tables():
            count = self.tables().popcount().logic * PE
        elif self.weights_in_block_ram():
            count = plane_popcount(SIMD) * PE
        elif group := self._absorbed_lanes():
            count = lut_popcount(PE, SIMD, depth, group)
        elif self._constant():
            count = constant_popcount(PE, SIMD).logic
        elif self._compares_lanes():
            compared = different(PE, depth) * SIMD
            count = Logic(compared, compared) + popcount((SIMD,)).logic * PE
        else:
            count = Logic(rom_luts(PE * SIMD, depth)) + plane_popcount(SIMD) * PE
        return feed + count + self.accumulators_area()

    def accumulators_area(self) -> Logic:
        """Return the area of the accumulators, or of comparisons with a single constant.

        The first LUT of a comparison takes six bits, each further one five more.
        """
        if not (self.thresholds() and self.beats() == self.init_words() == 1):
            return super().accumulators_area()
        PE, counted = self.number("PE"), self.accumulator_bits() - 1
        return Logic(PE * (1 + ceil(max(counted - 6, 0) / 5)) + 4, PE + 4)

    def accumulator_bits(self) -> int:
        """Return the width of an accumulator."""
        if not self.thresholds():
            return int(self.get_output_datatype().bitwidth())
        return self.number("MW").bit_length() + 1

    def init_bits(self) -> int:
        """Return about how many bits of an initial value differ between words.

        Thresholds, and sums of weights at the border, spread over about the square root of the
        accumulator's range.
        """
        return ceil(self.accumulator_bits() / 2)

    # ------------------------------------------------------------------ hardware

    def shape_parameters(self) -> dict[str, int]:
        """Return the folding and the border, in the hardware's order."""
        top, left, _, _ = self.numbers("Padding")
        return {
            "MW": self.number("MW"),
            "MH": self.number("MH"),
            "SIMD": self.number("SIMD"),
            "PE": self.number("PE"),
            "THRESHOLDS": int(self.thresholds()),
            "ACC_BITS": self.accumulator_bits(),
            **_pair("K", self.numbers("ConvKernelDim")),
            **_pair("S", self.numbers("Stride")),
            **_pair("PAD_", (top, left)),
            **_pair("I", self.numbers("IFMDim")),
            **_pair("O", self._output_dim()),
            "CLASSES": self.classes(),
            "BLOCK_RAM": int(self.weights_in_block_ram()),
            "INITS_BLOCK_RAM": int(self.inits_in_block_ram()),
        }

    def constant_memories(self, model: ModelWrapper) -> Mapping[str, Memory]:
        """Return the weights and the accumulators' initial values.

        The hardware counts the matches p of bits and weights, including those of padded taps; the
        sum of products is 2p - MW. A padded tap's bits are all -1, so it adds minus the sum of its
        weights. The accumulator's initial value, a constant for each border class and output,
        cancels that.
        """
        W, *more = (
            np.rint(model.get_initializer(tensor)).astype(np.int64)
            for tensor in self.onnx_node.input[1:]
        )
        last = more[0] if more else np.zeros(self.number("MH"), np.int64)
        MW, bits = self.number("MW"), self.accumulator_bits()
        padding = (~self.class_taps()).astype(np.int64)
        taken_out = padding @ W.reshape(self.taps(), self.channels(), -1).sum(axis=1)
        if self.thresholds():
            # acc >= T becomes matches >= least; the counter's range includes "always" and
            # "never". Starting from half the range minus least, the sign bit is the output.
            least = np.clip(-((taken_out - last - MW) // 2), 0, MW + 1)
            inits = (1 << (bits - 1)) - least
        else:
            self.check_accumulator(min(int(last.min()), 0) - MW, max(int(last.max()), 0) + MW)
            inits = taken_out - MW + last
        return {
            **self._weights(W),
            "inits": (self.init_memory(inits, bits), self.number("PE") * bits),
        }

    def _weights(self, W: Ints) -> Mapping[str, Memory]:
        """Return the memory of the weights, or those of the tables."""
        if not self.uses_tables():
            return {"weights": (self.weight_words(W, DataType["BIPOLAR"]), self.weight_width())}
        contents = self.tables().contents(self.folded((W > 0).astype(np.int64)))
        return {f"table{i:06}": (words, BITS) for i, words in enumerate(contents)}


@register
class BinaryMVAU_rtl(BinaryMVAU, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`BinaryMVAU`."""

    module = "binary_mvau"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:  # noqa: ARG002
        """Return the folding, the border and the memories."""
        return {
            **self.shape_parameters(),
            "SEPARATE": int(self._compares_lanes()),
            "ABSORB": self._absorbed_lanes(),
            "GROUP": self.tables().group if self.uses_tables() else 0,
            "WEIGHTS": self._weights_file(),
            "INITS": self.memory_file("inits"),
        }

    def _weights_file(self) -> str:
        """Return the file of the weights, or what the names of the tables' files begin with."""
        if self.uses_tables():
            return self.memory_file("table").removesuffix(".hex")
        return self.memory_file("weights")


@register
class BinaryMVAU_hls(BinaryMVAU, HLSKernel):  # noqa: N801 (FINN's naming)
    """HLS backend of :class:`BinaryMVAU`."""

    function = "binary_mvau"

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        super().check()
        if self.uses_tables():
            raise UserError(
                f"{self.onnx_node.name}: ram_style = tables must be auto, distributed or block for "
                "preferred_impl_style = hls"
            )

    def hls_parameters(self, fpgapart: str) -> Mapping[str, int]:  # noqa: ARG002
        """Return the folding and the border."""
        return self.shape_parameters()

    def constant_memories(self, model: ModelWrapper) -> Mapping[str, Memory]:
        """Return the weights and the accumulators' initial values."""
        self.check()  # FINN does not
        return super().constant_memories(model)

    def widest(self) -> int:
        """Return the wider of a word of weights and a word of initial values, in bits."""
        return max(self.weight_width(), self.number("PE") * self.accumulator_bits())


def _starts(ends: Ints) -> npt.NDArray[np.bool_]:
    """Return which rows differ from the row before."""
    return np.concatenate([[True], (ends[1:] != ends[:-1]).any(axis=1)])


def _pair(prefix: str, values: Sequence[int]) -> dict[str, int]:
    rows, columns = values
    return {f"{prefix}H": rows, f"{prefix}W": columns}
