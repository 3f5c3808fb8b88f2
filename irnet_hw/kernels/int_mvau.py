"""IntMVAU: integer weights times integers, such as pixels, or ±1 activations."""

from collections.abc import Mapping
from math import ceil
from typing import Any

import numpy as np
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Ints, Memory, RTLKernel
from irnet_hw.kernels.logic import Logic, adder_tree, rom_luts
from irnet_hw.kernels.memory import ultrascale
from irnet_hw.kernels.mvau import MVAU, activate, product
from irnet_hw.kernels.popcount import ABSORBED_DEPTH, absorbed, plane_popcount, planes, popcount
from irnet_hw.kernels.registry import register

WEIGHTS = ("BIPOLAR", *(f"INT{bits}" for bits in range(2, 9)))
UNSIGNED = tuple(f"UINT{bits}" for bits in range(2, 9))
SIGNED = tuple(f"INT{bits}" for bits in range(2, 18))
INPUTS = ("BIPOLAR", *UNSIGNED, *SIGNED)
#: Inputs of a LUT: a bit of a product of as many bits is one LUT.
LUT_INPUTS = 6
#: Yosys does not use a DSP block for products of up to this many bits.
SMALL_PRODUCT = 8
#: With weights of up to this many words, a small product is a table of address and input.
TABLE_DEPTH = 32
#: The module double_products: bits of an input and a weight together, width of a lower sum, and by
#: how much it is too much.
DOUBLE_BITS, DOUBLE_FIELD, DOUBLE_OFFSET = 16, 17, 65537


@register
class IntMVAU(MVAU):
    """Products and sums of integers, and a threshold or a bias.

    ±1 weights take the input apart into bit planes, which the XNOR-popcount hardware compares with
    them. So do wider weights, whose planes are ANDed, where the area model finds that smaller than
    multipliers.

    Inputs: x (*numInputVectors, MW) BIPOLAR, UINT2 to UINT8 or INT2 to INT17; W (MW, MH); with
    noActivation = 0: T (MH,), thresholds on the accumulator (x - InputZeroPoint) @ W; with
    noActivation = 1, if there is a third input: B (MH,), a bias that is added to it.

    Attributes besides those of :class:`~irnet_hw.kernels.mvau.MVAU`:
        weightDataType: BIPOLAR or INT2 to INT8.
        InputZeroPoint: the integer that represents 0 in x; 0 for BIPOLAR.
        narrowWeights: 1: no weight is the least number of weightDataType.
        dspStyle: "single" takes a DSP block for each multiplication; "double" one for those of an
            input by the weights of two rows, which narrowWeights = 1 allows for an even PE.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "weightDataType": ("s", True, ""),
            "InputZeroPoint": ("i", False, 0),
            "narrowWeights": ("i", False, 0, {0, 1}),
            "dspStyle": ("s", False, "single", {"single", "double"}),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        super().check()
        name = self.onnx_node.name
        x, zero = self.get_input_datatype(), self.number("InputZeroPoint")
        for attribute, allowed in (("inputDataType", INPUTS), ("weightDataType", WEIGHTS)):
            value = self.get_nodeattr(attribute)
            if value not in allowed:
                raise UserError(
                    f"{name}: {attribute} = {value} must be one of {', '.join(allowed)}"
                )
        low, high = (0, 0) if x == DataType["BIPOLAR"] else (int(x.min()), int(x.max()))
        if not low <= zero <= high:
            raise UserError(
                f"{name}: InputZeroPoint = {zero} must be {low} to {high} for "
                f"inputDataType = {x.name}"
            )
        if self.doubles() and (reason := self._no_doubles()):
            raise UserError(f"{name}: dspStyle = double must be single: {reason}")

    def doubles(self) -> bool:
        """Return whether a DSP block multiplies by the weights of two rows."""
        return bool(self.get_nodeattr("dspStyle") == "double")

    def _no_doubles(self) -> str:
        """Return what prevents that; empty if nothing does."""
        if not self._in_dsp():
            return "no DSP block multiplies"
        if self.number("narrowWeights") == 0:
            least = int(self.get_weight_datatype().min())
            return f"a weight may be {least}, as narrowWeights is 0"
        if self.number("PE") % 2:
            return f"PE = {self.number('PE')} is odd"
        if self.number("SIMD") < 3 or self.depth() == 1:
            return (
                f"SIMD = {self.number('SIMD')} must be at least 3, and {self.depth()} words of "
                "weights at least 2"
            )
        data, weight = self._bits()
        if data + weight > DOUBLE_BITS:
            return f"an input of {data} bits and a weight of {weight} have more than {DOUBLE_BITS}"
        return ""

    def get_weight_datatype(self) -> BaseDataType:
        """Return the type of the weights."""
        return DataType[self.get_nodeattr("weightDataType")]

    def weight_bits(self) -> int:
        """Return the bits of a weight."""
        return int(self.get_weight_datatype().bitwidth())

    def compute(self, x: Ints, *parameters: Ints) -> Ints:
        """Return the thresholded accumulators, or the accumulators plus their bias."""
        W, *last = parameters
        accumulator = product(x - self.number("InputZeroPoint"), W[self.order()])
        return activate(accumulator, *last) if self.thresholds() else sum(last, accumulator)

    def sum_latency(self) -> int:
        """Return the cycle of the products and those of their sum."""
        if not self.in_planes():
            return 1 + (self.number("SIMD") - 1).bit_length()
        return 1 + popcount(planes(self.number("SIMD"), *self._bits())).latency

    # ------------------------------------------------------------------ area

    def in_planes(self) -> bool:
        """Return whether products are those of single bits."""
        if self.weight_bits() == 1:
            return True
        return not self._large() and self._planes_area().lut < self._multipliers_area().lut

    def dsp_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the DSP blocks: one for one or two multiplications, unless those are in LUTs."""
        if not self._in_dsp():
            return 0
        return self.number("PE") * self.number("SIMD") // (2 if self.doubles() else 1)

    def _bits(self) -> tuple[int, int]:
        """Return the bits of an input and of a weight."""
        return int(self.get_input_datatype().bitwidth()), self.weight_bits()

    def _large(self) -> bool:
        """Return whether tools multiply in DSP blocks: they use LUTs for products of 8 bits."""
        return not self.bipolar() and self._term_bits() > SMALL_PRODUCT

    def _in_dsp(self) -> bool:
        """Return whether DSP blocks multiply."""
        return self._large() and not self.in_planes()

    def _term_bits(self) -> int:
        """Return the width of a product."""
        return self.weight_bits() + (0 if self.bipolar() else self._bits()[0])

    def area(self, fpgapart: str) -> Logic:
        """Return the LUTs and flip-flops.

        In the 7 series, a DSP block absorbs the registers before and after its multiplier and an
        adder: the first level of the adder tree, or the accumulator if there is one lane. For
        UltraScale+, Yosys leaves all of that outside.
        """
        PE, SIMD, bits = self.number("PE"), self.number("SIMD"), self._term_bits()
        total = self.feed_area(fpgapart)
        if self.in_planes():
            return total + self._planes_area() + self.accumulators_area()
        if self.doubles():
            return total + self._doubles_area(fpgapart) + self.accumulators_area()
        total += self._multipliers_area()
        if not self._in_dsp():
            return total + self.accumulators_area()
        if ultrascale(fpgapart):
            return total + Logic(0, bits) * (PE * SIMD) + self.accumulators_area()
        total += Logic(0, -self.get_instream_width())
        if SIMD == 1:
            return total + Logic(rom_luts(PE * self.accumulator_bits(), self.init_words()) + 4, 4)
        total += Logic(-(SIMD // 2) * (bits + 1)) * PE
        return total + self.accumulators_area()

    def _doubles_area(self, fpgapart: str) -> Logic:
        """Return the area of DSP blocks for two rows, of the adders behind and of the weights.

        In the 7 series, the adders and registers of the module double_products are in the blocks.
        For UltraScale+, Yosys leaves them outside; adding a constant takes no LUTs.
        """
        PE, SIMD = self.number("PE"), self.number("SIMD")
        pairs, width = ceil(SIMD / 2), DOUBLE_FIELD + sum(self._bits())
        total = adder_tree(pairs, DOUBLE_FIELD) * PE
        if ultrascale(fpgapart):
            added, registers = (width + 1) * (SIMD // 2), width * SIMD + (width + 1) * pairs
            total += Logic(added, registers) * (PE // 2)
        else:
            total += Logic(0, -self.get_instream_width())
        if self.weights_in_block_ram():
            return total
        return total + Logic(rom_luts(self.weight_width(), self.depth()))

    def _planes_area(self) -> Logic:
        """Return the area of products of single bits, their popcounts and the weights."""
        PE, SIMD, (data_bits, weight_bits) = self.number("PE"), self.number("SIMD"), self._bits()
        depth, block = self.depth(), self.weights_in_block_ram()
        if depth <= ABSORBED_DEPTH and not block:
            return absorbed(PE, SIMD, depth, data_bits, weight_bits)
        rows = plane_popcount(SIMD, data_bits, weight_bits) * PE
        return rows if block else rows + Logic(rom_luts(self.weight_width(), depth))

    def _multipliers_area(self) -> Logic:
        """Return the area of products outside DSP blocks, of their adders and of the weights."""
        PE, SIMD, bits = self.number("PE"), self.number("SIMD"), self._term_bits()
        total = adder_tree(SIMD, bits) * PE
        tables = not (self.bipolar() or self._large() or self.weights_in_block_ram())
        tables = tables and self.depth() <= TABLE_DEPTH
        if not self.weights_in_block_ram() and not tables:
            total += Logic(rom_luts(self.weight_width(), self.depth()))
        return (
            total
            if self._large()
            else total + Logic(self._product_luts(tables), bits) * (PE * SIMD)
        )

    def _product_luts(self, table: bool) -> int:
        """Return the LUTs of a small product: a table of weight and input, or adders."""
        if self.bipolar():
            return 0
        input_bits, _ = self._bits()
        if not table:
            narrow, wide = sorted((input_bits, self.weight_bits()))
            return self._term_bits() if narrow + wide <= LUT_INPUTS else narrow * (wide + 1)
        address = (self.depth() - 1).bit_length()
        return self._term_bits() << max(0, address + input_bits - LUT_INPUTS)

    def bipolar(self) -> bool:
        """Return whether inputs are ±1."""
        return bool(self.get_input_datatype() == DataType["BIPOLAR"])

    def _signed_input(self) -> bool:
        """Return whether inputs are two's complement."""
        return bool(self.get_input_datatype().signed()) and not self.bipolar()

    def sum_range(self) -> tuple[int, int]:
        """Return the bounds of the sum of MW raw products, whatever the weights."""
        x, w = self.get_input_datatype(), self.get_weight_datatype()
        low, high = (0, 1) if self.bipolar() else (int(x.min()), int(x.max()))
        products = [a * int(b) for a in (low, high) for b in (w.min(), w.max())]
        return self.number("MW") * min(products), self.number("MW") * max(products)

    def accumulator_bits(self) -> int:
        """Return the width of an accumulator."""
        if not self.thresholds():
            return int(self.get_output_datatype().bitwidth())
        low, high = self.sum_range()
        return (high - low).bit_length() + 1


@register
class IntMVAU_rtl(IntMVAU, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`IntMVAU`.

    The hardware multiplies the raw input. For BIPOLAR that is a bit: with b = (x + 1) / 2, x @ W =
    2 (b @ W) - sum(W), so a weight is only switched on and off. This constant, that of the zero
    point and those of the bit planes are part of the accumulator's initial value.
    """

    module = "int_mvau"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, int | str]:  # noqa: ARG002
        """Return the folding, the types and the memories."""
        return {
            "MW": self.number("MW"),
            "MH": self.number("MH"),
            "SIMD": self.number("SIMD"),
            "PE": self.number("PE"),
            "IN_BITS": self._bits()[0],
            "IN_SIGNED": int(self._signed_input()),
            "W_BITS": self.weight_bits(),
            "PLANES": int(self.in_planes()),
            "DOUBLE": int(self.doubles()),
            "THRESHOLDS": int(self.thresholds()),
            "ACC_BITS": self.accumulator_bits(),
            "BLOCK_RAM": int(self.weights_in_block_ram()),
            "INITS_BLOCK_RAM": int(self.inits_in_block_ram()),
            "WEIGHTS": self.memory_file("weights"),
            "INITS": self.memory_file("inits"),
        }

    def constant_memories(self, model: ModelWrapper) -> Mapping[str, Memory]:
        """Return the weights and the accumulators' initial values."""
        W, *more = (
            np.rint(model.get_initializer(tensor)).astype(np.int64)
            for tensor in self.onnx_node.input[1:]
        )
        last = more[0] if more else np.zeros(self.number("MH"), np.int64)
        bits = self.accumulator_bits()
        scale = 2 if self.bipolar() else 1
        offset = W.sum(axis=0) * (1 if self.bipolar() else self.number("InputZeroPoint"))
        if self.thresholds():
            # acc >= T becomes sum >= least; the sum's range includes "always" and "never".
            # Starting from half the range minus least, the sign bit is the output.
            low, high = self.sum_range()
            least = np.clip(-(-(last + offset) // scale), low, high + 1)
            inits = (1 << (bits - 1)) - least - self._counted_too_much(W)
        else:
            self._check_range(W, last)
            inits = last - offset - scale * self._counted_too_much(W)
        return {
            "weights": (
                self.weight_words(self._doubled(W), self.get_weight_datatype()),
                self.number("PE") * self.number("SIMD") * self.weight_bits(),
            ),
            "inits": (self.init_memory(inits, bits), self.number("PE") * bits),
        }

    def _doubled(self, W: Ints) -> Ints:
        """Return the weights as the module double_products takes them."""
        if not self.doubles():
            return W
        if W.min() <= self.get_weight_datatype().min():
            raise UserError(
                f"{self.onnx_node.name}: narrowWeights = 1 must be 0 for a weight of {W.min()}"
            )
        lower, higher = W[:, ::2], W[:, 1::2]
        return np.stack([lower, higher - (lower < 0)], axis=2).reshape(W.shape)

    def _counted_too_much(self, W: Ints) -> Ints:
        """Return, for each output, by how much the modules for products count more than b @ W.

        The module double_products adds a constant to sums of lower rows. In plane_popcount, ±1
        weights compare bits of an unsigned b: a bit of weight 2**i that is compared with -1 counts
        2**i more than its product. A signed b has 2**(bits - 1) added to it. Wider weights count a
        negative product of two bits as 0, and the other products as 2**i more.
        """
        data_bits, weight_bits = self._bits()
        if self.doubles():
            offset = self.beats() * ceil(self.number("SIMD") / 2) * DOUBLE_OFFSET
            return np.where(np.arange(self.number("MH")) % 2 == 0, offset, 0)
        if not self.in_planes():
            return np.zeros(self.number("MH"), np.int64)
        data_sign = 1 << (data_bits - 1) if self._signed_input() else 0
        if weight_bits == 1:
            sums: Ints = ((1 << data_bits) - 1) * (W < 0).sum(axis=0) + data_sign * W.sum(axis=0)
            return sums
        weight_sign = 1 << (weight_bits - 1)
        data_rest = (1 << data_bits) - 1 - data_sign
        negative = data_sign * (weight_sign - 1) + data_rest * weight_sign
        return np.full(self.number("MH"), self.number("MW") * negative)

    def _check_range(self, W: Ints, bias: Ints) -> None:
        """Raise a UserError unless outputDataType holds every accumulator of these weights."""
        x, zero = self.get_input_datatype(), self.number("InputZeroPoint")
        low, high = int(x.min()) - zero, int(x.max()) - zero
        ends = np.stack([W * low, W * high])
        lowest, highest = (ends.min(axis=0).sum(axis=0), ends.max(axis=0).sum(axis=0))
        self.check_accumulator(min(int((lowest + bias).min()), -1), int((highest + bias).max()))
