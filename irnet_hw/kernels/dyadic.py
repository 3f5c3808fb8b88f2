"""Base of the kernels that multiply each channel by a dyadic constant: x * m + b, shifted."""

from abc import abstractmethod
from collections.abc import Mapping
from math import log2
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Constant, Ints, Parameter, RTLKernel, pack
from irnet_hw.kernels.channelwise import Channelwise
from irnet_hw.kernels.logic import Logic, different
from irnet_hw.kernels.memory import LUTS_PER_BLOCK, block_rom, ultrascale

#: Operand widths of a DSP block's multiplier (DSP48E1: narrower, wider), and of its sum.
DSP_FACTORS = (18, 25)
DSP_SUM = 48
#: Bits of the smallest product for which Yosys takes a DSP block.
DSP_LEAST = 9
#: LUTs that a DSP block must save. Binary networks leave most DSP blocks idle, so this is far less
#: than a block's share of a device (133 to 242 LUTs).
LUTS_PER_DSP = 32
#: Bits of a sum to which int64 can add a skip of up to 62 bits.
INT64_SUM = 62


class Dyadic(Channelwise):
    """Multiplies each element by its channel's m, adds the channel's b and shifts right.

    The factors m / 2**shift and b / 2**shift are dyadic; the result is rounded down.

    Attributes besides those of :class:`~irnet_hw.kernels.channelwise.Channelwise`:

        shift: bits to shift right by.
        mBits, bBits: widths of m and b, two's complement.
        mulStyle: "dsp" multiplies in a DSP block, "lut" in LUTs; "auto" takes the cheaper one. If
            PE = NumChannels, each lane has only one constant, which only LUTs exploit.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "shift": ("i", True, 0),
            "mBits": ("i", True, 0),
            "bBits": ("i", True, 0),
            "mulStyle": ("s", False, "auto", {"auto", "dsp", "lut"}),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        super().check()
        self.require_signed("inputDataType")
        self.require_element("outputDataType")
        self.require_holds("outputDataType", 0, 1)
        for name in ("mBits", "bBits"):
            self.require_range(name, 2, 48)
        self.require_range("shift", 0, self.sum_bits() - 1)
        if self.get_nodeattr("mulStyle") == "dsp" and not self.fits_dsp():
            raise UserError(f"{self.onnx_node.name}: mulStyle = dsp must be lut: {self._no_dsp()}")

    def _no_dsp(self) -> str:
        if self.words() == 1:
            return f"with PE = NumChannels = {self.number('PE')} each lane's m is a constant"
        return (
            f"a DSP block can't multiply {self.get_input_datatype().bitwidth()} bits by "
            f"{self.number('mBits')}: it takes {DSP_FACTORS[0]} by {DSP_FACTORS[1]} with a product "
            f"of at least {DSP_LEAST} and a sum of at most {DSP_SUM}"
        )

    # ------------------------------------------------------------------ description

    def facts(self) -> dict[str, Any]:
        """Return the channels, the types, the shift and the kind of multiplier."""
        return {
            "channels": self.number("NumChannels"),
            "input": self.get_nodeattr("inputDataType"),
            "output": self.get_nodeattr("outputDataType"),
            "shift": self.number("shift"),
            "multiplier": "DSP" if self.in_dsp() else "LUT",
        }

    # ------------------------------------------------------------------ arithmetic

    def sum_bits(self) -> int:
        """Return the width of x * m + b."""
        product = int(self.get_input_datatype().bitwidth()) + self.number("mBits")
        return max(product, self.number("bBits")) + 1

    def scaled(self, x: Ints, m: Ints, b: Ints) -> Ints:
        """Return (x * m + b) >> shift; Python's own integers if it takes more than 62 bits."""
        exact = x if self.sum_bits() <= INT64_SUM else x.astype(object)
        scaled: Ints = (exact * m + b) >> self.number("shift")
        return scaled

    def clamped(self, y: Ints) -> Ints:
        """Return y, saturated to the range of outputDataType."""
        datatype = self.get_output_datatype()
        return np.clip(y, int(datatype.min()), int(datatype.max())).astype(np.int64)

    # ------------------------------------------------------------------ area

    def fits_dsp(self) -> bool:
        """Return whether one DSP block can do a lane's multiplication and sum."""
        factors = sorted((int(self.get_input_datatype().bitwidth()), self.number("mBits")))
        return (
            self.words() > 1
            and all(bits <= most for bits, most in zip(factors, DSP_FACTORS, strict=True))
            and sum(factors) >= DSP_LEAST
            and self.sum_bits() <= DSP_SUM
        )

    def in_dsp(self) -> bool:
        """Return whether lanes multiply in DSP blocks."""
        style = self.get_nodeattr("mulStyle")
        if style != "auto":
            return bool(style == "dsp")
        return self.fits_dsp() and self.multiplier_luts() > LUTS_PER_DSP

    def constants_in_block_ram(self) -> bool:
        """Return whether the m and b of DSP blocks are in block RAM, where that is cheaper."""
        width, words = self.constants_width(), self.words()
        return self.in_dsp() and _constant_luts(width, words) > LUTS_PER_BLOCK * block_rom(
            words, width
        )

    def constants_width(self) -> int:
        """Return the bits of a beat's constants."""
        return self.number("PE") * (self.number("mBits") + self.number("bBits"))

    def rows(self) -> int:
        """Return the number of radix-4 digits of m; each takes an adder."""
        return -(-self.number("mBits") // 2)

    def multiplier_luts(self) -> float:
        """Return the LUTs of a lane's multiplication and addition of b, without the constants.

        Bits of a row's sum that later rows don't change wait in shift registers. A row whose digit
        takes few values is partly constant.
        """
        rows = self.rows()
        used = min(0.59 + 0.075 * self.words(), 1) * rows
        width = int(self.get_input_datatype().bitwidth()) + 2
        return used * width + self.sum_bits() + 2 * max(rows - 2, 0)

    def stages(self) -> int:
        """Return a lane's pipeline stages up to its sum: a DSP block's, or one per row plus two."""
        return 3 if self.in_dsp() else self.rows() + 2

    @abstractmethod
    def lane_area(self) -> Logic:
        """Return the area of a lane's logic behind its sum."""

    def area(self, fpgapart: str) -> Logic:
        """Return the LUTs and flip-flops.

        In the 7 series, a DSP block absorbs its lane's registers and the addition of b; for
        UltraScale+, Yosys leaves them outside.
        """
        pe, words, rows = self.number("PE"), self.words(), self.rows()
        stages = self.stages()
        bits = int(self.get_input_datatype().bitwidth())
        control = Logic(4, (words - 1).bit_length() * stages + stages + 1)
        total = control + self.lane_area() * pe
        shifted = self.sum_bits() - self.number("shift")
        outside = self.in_dsp() and ultrascale(fpgapart)
        if outside:
            product = bits + self.number("mBits")
            total += Logic(self.sum_bits(), bits + product + shifted) * pe
        if self.constants_in_block_ram():  # its registers replace those of later stages
            later = pe * self.number("bBits") if outside else 0
            return total + Logic(0, later - 2 * (words - 1).bit_length())
        if not (outside and words <= 8):  # otherwise b is in the LUTs that add it
            total += Logic(_constant_luts(pe * self.number("bBits"), words))
        if self.in_dsp():
            return total + Logic(_constant_luts(pe * self.number("mBits"), words))
        used = 0.75 if words == 1 else 1
        lane = Logic(self.multiplier_luts(), used * (2 * rows * bits + 6) + shifted)
        if words > 8:  # the digits of m have LUTs of their own, and registers
            total += Logic(_constant_luts(pe * 3 * rows, words), pe * 3 * rows)
        return total + lane * pe

    def limit_luts(self, bits: int) -> int:
        """Return the LUTs per lane that saturate ``bits`` bits to the output's width."""
        output = int(self.get_output_datatype().bitwidth())
        if not self.get_output_datatype().signed():
            beyond = bits - 1 - output
            return 1 if beyond <= 0 else output + -(-beyond // 6)  # 1: negative numbers reset it
        return 0 if bits <= output else output - 1 + -(-(bits - output) // 5)

    def lut_estimation(self, fpgapart: str) -> int:
        """Return the LUTs."""
        return round(self.area(fpgapart).lut)

    def ff_estimation(self, fpgapart: str) -> int:
        """Return the flip-flops outside DSP blocks."""
        return round(self.area(fpgapart).ff)

    def bram_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the 18 Kbit block RAMs of the constants."""
        in_block_ram = self.constants_in_block_ram()
        return block_rom(self.words(), self.constants_width()) if in_block_ram else 0

    def dsp_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the DSP blocks."""
        return self.number("PE") if self.in_dsp() else 0

    # ------------------------------------------------------------------ hardware

    def lane_parameters(self) -> dict[str, int]:
        """Return the folding and the widths."""
        return {
            "PE": self.number("PE"),
            "WORDS": self.words(),
            "IN_BITS": int(self.get_input_datatype().bitwidth()),
            "OUT_BITS": int(self.get_output_datatype().bitwidth()),
            "M_BITS": self.number("mBits"),
            "B_BITS": self.number("bBits"),
            "SUM_BITS": self.sum_bits(),
            "SHIFT": self.number("shift"),
            "DSP": int(self.in_dsp()),
            "BLOCK_RAM": int(self.constants_in_block_ram()),
        }

    def constants(self, model: ModelWrapper, name: str) -> Ints:
        """Return m or b: (NumChannels,).

        Raises:
            UserError: it is not constant, or does not fit its width.
        """
        integers = self.constant(model, self.streams_in() + ("m", "b").index(name), name)
        width, needed = self.number(f"{name}Bits"), max(map(signed_bits, integers.tolist()))
        if needed > width:
            raise UserError(
                f"{self.onnx_node.name}: {name}Bits = {width} must be at least {needed} for the "
                f"values of {name}"
            )
        return integers


class DyadicRTL(Dyadic, RTLKernel):
    """Base of the RTL backends of :class:`Dyadic`: the parameters of the module dyadic_lanes."""

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:  # noqa: ARG002
        """Return the folding, the widths and the constants."""
        return {
            **self.lane_parameters(),
            "OUT_SIGNED": int(self.get_output_datatype().signed()),
            "M": self._packed(model, "m"),
            "B": self._packed(model, "b"),
        }

    def _packed(self, model: ModelWrapper, name: str) -> Constant:
        width, values = self.number(f"{name}Bits"), self.constants(model, name)
        return Constant(pack(values.tolist(), width), width * len(values))


def signed_bits(value: int) -> int:
    """Return the width of an integer in two's complement."""
    return max(value, -value - 1).bit_length() + 1


def _constant_luts(bits: int, words: int) -> float:
    """Return the LUTs of a memory of constants that ABC maps.

    Some bits equal address bits. With each doubling beyond 64 words, ABC takes more than twice as
    many LUTs.
    """
    if words == 1:
        return 0
    free = 2 + (words - 1).bit_length()  # 0, 1 and the bits of the address
    used = different(bits, words) * (1 - free / 2.0 ** min(words, 64))
    return used * (1 if words <= 64 else words / 64 * (1 + 0.27 * (log2(words) - 6)))
