"""Specialisation: replaces each op by its RTL variant and makes all names final.

Streams that carry a tensor of the network keep its name; all other tensors are named after the node
that produces or reads them, because the names that FINN and qonnx choose are random.
"""

from collections.abc import Collection

from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.transformation.general import RemoveUnusedTensors

from irnet_hw.compiler.graph import fresh, op, rename
from irnet_hw.compiler.wires import wires
from irnet_hw.errors import UserError


class Specialize(Transformation):  # type: ignore[misc]
    """Turn a folded graph with all its nodes into the graph to stitch.

    Args:
        part: the FPGA.
        tensors: names of the network's tensors, which streams may keep.

    Attributes:
        before: the former name of the first stream that each node writes, by its new name.
    """

    def __init__(self, part: str, tensors: Collection[str]) -> None:
        super().__init__()
        self._part = part
        self._tensors = frozenset(tensors)
        self.before: dict[str, str] = {}

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Return the specialised graph, with each node and each stream checked."""
        model = model.transform(SpecializeLayers(self._part))
        output = model.graph.output[0].name
        for node in model.graph.node:
            kernel, first = op(node), node.output[0]
            for i in range(kernel.streams_in(), len(node.input)):
                rename(model, node.input[i], fresh(model, f"{node.name}_param{i}"))
            for i, stream in enumerate(list(node.output)):
                if stream != output and stream not in self._tensors:
                    rename(model, stream, fresh(model, f"{node.name}_out{i}"))
            self.before[node.output[0]] = first
            kernel.check()
        _check_streams(model)
        model = model.transform(RemoveUnusedTensors())
        for entries in (
            model.graph.value_info,
            model.graph.initializer,
            model.graph.quantization_annotation,
        ):
            ordered = sorted(entries, key=lambda entry: entry.SerializeToString(deterministic=True))
            del entries[:]
            entries.extend(ordered)
        return model, False


def _check_streams(model: ModelWrapper) -> None:
    """Raise a UserError unless both ends of every stream have the same beats."""
    for wire in wires(model):
        if wire.source is None or wire.target is None:
            continue
        before, after = (model.graph.node[end.node] for end in (wire.source, wire.target))
        source, target = op(before), op(after)
        beats = (
            tuple(source.get_folded_output_shape(wire.source.port)),
            tuple(target.get_folded_input_shape(wire.target.port)),
        )
        types = (
            source.get_output_datatype(wire.source.port).name,
            target.get_input_datatype(wire.target.port).name,
        )
        orders = int(source.parallel_windows_out()), int(target.parallel_windows_in())
        for what, (sent, taken) in (
            ("beats of shape", beats),
            ("elements of type", types),
            ("windows of parallel_window =", orders),
        ):
            if sent != taken:
                raise UserError(
                    f"{before.name} and {after.name}: {what} {sent} go into {taken}, must be equal"
                )
