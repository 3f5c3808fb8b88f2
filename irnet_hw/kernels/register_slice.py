"""RegisterSlice: cuts the timing paths between two kernels, in both directions."""

from collections.abc import Mapping
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Ints, Kernel, RTLKernel


class RegisterSlice(Kernel):
    """A stream passes unchanged, one cycle later.

    Attributes:
        shape: of the tensor, whose last axis is folded.
        lanes: elements a beat carries; divides the last axis.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "shape": ("ints", True, []),
            "lanes": ("i", True, 0),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        self.require_divides("lanes", self.numbers("shape")[-1], "the last axis")
        if self.get_input_datatype() != self.get_output_datatype():
            raise UserError(
                f"{self.onnx_node.name}: outputDataType = {self.get_output_datatype().name} "
                f"must be inputDataType = {self.get_input_datatype().name}"
            )

    def lanes_in(self) -> int:
        """Return the elements of a beat."""
        return self.number("lanes")

    def lanes_out(self) -> int:
        """Return the elements of a beat."""
        return self.number("lanes")

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return the tensor's shape."""
        return self.numbers("shape")

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return the tensor's shape."""
        return self.numbers("shape")

    def get_exp_cycles(self) -> int:
        """Return the beats of a frame: one a cycle."""
        size = 1
        for length in self.get_folded_input_shape()[:-1]:
            size *= length
        return size

    def compute(self, x: Ints, *parameters: Ints) -> Ints:  # noqa: ARG002
        """Return ``x``."""
        return x

    def lut_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return one LUT a bit (the choice between input and skid) and the handshake's."""
        return self.get_instream_width() + 3

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the two beats held and the handshake's flip-flops."""
        return 2 * self.get_instream_width() + 2


class RegisterSlice_rtl(RegisterSlice, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`RegisterSlice`."""

    module = "register_slice"
    sources = ("register_slice/register_slice.sv",)

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, int | str]:  # noqa: ARG002
        """Return the width."""
        return {"W": self.get_instream_width()}
