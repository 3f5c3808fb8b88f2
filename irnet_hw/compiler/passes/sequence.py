"""The passes, in the order in which they run: from a QONNX network to a graph of hardware ops."""

from typing import NamedTuple

from qonnx.transformation.base import Transformation

from irnet_hw.compiler.passes.check import Check
from irnet_hw.compiler.passes.forks import Forks
from irnet_hw.compiler.passes.import_finn import ImportFINN
from irnet_hw.compiler.passes.integer_input import IntegerInput
from irnet_hw.compiler.passes.lower import Lower
from irnet_hw.compiler.passes.pool_bits import PoolBits
from irnet_hw.compiler.passes.residual_streams import IntegerStreams
from irnet_hw.compiler.passes.thresholds import IntegerThresholds
from irnet_hw.compiler.passes.tidy import Tidy


class Pass(NamedTuple):
    """A pass: what it does, as the user reads it, and the transformation that does it."""

    says: str
    step: type[Transformation]


PASSES = (
    Pass("tidying the graph", Tidy),
    Pass("checking every node", Check),
    Pass("importing into FINN", ImportFINN),
    Pass("making the input integer", IntegerInput),
    Pass("making streams integer", IntegerStreams),
    Pass("moving max-pooling behind the signs", PoolBits),
    Pass("finding integer thresholds", IntegerThresholds),
    Pass("forking streams", Forks),
    Pass("lowering to hardware ops", Lower),
)
