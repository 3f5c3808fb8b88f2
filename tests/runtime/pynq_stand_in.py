"""The parts of ``pynq`` that the runtime uses, on top of the simulated board.

Names and behaviour are those of PYNQ 2.7 and 3.0; the fabric is simulated.
"""

import numpy as np

from irnet_hw.artifact import manifest
from irnet_hw.simulate.board import SimulatedBoard


class Buffer(np.ndarray):
    """pynq.buffer.PynqBuffer; a slice of it, from the start, is one too."""

    @classmethod
    def of(cls, buffer):
        found = buffer.array.view(cls)
        found.buffer, found.physical_address = buffer, buffer.address
        return found

    def __array_finalize__(self, whole):
        self.buffer = getattr(whole, "buffer", None)

    def flush(self):
        self.buffer.flush(self.nbytes)

    def invalidate(self):
        self.buffer.invalidate(self.nbytes)

    def freebuffer(self):
        self.buffer.free()


class Pynq:
    """The module on a board whose fabric can be loaded with one accelerator.

    Attributes:
        loaded: what loaded the bitstream, and its path; None before.
        board: the fabric.
        step: simulated seconds between two register reads, at most until the interrupt.
        processor: the processor's own registers, by address.
        raises: the exceptions that calls raise, by function name.
    """

    __version__ = "3.0.1"

    def __init__(self, built):
        self.built, self.loaded, self.step = built, None, 1e-3
        self.Clocks = Clocks()
        self.processor, self.raises = {}, {}

    def load(self, by, path):
        if by in self.raises:
            raise self.raises[by]
        self.loaded = by, path
        self.board = SimulatedBoard(self.built, manifest.load(self.built))

    def Overlay(self, path):  # noqa: N802 (PYNQ's names)
        self.load("Overlay", path)

    def Bitstream(self, path):  # noqa: N802
        return Bitstream(self, path)

    def MMIO(self, base, length):  # noqa: N802
        if "MMIO" in self.raises:
            raise self.raises["MMIO"]
        if base >= 0xF000_0000:
            return Processor(self.processor, base, length)
        return MMIO(self.board, base, length, self.step)

    def allocate(self, shape, dtype):
        assert dtype == "u1" and shape[0] % 64 == 0
        if "allocate" in self.raises:
            raise self.raises["allocate"]
        if shape[0] > 2**27:
            raise RuntimeError("Failed to allocate Memory!")
        return Buffer.of(self.board.allocate(shape[0]))


class Bitstream:
    def __init__(self, pynq, path):
        self.download = lambda: pynq.load("Bitstream", path)


class MMIO:
    def __init__(self, board, base, length, step):
        self.board, self.base, self.length, self.step = board, base, length, step

    def read(self, offset):
        assert offset + 4 <= self.length
        # On a board time passes by itself.
        self.board.wait(self.step)
        return self.board.read(offset)

    def write(self, offset, data):
        assert type(data) is int, "Data type must be int or bytes."
        self.board.write(offset, data)


class Processor:
    """MMIO of the processor's own registers."""

    def __init__(self, registers, base, length):
        self.registers, self.base, self.length = registers, base, length

    def read(self, offset):
        assert offset + 4 <= self.length
        return self.registers.get(self.base + offset, 0)

    def write(self, offset, data):
        assert type(data) is int and offset + 4 <= self.length
        self.registers[self.base + offset] = data


class Clocks:
    """The fabric's first clock: 1000 MHz divided by the nearest integer."""

    def __init__(self):
        self.divisor = 20

    @property
    def fclk0_mhz(self):
        return 1000 / self.divisor

    @fclk0_mhz.setter
    def fclk0_mhz(self, mhz):
        self.divisor = min(range(1, 64), key=lambda one: abs(1000 / one - mhz))
