"""Base of the matrix-vector kernels: attributes, folding, streams and memories."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.datatype import BaseDataType, DataType

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Ints, Kernel, divisors, pack
from irnet_hw.kernels.logic import (
    Logic,
    accumulators,
    different,
    replay_bram18,
    replay_buffer,
    rom_luts,
)
from irnet_hw.kernels.memory import LUTS_PER_BLOCK, block_rom, block_rom_luts
from irnet_hw.kernels.timing import Moves, Times, in_steps, in_turn
from irnet_hw.kernels.words import count, times


class MVAU(Kernel):
    """Matrix times vector, folded as in FINN, then a threshold or the accumulator itself.

    The vector comes in MW / SIMD beats, which are kept and replayed MH / PE times. PE rows of SIMD
    lanes work in each cycle. Output channel ``fold * PE + row`` leaves in beat ``fold``.

    The rows of W are always in the order (kernel row, kernel column, channel). The vector is in
    the order in which :class:`~irnet_hw.kernels.sliding_window.SlidingWindow` streams it.

    Attributes:
        MW: elements of the vector (FINN's matrix width).
        MH: outputs.
        SIMD: elements per beat; divides MW.
        PE: outputs computed in parallel; divides MH.
        ConvKernelDim: [rows, columns] of the kernel; [1, 1] for a dense layer.
        parallel_window: 0: the vector is in the order of W's rows. 1: a beat has all taps of
            the kernel, for SIMD / taps channels, in the order (kernel row, kernel column,
            channel); the next beat has the next channels.
        numInputVectors: (1, OH, OW) after a sliding window, (1,) for a dense layer.
        noActivation: 0: +1 where the accumulator reaches the threshold, else -1. 1: the
            accumulator.
        ram_style: where the weights are: "distributed" (LUTs), "block" (block RAM), or "auto"
            (whichever takes the smaller share of the device).
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "MW": ("i", True, 0),
            "MH": ("i", True, 0),
            "SIMD": ("i", True, 0),
            "PE": ("i", True, 0),
            "ConvKernelDim": ("ints", False, [1, 1]),
            "parallel_window": ("i", False, 0, {0, 1}),
            "numInputVectors": ("ints", False, [1]),
            "noActivation": ("i", False, 0, {0, 1}),
            "ram_style": ("s", False, "auto", {"auto", "distributed", "block"}),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        for name in ("MW", "MH"):
            if self.number(name) < 1:
                raise UserError(
                    f"{self.onnx_node.name}: {name} = {self.number(name)} must be at least 1"
                )
        self.require_divides("SIMD", self.number("MW"), "MW")
        self.require_divides("PE", self.number("MH"), "MH")
        self._check_window()
        self.require_vectors()
        datatype = self.get_output_datatype()
        right = datatype == DataType["BIPOLAR"] if self.thresholds() else _signed(datatype)
        if not right:
            raise UserError(
                f"{self.onnx_node.name}: outputDataType = {datatype.name} must be "
                f"{'BIPOLAR' if self.thresholds() else 'a signed integer'} with "
                f"noActivation = {self.number('noActivation')}"
            )

    def _check_window(self) -> None:
        name = self.onnx_node.name
        self.require_numbers("ConvKernelDim", 2, 1)
        MW, SIMD, taps = self.number("MW"), self.number("SIMD"), self.taps()
        if MW % taps:
            raise UserError(f"{name}: MW = {MW} must be a multiple of the kernel's {taps} taps")
        if not self.parallel():
            return
        if taps == 1:
            raise UserError(
                f"{name}: parallel_window = 1 must be 0 for ConvKernelDim = "
                f"{list(self.numbers('ConvKernelDim'))}"
            )
        if SIMD % taps or self.channels() % (SIMD // taps):
            raise UserError(
                f"{name}: SIMD = {SIMD} must be {taps} taps times a divisor of "
                f"{self.channels()} channels for parallel_window = 1"
            )

    def check_accumulator(self, low: int, high: int) -> None:
        """Raise a UserError unless outputDataType holds low (below 0) to high."""
        datatype = self.get_output_datatype()
        if datatype.min() > low or datatype.max() < high:
            bits = max(high.bit_length(), (-low - 1).bit_length()) + 1
            raise UserError(
                f"{self.onnx_node.name}: outputDataType = {datatype.name} can't hold an "
                f"accumulator of {low} to {high}; it needs INT{bits}"
            )

    def thresholds(self) -> bool:
        """Return whether the outputs are bits, not accumulators."""
        return self.number("noActivation") == 0

    # ------------------------------------------------------------------ description

    def facts(self) -> dict[str, Any]:
        """Return inputs, outputs and bits of a weight, and the kernel's size of a convolution."""
        facts = {
            "inputs": self.number("MW"),
            "outputs": self.number("MH"),
            "weight_bits": self.weight_bits(),
            "threshold": self.thresholds(),
        }
        if len(self.numbers("numInputVectors")) == 1:
            return facts
        kernel = list(self.numbers("ConvKernelDim"))
        return {**facts, "inputs": self.channels(), "kernel": kernel}

    def describe(self) -> str:
        """Return the layer, its inputs and outputs and the bits of a weight."""
        bits, outputs = count(self.weight_bits(), "bit"), self.number("MH")
        if len(self.numbers("numInputVectors")) == 1:
            return f"dense layer, {self.number('MW')} to {outputs}, {bits}"
        size, channels = times(self.numbers("ConvKernelDim")), count(outputs, "channel")
        return f"{size} convolution, {self.channels()} to {channels}, {bits}"

    def parallel_windows_in(self) -> bool:
        """Return whether a beat has all taps of the kernel."""
        return self.parallel()

    # ------------------------------------------------------------------ window

    def taps(self) -> int:
        """Return the taps of the kernel."""
        return prod(self.numbers("ConvKernelDim"))

    def channels(self) -> int:
        """Return the input channels, MW / taps."""
        return self.number("MW") // self.taps()

    def parallel(self) -> bool:
        """Return whether a beat has all taps of the kernel."""
        return self.number("parallel_window") == 1

    def order(self) -> Ints:
        """Return, for each element of the streamed vector, its row of W: (MW,)."""
        rows = np.arange(self.number("MW"))
        if not self.parallel():
            return rows
        lanes = self.number("SIMD") // self.taps()
        return rows.reshape(self.taps(), -1, lanes).transpose(1, 0, 2).reshape(-1)

    # ------------------------------------------------------------------ folding

    def beats(self) -> int:
        """Return the input beats of a vector, MW / SIMD."""
        return self.number("MW") // self.number("SIMD")

    def passes(self) -> int:
        """Return how often a vector is replayed, MH / PE; also the number of its output beats."""
        return self.number("MH") // self.number("PE")

    def depth(self) -> int:
        """Return the words of the weight memory."""
        return self.beats() * self.passes()

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every legal PE, SIMD and parallel_window."""
        taps = self.taps()
        beats = [(simd, 0) for simd in divisors(self.number("MW"))]
        if taps > 1:
            beats += [(taps * lanes, 1) for lanes in divisors(self.channels())]
        for pe in divisors(self.number("MH")):
            for simd, parallel in beats:
                yield {"PE": pe, "SIMD": simd, "parallel_window": parallel}

    def get_exp_cycles(self) -> int:
        """Return the vectors times the cycles of each; vectors follow each other without gaps."""
        return prod(self.numbers("numInputVectors")) * self.depth()

    # ------------------------------------------------------------------ shapes and types

    def lanes_in(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return the elements of an input beat."""
        return self.number("SIMD")

    def lanes_out(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return the elements of an output beat."""
        return self.number("PE")

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return the shape of the vectors (0), of the weights (1) or of the third input (2)."""
        MW, MH = self.number("MW"), self.number("MH")
        return ((*self.numbers("numInputVectors"), MW), (MW, MH), (MH,))[ind]

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return the outputs' shape."""
        return (*self.numbers("numInputVectors"), self.number("MH"))

    # ------------------------------------------------------------------ timing

    @abstractmethod
    def sum_latency(self) -> int:
        """Return the cycles from a beat and its weights to the sum of their products."""

    def latency(self) -> int:
        """Return the cycles from the last beat of a pass, if it is read at once, to the result.

        Besides the sum, that is one cycle each into and out of the replay buffer, for the weights,
        and for the accumulator.
        """
        return 4 + self.sum_latency()

    def moves(self, there: Sequence[Times]) -> Moves:
        """Return when beats move: a vector is read as it arrives, then again for each further pass.

        The buffer holds two vectors; later beats stall until the older one has been read for the
        last time. Reads and writes depend on each other, so iterate to a fixed point.
        """
        (times,) = there
        beats, passes = self.beats(), self.passes()
        room = np.zeros(len(times) // beats, np.int64)
        work = np.arange(len(room)) * beats * passes
        while True:
            taken = in_turn(np.maximum(times, np.repeat(room, beats)))
            # The first pass ends once its last beat has come and the previous vector is finished.
            first_ends = in_steps(taken.reshape(-1, beats)[:, -1], work)
            later = np.zeros_like(room)
            if passes > 1 and beats == 1:  # it waits in a register for the one before
                later[1:] = first_ends[:-1] + 2
            elif passes > 1:
                later[2:] = first_ends[:-2] + (passes - 1) * beats + 2
            if np.array_equal(later, room):
                ends = first_ends[:, None] + np.arange(passes) * beats
                return [taken], [ends.reshape(-1) + self.latency()]
            room = later

    # ------------------------------------------------------------------ memories

    def weight_bits(self) -> int:
        """Return the bits of a weight."""
        return 1

    def weights_in_block_ram(self) -> bool:
        """Return whether the weights are in block RAM: by ram_style, or if that is cheaper."""
        style = self.get_nodeattr("ram_style")
        if style != "auto":
            return bool(style == "block")
        width = self.weight_width()
        luts = rom_luts(width, self.depth())
        return luts > LUTS_PER_BLOCK * block_rom(self.depth(), width)

    @abstractmethod
    def accumulator_bits(self) -> int:
        """Return the width of an accumulator."""

    def classes(self) -> int:
        """Return the number of sets of initial values: one per border class."""
        return 1

    def inits_in_block_ram(self) -> bool:
        """Return whether the initial values are in block RAM: if all bits cost more in LUTs."""
        words, width = self.init_words(), self.number("PE") * self.accumulator_bits()
        return rom_luts(width, words) > LUTS_PER_BLOCK * block_rom(words, width)

    def init_bits(self) -> int:
        """Return about how many bits of an initial value differ between words."""
        return self.accumulator_bits()

    def init_area(self) -> Logic:
        """Return the area of initial values that are not in block RAM, and of their registers."""
        words, bits = self.init_words(), self.number("PE") * self.init_bits()
        if self.inits_in_block_ram() or words == 1:
            return Logic()
        return Logic(rom_luts(bits, words), different(bits, words))

    def weight_width(self) -> int:
        """Return the bits of a word of the weight memory."""
        return self.number("PE") * self.number("SIMD") * self.weight_bits()

    def weight_words(self, W: Ints, datatype: BaseDataType) -> list[int]:
        """Return the weights: word pass * beats + beat holds, for each lane, those of PE rows."""
        values = (W > 0).astype(np.int64) if datatype == DataType["BIPOLAR"] else W
        bits = int(datatype.bitwidth())
        return [pack(word, bits) for word in self.folded(values).reshape(self.depth(), -1).tolist()]

    def folded(self, values: Ints) -> Ints:
        """Return weights, (MW, MH), in the order of their use: (words, SIMD, PE)."""
        PE, SIMD = self.number("PE"), self.number("SIMD")
        beats = values[self.order()].reshape(self.beats(), SIMD, self.passes(), PE)
        return beats.transpose(2, 0, 1, 3).reshape(self.depth(), SIMD, PE)

    def init_memory(self, values: Ints, bits: int) -> list[int]:
        """Return the memory of the accumulators' initial values: PE of them per word.

        Args:
            values: one for each border class and output, (classes, MH) or (MH,).
            bits: of a value.
        """
        words = self.init_words() // self.classes()
        folded = np.zeros((self.classes(), words, self.number("PE")), np.int64)
        folded[:, : self.passes()] = values.reshape(self.classes(), self.passes(), -1)
        return [pack(word, bits) for word in folded.reshape(-1, self.number("PE")).tolist()]

    def init_words(self) -> int:
        """Return the words of initial values: per class, the passes rounded up to a power of 2."""
        return self.classes() << (self.passes() - 1).bit_length()

    # ------------------------------------------------------------------ area

    @abstractmethod
    def area(self, fpgapart: str) -> Logic:
        """Return the LUTs and flip-flops."""

    def feed_area(self, fpgapart: str) -> Logic:
        """Return the area that supplies beats and weights, without weights in LUTs."""
        depth, width = self.depth(), self.get_instream_width()
        counters = Logic(depth.bit_length() + 4, 3 * depth.bit_length() + width + 3)
        if self.weights_in_block_ram():
            counters += Logic(block_rom_luts(depth, self.weight_width()))
        return counters + replay_buffer(width, self.beats(), self.passes(), fpgapart)

    def accumulators_area(self) -> Logic:
        """Return the area of the accumulators, their initial values and the border counters."""
        area = accumulators(self.number("PE"), self.accumulator_bits(), self.init_area())
        if self.classes() == 1:
            return area
        positions = sum((vectors - 1).bit_length() for vectors in self.numbers("numInputVectors"))
        counters = positions + self.classes().bit_length()
        return area + Logic(2 * counters, counters)

    def lut_estimation(self, fpgapart: str) -> int:
        """Return the LUTs."""
        return round(self.area(fpgapart).lut)

    def ff_estimation(self, fpgapart: str) -> int:
        """Return the flip-flops."""
        return round(self.area(fpgapart).ff)

    def bram_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the 18 Kbit block RAMs of weights, initial values and replay buffer."""
        words, width = self.init_words(), self.number("PE") * self.accumulator_bits()
        weights = block_rom(self.depth(), self.weight_width()) if self.weights_in_block_ram() else 0
        inits = block_rom(words, width) if self.inits_in_block_ram() else 0
        replay = replay_bram18(self.get_instream_width(), self.beats(), self.passes())
        return weights + inits + replay


def activate(accumulator: Ints, thresholds: Ints) -> Ints:
    """Return +1 where an accumulator (channels last) reaches its channel's threshold, else -1."""
    return np.where(accumulator >= thresholds, 1, -1)


def product(x: Ints, W: Ints) -> Ints:
    """Return x @ W, exact as long as it fits in 53 bits, at the speed of BLAS."""
    result: npt.NDArray[np.float64] = x.astype(np.float64) @ W.astype(np.float64)
    return result.astype(np.int64)


def _signed(datatype: BaseDataType) -> bool:
    return bool(datatype.is_integer() and datatype.min() < -1)
