"""Base of the kernels that compute each element of a stream from its channel's constants."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Ints, Kernel, divisors


class Channelwise(Kernel):
    """Streams of (*numInputVectors, NumChannels), with one beat a cycle on each.

    Attributes:
        NumChannels: C, the last axis.
        numInputVectors: (1, H, W), or (1,).
        PE: channels per beat, on every stream; divides NumChannels.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {
            **super().get_nodeattr_types(),
            "NumChannels": ("i", True, 0),
            "numInputVectors": ("ints", False, [1]),
            "PE": ("i", True, 0),
        }

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        self.require_divides("PE", self.number("NumChannels"), "NumChannels")
        self.require_vectors()

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every PE."""
        yield from ({"PE": pe} for pe in divisors(self.number("NumChannels")))

    def words(self) -> int:
        """Return the beats of a vector."""
        return self.number("NumChannels") // self.number("PE")

    def get_exp_cycles(self) -> int:
        """Return the beats of a frame: one per cycle."""
        return prod(self.numbers("numInputVectors")) * self.words()

    def lanes_in(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return PE."""
        return self.number("PE")

    def lanes_out(self, ind: int = 0) -> int:  # noqa: ARG002
        """Return PE."""
        return self.number("PE")

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return the shape of the streams, or that of a constant for each channel."""
        channels = self.number("NumChannels")
        vectors = self.numbers("numInputVectors") if ind < self.streams_in() else ()
        return (*vectors, channels)

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:  # noqa: ARG002
        """Return the shape of the streams."""
        return (*self.numbers("numInputVectors"), self.number("NumChannels"))

    def constant(self, model: ModelWrapper, ind: int, name: str) -> Ints:
        """Return a constant input as integers.

        Args:
            model: the graph.
            ind: of the input.
            name: of the input, for messages.

        Raises:
            UserError: it is not constant.
        """
        values = model.get_initializer(self.onnx_node.input[ind])
        if values is None:
            raise UserError(f"{self.onnx_node.name}: {name} must be a constant")
        integers: Ints = np.rint(values).astype(np.int64)
        return integers
