"""StreamFIFO: buffers beats between kernels that do not work at the same pace."""

from collections.abc import Mapping
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import RTLKernel
from irnet_hw.kernels.memory import block_ram, block_ram_luts, lut_ram, ram_style
from irnet_hw.kernels.pass_through import PassThrough
from irnet_hw.kernels.registry import register


@register
class StreamFIFO(PassThrough):
    """Passes a stream on unchanged, at least two cycles later; it holds ``depth`` beats.

    Attributes:
        shape: the tensor's shape; its last axis is folded.
        lanes: elements per beat; divides the last axis.
        depth: beats held, at least 2, besides the one in the output register.
        ram_style: memory of the beats, "distributed" (LUT-RAM) or "block"; "auto" takes the
            cheaper.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "depth": ("i", True, 0),
            "ram_style": ("s", False, "auto", {"auto", "distributed", "block"}),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        super().check()
        if self.number("depth") < 2:
            raise UserError(
                f"{self.onnx_node.name}: depth = {self.number('depth')}, must be at least 2"
            )

    plumbing = "FIFO"
    queues = True

    def facts(self) -> dict[str, Any]:
        """Return the depth in beats."""
        return {"depth": self.number("depth")}

    def describe(self) -> str:
        """Return the depth in beats."""
        return f"FIFO of {self.number('depth')} beats"

    def buffer_style(self, fpgapart: str) -> str:
        """Return the kind of memory that holds the beats: "distributed" or "block".

        For up to 32 beats, LUT-RAM takes two thirds of a LUT per bit of a beat. Shift registers
        (SRL) would take a whole LUT, so they are never smaller.
        """
        style = str(self.get_nodeattr("ram_style"))
        if style != "auto":
            return style
        return ram_style(self.number("depth"), self.get_instream_width(), fpgapart)

    def latency(self) -> int:
        """Return 2: the memory is written, then read into the output register."""
        return 2

    def lut_estimation(self, fpgapart: str) -> int:
        """Return the LUTs of the pointers and of the memory.

        Those of the pointers are fitted to Yosys, within 10 % on the depths tried.
        """
        depth, width = self.number("depth"), self.get_instream_width()
        bits = (depth - 1).bit_length()
        wraps = depth & (depth - 1) != 0  # pointers do not wrap around by themselves
        pointers = round(5.5 + 3.25 * bits if wraps else 10 + 1.4 * bits)
        if self.buffer_style(fpgapart) == "distributed":
            return pointers + lut_ram(depth, width, fpgapart)
        return pointers + block_ram_luts(depth, width)

    def bram_estimation(self, fpgapart: str) -> int:
        """Return the 18 Kbit block RAMs of the beats."""
        if self.buffer_style(fpgapart) == "distributed":
            return 0
        return block_ram(self.number("depth"), self.get_instream_width())

    def ff_estimation(self, fpgapart: str) -> int:
        """Return the flip-flops of the pointers and of the output register."""
        output = self.get_instream_width() if self.buffer_style(fpgapart) == "distributed" else 0
        return 3 * self.number("depth").bit_length() + output


@register
class StreamFIFO_rtl(StreamFIFO, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`StreamFIFO`."""

    module = "stream_fifo"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, int | str]:  # noqa: ARG002
        """Return the width, the depth and the kind of memory."""
        return {
            "W": self.get_instream_width(),
            "DEPTH": self.number("depth"),
            "RAM_STYLE": self.buffer_style(fpgapart),
        }
