"""The RTL of a hardware graph with a branch, without the compiler's passes before."""

from irnet_hw.boards import load_board
from irnet_hw.compiler.emission.contents import describe_accelerator
from irnet_hw.compiler.emission.specialize import Specialize
from irnet_hw.compiler.emission.stitch import stitch
from irnet_hw.compiler.folding.fold import Folding
from irnet_hw.simulate.simulator import Simulator, compile_accelerator
from tests.compiler import branches


def specialised(graph):
    """Return a graph of tests.compiler.branches with RTL ops."""
    tensors = {"image", *(node.output[0] for node in branches.network().graph.node)}
    return graph.transform(Specialize(load_board("pynq-z2").part, tensors))


def accelerator(graph, folder):
    """Write the RTL of a specialised graph; return the manifest."""
    board = load_board("pynq-z2")
    (folder / "rtl").mkdir()
    sources, data = stitch(graph, board, folder / "rtl")
    network = branches.network()
    network.save(str(folder / "model.onnx"))
    folding = Folding(fps=1000.0, area={}, distance=0.0, next_doubling=None, config="")
    manifest = describe_accelerator(folder / "model.onnx", network, graph, board, 1000.0, folding)
    files = {"sources": sources, "data": data}
    return {**manifest, **{key: [f"rtl/{name}" for name in files[key]] for key in files}}


def simulator(graph, folder):
    """Return the simulation of a specialised graph."""
    manifest = accelerator(graph, folder)
    return Simulator(compile_accelerator(folder, manifest), folder, manifest)
