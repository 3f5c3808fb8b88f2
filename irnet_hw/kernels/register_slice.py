"""RegisterSlice: cuts the timing paths between two kernels, in both directions."""

from collections.abc import Mapping
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.kernels.base import RTLKernel
from irnet_hw.kernels.pass_through import PassThrough
from irnet_hw.kernels.registry import register


@register
class RegisterSlice(PassThrough):
    """Passes a stream on unchanged, one cycle later.

    Attributes:
        shape: the tensor's shape; its last axis is folded.
        lanes: elements per beat; divides the last axis.
    """

    plumbing = "register slice"

    def facts(self) -> dict[str, Any]:
        """Return nothing: a register slice has no parameters."""
        return {}

    def describe(self) -> str:
        """Return the op's name."""
        return self.plumbing

    def latency(self) -> int:
        """Return 1: a register."""
        return 1

    def lut_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return one LUT per bit (the choice between input and skid) and those of the handshake."""
        return self.get_instream_width() + 3

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the two beats held and the handshake's flip-flops."""
        return 2 * self.get_instream_width() + 2


@register
class RegisterSlice_rtl(RegisterSlice, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`RegisterSlice`."""

    module = "register_slice"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, int | str]:  # noqa: ARG002
        """Return the width."""
        return {"W": self.get_instream_width()}
