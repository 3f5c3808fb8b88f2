"""Base of the kernels that pass a stream on unchanged."""

from math import prod
from typing import Any

from irnet_hw.kernels.base import Ints, Kernel


class PassThrough(Kernel):
    """Passes a stream on unchanged, at one beat per cycle.

    Attributes:
        shape: the tensor's shape; its last axis is folded.
        lanes: elements per beat; divides the last axis.
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
        self.require_same_types()

    def lanes_in(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return the elements per beat."""
        return self.number("lanes")

    def lanes_out(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return the elements per beat."""
        return self.number("lanes")

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return the tensor's shape."""
        return self.numbers("shape")

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return the tensor's shape."""
        return self.numbers("shape")

    def get_exp_cycles(self) -> int:
        """Return the beats of a frame: one per cycle."""
        return prod(self.get_folded_input_shape()[:-1])

    def compute(self, x: Ints, *parameters: Ints) -> Ints | tuple[Ints, ...]:  # noqa: ARG002
        """Return ``x``."""
        return x
