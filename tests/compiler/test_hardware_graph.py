"""The whole front half: the hardware graph computes every tensor of the network, exactly."""

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from irnet_hw.compiler.graph import int_array, op
from irnet_hw.compiler.requantise import steps


def run(graph: ModelWrapper, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Every stream of a graph of hardware ops, by name; each node in its turn."""
    found = {graph.graph.input[0].name: pixels.astype(np.int64)}
    for node in graph.graph.node:
        kernel = op(node)
        kernel.check()
        streams, constants = (
            node.input[: kernel.streams_in()],
            node.input[kernel.streams_in() :],
        )
        made = kernel.compute(
            *(found.pop(name) if name not in steps(graph) else found[name] for name in streams),
            *(int_array(graph, name) for name in constants),
        )
        made = made if isinstance(made, tuple) else (made,)
        for ind, (name, value) in enumerate(zip(node.output, made, strict=True)):
            datatype = graph.get_tensor_datatype(name)
            assert datatype == kernel.get_output_datatype(ind)
            assert datatype.min() <= value.min() <= value.max() <= datatype.max()
            assert value.shape[1:] == tuple(graph.get_tensor_shape(name)[1:])
            found[name] = value
    return found
