"""The passes, in the order in which they run: from a QONNX network to a graph of hardware ops."""

from typing import NamedTuple

from qonnx.transformation.base import Transformation

from irnet_hw.compiler.passes.forks import Forks
from irnet_hw.compiler.passes.integers import Integers
from irnet_hw.compiler.passes.rescale import Rescale
from irnet_hw.compiler.passes.tidy import Tidy


class Pass(NamedTuple):
    """A pass: what it does, as the user reads it, and the transformation that does it."""

    says: str
    step: type[Transformation]


PASSES = (
    Pass("tidying the graph", Tidy),
    Pass("making sums exact", Rescale),
    Pass("turning tensors into integers", Integers),
    Pass("forking streams", Forks),
)
