"""The RTL of a hardware graph with a branch, made without the compiler's earlier passes."""

from irnet_hw.artifact.names import DATAFLOW, MODEL
from irnet_hw.artifact.resources import NOTHING
from irnet_hw.boards import load_board
from irnet_hw.compiler.emission.contents import describe_accelerator
from irnet_hw.compiler.emission.specialize import Specialize
from irnet_hw.compiler.emission.stitch import stitch
from irnet_hw.compiler.emission.tail import tail_of
from irnet_hw.compiler.folding.fold import Folding
from irnet_hw.compiler.folding.schedule import schedule
from irnet_hw.simulate.simulator import Simulator, compile_accelerator
from tests.compiler import branches


def specialised(graph):
    """Return a graph from tests.compiler.branches with RTL ops."""
    tensors = {"image", *(node.output[0] for node in branches.network().graph.node)}
    return graph.transform(Specialize(load_board("pynq-z2").part, tensors))


def accelerator(graph, folder):
    """Write the RTL of a specialised graph; return the manifest."""
    board = load_board("pynq-z2")
    stitched, network, plan = stitch(graph, board, folder), branches.network(), schedule(graph)
    network.save(str(folder / MODEL))
    graph.save(str(folder / DATAFLOW))
    tail = tail_of(network, "logits")
    folding = Folding(
        1000.0, NOTHING, 0.0, next_doubling=None, config="", schedule=plan, fifo_styles=()
    )
    return describe_accelerator(
        folder, "model", network, tail, (), graph, board, 1000.0, folding, plan.passages, stitched
    )


def simulator(graph, folder):
    """Return the simulation of a specialised graph."""
    manifest = accelerator(graph, folder)
    return Simulator(compile_accelerator(folder, manifest), folder, manifest)
