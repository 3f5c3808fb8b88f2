"""BinaryMVAU: ±1 weights times ±1 activations by XNOR and popcount."""

from collections.abc import Mapping, Sequence
from math import ceil, gcd, prod
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Ints, RTLKernel
from irnet_hw.kernels.mvau import MVAU, activate, product
from irnet_hw.kernels.mvau_area import (
    Area,
    accumulators,
    adder_tree,
    different,
    popcount,
    rom_luts,
    xnor_popcount,
)

#: Weights in LUTs of up to THREES_DEPTH words fit the LUTs that compare and count three lanes,
#: those of up to LANE_DEPTH words the LUT that compares one; hls/binary_mvau decides alike.
THREES_DEPTH = 16
LANE_DEPTH = 32


class BinaryMVAU(MVAU):
    """A binary convolution's or dense layer's products, sums and threshold.

    Inputs: x (*numInputVectors, MW) BIPOLAR, whose padded taps carry -1; W (MW, MH) BIPOLAR,
    rows in a sliding window's order (kernel row, kernel column, channel); with
    noActivation = 0 also T (MH,), thresholds on the true accumulator.

    A padded tap contributes 0 to the true accumulator, though the stream has only ±1: the op
    knows from its border attributes which taps those are.

    Attributes beside :class:`~irnet_hw.kernels.mvau.MVAU`'s:
        ConvKernelDim: (rows, columns) of the kernel; (1, 1) for a dense layer.
        Stride: (down, right).
        Padding: (top, left, bottom, right).
        IFMDim: (rows, columns) of the image before padding.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "ConvKernelDim": ("ints", False, [1, 1]),
            "Stride": ("ints", False, [1, 1]),
            "Padding": ("ints", False, [0, 0, 0, 0]),
            "IFMDim": ("ints", False, [1, 1]),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        super().check()
        name = self.onnx_node.name
        if self.get_input_datatype() != DataType["BIPOLAR"]:
            raise UserError(
                f"{name}: inputDataType = {self.get_input_datatype().name} must be BIPOLAR"
            )
        for attribute, length, least in (
            ("ConvKernelDim", 2, 1),
            ("Stride", 2, 1),
            ("Padding", 4, 0),
            ("IFMDim", 2, 1),
        ):
            values = self.numbers(attribute)
            if len(values) != length or min(values) < least:
                raise UserError(
                    f"{name}: {attribute} = {list(values)} must be {length} numbers of at "
                    f"least {least}"
                )
        taps = prod(self.numbers("ConvKernelDim"))
        if self.number("MW") % taps:
            raise UserError(
                f"{name}: MW = {self.number('MW')} must be a multiple of the kernel's {taps} taps"
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

    def _channels(self) -> int:
        return self.number("MW") // prod(self.numbers("ConvKernelDim"))

    def real_taps(self) -> npt.NDArray[np.bool_]:
        """Return which elements of each window are of the image: (OH, OW, MW)."""
        top, left, _, _ = self.numbers("Padding")
        inside = []
        for pad, kernel, stride, size, outputs in zip(
            (top, left),
            self.numbers("ConvKernelDim"),
            self.numbers("Stride"),
            self.numbers("IFMDim"),
            self._output_dim(),
            strict=True,
        ):
            at = np.arange(outputs)[:, None] * stride + np.arange(kernel) - pad
            inside.append((at >= 0) & (at < size))
        rows, columns = inside
        taps = rows[:, None, :, None] & columns[None, :, None, :]
        return np.repeat(taps.reshape(*self._output_dim(), -1), self._channels(), axis=-1)

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Return the thresholded or the plain accumulators, padded taps counting 0."""
        W, *thresholds = parameters
        taps = self.real_taps()
        if len(self.numbers("numInputVectors")) == 1:
            taps = taps[0, 0]
        accumulator = product(np.where(taps, x, 0), W)
        return activate(accumulator, *thresholds) if self.thresholds() else accumulator

    # ------------------------------------------------------------------ area

    def area(self) -> Area:
        """Return the LUTs and flip-flops."""
        PE, SIMD, depth = self.number("PE"), self.number("SIMD"), self.depth()
        lanes = self.group()
        groups = SIMD // lanes
        threes, count_bits = ceil(lanes / 3), (lanes + 2).bit_length()
        # Rows whose weights are the same function of the address share what depends on them.
        if self.weights_in_block_ram():
            count = xnor_popcount(lanes) * (PE * groups)
        elif depth <= THREES_DEPTH:
            parities, carries = different(PE, depth), different(PE, 3 * depth)
            luts = parities + carries * ceil(depth / 8)
            count = Area(luts, parities + carries) * (threes * groups)
            count += popcount(threes, threes) * (PE * groups)
        elif depth <= LANE_DEPTH:
            compared = different(PE, depth) * SIMD
            count = Area(compared, compared) + popcount(lanes, 0) * (PE * groups)
            count_bits = lanes.bit_length()
        else:
            count = Area(rom_luts(PE * SIMD, depth)) + xnor_popcount(lanes) * (PE * groups)
        total = self.feed_area() + count
        total += adder_tree(groups, count_bits + self.half_matches()) * PE
        total += accumulators(PE, self.accumulator_bits(), self.passes())
        if self.border():
            positions = sum(size.bit_length() for size in self.numbers("IFMDim"))
            total += Area(8 + 2 * positions + 4 * groups, 2 * positions + 8 + 6 * groups)
        return total

    def border(self) -> bool:
        """Return whether some taps are padding at some positions."""
        return not self.real_taps().all()

    def group(self) -> int:
        """Return the lanes that are counted together: those of one tap if there is a border."""
        SIMD = self.number("SIMD")
        return gcd(SIMD, self._channels()) if self.border() else SIMD

    def half_matches(self) -> bool:
        """Return whether a padded tap needs half matches: its lanes can't be halved."""
        return self.border() and self.group() % 2 == 1

    def accumulator_bits(self) -> int:
        """Return the width of an accumulator."""
        if not self.thresholds():
            return int(self.get_output_datatype().bitwidth())
        return (self.number("MW") << self.half_matches()).bit_length() + 1


class BinaryMVAU_rtl(BinaryMVAU, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`BinaryMVAU`.

    The hardware counts the matches p of bits and weights. Where the true accumulator is
    2p - MW, a padded tap must count half its channels, so that it adds 0: the popcount of a
    group of lanes that lies within one tap gives that constant while its tap is padded. Only
    if the group's size is odd are half matches counted.
    """

    module = "binary_mvau"
    sources = (
        "replay_buffer/replay_buffer.sv",
        "mvau_rom/mvau_rom.sv",
        "mvau_feed/mvau_feed.sv",
        "popcount/popcount.sv",
        "xnor_popcount/xnor_popcount.sv",
        "adder_tree/adder_tree.sv",
        "mvau_accumulate/mvau_accumulate.sv",
        "border_taps/border_taps.sv",
        "binary_mvau/binary_mvau.sv",
    )

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, int | str]:  # noqa: ARG002
        """Return the folding, the border and the memories."""
        name = self.onnx_node.name
        top, left, _, _ = self.numbers("Padding")
        output = self._output_dim()
        return {
            "MW": self.number("MW"),
            "MH": self.number("MH"),
            "SIMD": self.number("SIMD"),
            "PE": self.number("PE"),
            "THRESHOLDS": int(self.thresholds()),
            "ACC_BITS": self.accumulator_bits(),
            "BORDER": int(self.border()),
            "GROUP": self.group(),
            **_pair("K", self.numbers("ConvKernelDim")),
            **_pair("S", self.numbers("Stride")),
            **_pair("PAD_", (top, left)),
            **_pair("I", self.numbers("IFMDim")),
            **_pair("O", output),
            "BLOCK_RAM": int(self.weights_in_block_ram()),
            "WEIGHTS": f"{name}_weights.hex",
            "INITS": f"{name}_inits.hex",
        }

    def rtl_memories(self, model: ModelWrapper) -> Mapping[str, tuple[Sequence[int], int]]:
        """Return the weights, and what each output's accumulator starts from."""
        name = self.onnx_node.name
        W, *thresholds = (
            np.rint(model.get_initializer(tensor)).astype(np.int64)
            for tensor in self.onnx_node.input[1:]
        )
        MW, bits = self.number("MW"), self.accumulator_bits()
        if self.thresholds():
            # acc >= T as matches >= least. "Always" and "never" are within the counter's range.
            # Starting from -least and half the range, the sign bit is the output.
            scale = 2 if self.half_matches() else 1
            least = np.clip(-((-(thresholds[0] + MW) * scale) // 2), 0, MW * scale + 1)
            inits = (1 << (bits - 1)) - least
        else:
            inits = np.full(self.number("MH"), -MW)
        return {
            f"{name}_weights.hex": (
                self.weight_words(W, DataType["BIPOLAR"]),
                self.number("PE") * self.number("SIMD"),
            ),
            f"{name}_inits.hex": (self.row_words(inits, bits), self.number("PE") * bits),
        }


def _pair(prefix: str, values: Sequence[int]) -> dict[str, int]:
    rows, columns = values
    return {f"{prefix}H": rows, f"{prefix}W": columns}
