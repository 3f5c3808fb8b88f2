"""StreamFork: hands a stream to several readers, as it is or as its signs."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.errors import UserError
from irnet_hw.kernels.base import Ints, Parameter, RTLKernel, divisors
from irnet_hw.kernels.pass_through import PassThrough
from irnet_hw.kernels.registry import register


@register
class StreamFork(PassThrough):
    """Each output is the input unchanged, or its sign: +1 where it is at least 0, else -1.

    An output that has taken its beat waits until all have; only then comes the next beat.

    Attributes:
        shape: the tensor's shape; its last axis is folded.
        lanes: elements per beat, on all streams; divides the last axis.
        signs: whether each output is the input (0) or its sign (1); at least one output.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes."""
        return {**super().get_nodeattr_types(), "signs": ("ints", True, [])}

    def check(self) -> None:
        """Raise a UserError if an attribute is illegal."""
        super().check()
        signs = self.numbers("signs")
        if len(signs) < 1 or any(sign not in (0, 1) for sign in signs):
            raise UserError(
                f"{self.onnx_node.name}: signs = {list(signs)} must be 0 or 1 for each "
                "output, at least one"
            )
        if any(signs):
            self.require_signed("inputDataType")

    plumbing = "fork"

    def facts(self) -> dict[str, Any]:
        """Return which outputs are signs."""
        return {"signs": list(self.numbers("signs"))}

    def describe(self) -> str:
        """Return the kind of each output."""
        outputs = ("signs" if sign else "unchanged" for sign in self.numbers("signs"))
        return f"fork: {', '.join(outputs)}"

    def keeps_values(self, port: int = 0) -> bool:
        """Return whether an output is the input unchanged, not its sign."""
        return not self.numbers("signs")[port]

    def is_conduit(self) -> bool:
        """Return False: a fork takes a beat only when all its readers have taken the last one."""
        return False

    def folds(self) -> Iterator[dict[str, int]]:
        """Yield every number of lanes."""
        yield from ({"lanes": lanes} for lanes in divisors(self.numbers("shape")[-1]))

    def streams_out(self) -> int:
        """Return the number of outputs."""
        return len(self.numbers("signs"))

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the input's type, or BIPOLAR for its sign."""
        sign = self.numbers("signs")[ind]
        return DataType["BIPOLAR"] if sign else DataType[self.get_nodeattr("outputDataType")]

    def make_shape_compatible_op(self, model: ModelWrapper) -> NodeProto:
        """Return a constant in place of this node, and annotate its outputs with their shape."""
        node = super().make_shape_compatible_op(model)
        node.output[:] = self.onnx_node.output
        for tensor in self.onnx_node.output:
            model.set_tensor_shape(tensor, list(self.get_normal_output_shape()))
        return node

    def compute(self, x: Ints, *parameters: Ints) -> tuple[Ints, ...]:  # noqa: ARG002
        """Return x or its signs, for each output."""
        return tuple(np.where(x >= 0, 1, -1) if sign else x for sign in self.numbers("signs"))

    def latency(self) -> int:
        """Return 1: a register."""
        return 1

    def lut_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the LUTs of the handshakes and of the signs, fitted to Yosys for xc7."""
        signs = self.number("lanes") if any(self.numbers("signs")) else 0
        return 3 * self.streams_out() - 3 + signs

    def ff_estimation(self, fpgapart: str) -> int:  # noqa: ARG002
        """Return the flip-flops of the beat and of the handshakes."""
        values = not all(self.numbers("signs"))
        beat = self.get_instream_width() if values else self.number("lanes")
        return beat + self.streams_out()


@register
class StreamFork_rtl(StreamFork, RTLKernel):  # noqa: N801 (FINN's naming)
    """RTL backend of :class:`StreamFork`."""

    module = "stream_fork"

    def rtl_parameters(self, model: ModelWrapper, fpgapart: str) -> Mapping[str, Parameter]:  # noqa: ARG002
        """Return the widths and which outputs are signs."""
        return {
            "LANES": self.number("lanes"),
            "BITS": int(self.get_input_datatype().bitwidth()),
            "OUTPUTS": self.streams_out(),
            "SIGNS": sum(sign << ind for ind, sign in enumerate(self.numbers("signs"))),
        }

    def connections(self) -> dict[str, str]:
        """Return the wrapper's connections; the module has one vector port for all outputs."""
        apart = super().connections()
        if self.streams_out() == 1:
            return apart
        outputs = range(self.streams_out() - 1, -1, -1)
        for part in ("data", "valid", "ready"):
            each = ", ".join(apart.pop(f"out{ind}_{part}") for ind in outputs)
            apart[f"out_{part}"] = f"{{{each}}}"
        return apart
