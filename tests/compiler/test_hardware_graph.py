"""The whole front half: the hardware graph computes every tensor of the network, exactly."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes

from irnet_hw import spec
from irnet_hw.compiler.emission.reference import graph_run
from irnet_hw.compiler.finn_quiet import quiet
from irnet_hw.compiler.graph import op
from irnet_hw.compiler.passes.emit import output, units
from irnet_hw.compiler.passes.forks import Forks
from irnet_hw.compiler.wires import wires
from irnet_hw.export.file import to_qonnx
from irnet_hw.export.network import deploy
from tests.compiler.graphs import Conv
from tests.compiler.passes import kinds, upto
from tests.compiler.residual_graphs import Residual, ResidualWriter
from tests.export.networks import SHAPE, tiny_residual


def same(model: ModelWrapper, shape: tuple[int, int, int]) -> tuple[ModelWrapper, set[str]]:
    """Check the hardware graph against the network; return it, and which tensors were compared."""
    graph = upto(model, Forks)
    logits = graph.graph.output[0].name
    for node in graph.graph.node:
        op(node).check()
    pixels = np.random.default_rng(1).integers(0, 256, (3, *shape), dtype=np.uint8)
    scales = {**units(graph), logits: output(graph).scale}
    with quiet():
        values = graph_run(graph, pixels)[1:]
    found = dict(zip((wire.tensor for wire in wires(graph)[1:]), values, strict=True))
    known = [name for name in found if name in set(model.get_all_tensor_names())]
    right = spec.run(model.transform(InferShapes()), pixels, known)
    for name, value in found.items():
        datatype = graph.get_tensor_datatype(name)
        assert datatype.min() <= value.min() <= value.max() <= datatype.max(), name
        assert value.shape[1:] == tuple(graph.get_tensor_shape(name)[1:]), name
    for name in known:
        wanted = right[name].transpose(0, 2, 3, 1) if right[name].ndim == 4 else right[name]
        assert np.array_equal(found[name] * scales.get(name, 1), wanted.reshape(found[name].shape))
    return graph, set(known)


@pytest.mark.slow
@settings(max_examples=8)
@given(
    st.builds(
        Residual,
        image=st.tuples(st.integers(4, 9), st.integers(4, 9), st.integers(1, 3)),
        widths=st.sampled_from([(4, 8), (3, 3, 5), (2, 7)]),
        structure=st.sampled_from(["bireal", "normal"]),
        shortcut=st.sampled_from(["pad", "conv"]),
        bits=st.integers(2, 8),
        step=st.sampled_from([2.0**-7, 2.0**-3]),
        skip_step=st.sampled_from([2.0**-3, 2.0**-1]),
        seed=st.integers(0, 2**16),
    )
)
def test_any_residual_network(network: Residual) -> None:
    graph, compared = same(network.build(), network.image)
    assert {"logits"} < compared
    assert kinds(graph).count("ResidualJoin") == len(network.widths)


EXPORTED = [
    ("bireal", "pad", {"SubsamplePad": 1, "StreamFork": 4, "BinaryMVAU": 4, "IntMVAU": 2}),
    ("bireal", "conv", {"SubsamplePad": 1, "StreamFork": 4, "BinaryMVAU": 4, "IntMVAU": 3}),
    ("normal", "pad", {"SubsamplePad": 1, "StreamFork": 2, "BinaryMVAU": 4, "IntMVAU": 2}),
    ("normal", "conv", {"SubsamplePad": 1, "StreamFork": 2, "BinaryMVAU": 4, "IntMVAU": 3}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("structure", "shortcut", "counts"), EXPORTED)
def test_exported_networks(structure: str, shortcut: str, counts: dict[str, int]) -> None:
    network = deploy(tiny_residual(structure, shortcut=shortcut), SHAPE)
    graph, compared = same(to_qonnx(network), SHAPE)
    assert set(network.boundaries()) <= compared
    found = Counter(kinds(graph))
    assert {kind: found[kind] for kind in counts} == counts
    assert found["GlobalSumPool"] == 1


def test_tensors_have_one_reader_and_come_before_it() -> None:
    graph = upto(Residual().build(), Forks)
    numbered = wires(graph)
    readers = Counter(name for node in graph.graph.node for name in node.input)
    assert all(readers[wire.tensor] == 1 for wire in numbered[:-1])
    assert numbered[-1].tensor == "logits"


def test_rounding_before_a_sign_alone_is_part_of_its_threshold() -> None:
    writer = ResidualWriter((6, 6, 2))
    for i, bits in enumerate((8, 1)):
        writer.convolution(f"conv{i}", Conv(4, bits=bits))
        writer.pool(f"conv{i}", 1)
        writer.batch_norm(f"conv{i}", 4)
        writer.quantize(f"conv{i}", 2.0**-2, 5)
        writer.sign(f"conv{i}")
    writer.flatten()
    writer.dense("hidden", 5, 1, "MatMul", False)
    writer.quantize("hidden", 2.0**-1, 4)
    writer.sign("hidden")
    writer.dense("last", 3, 8, "Gemm", True)
    graph, compared = same(writer.model(), (6, 6, 2))
    ops = kinds(graph)
    assert not {"Requantise", "StreamFork"} & set(ops)
    assert len(compared) >= 4


def test_signs_and_streams_with_several_readers() -> None:
    """Two convolutions read the same signs; the first one's stream is added to the second's."""
    writer = ResidualWriter((6, 6, 2))
    writer.convolution("stem", Conv(4, bits=8))
    writer.affine("stem", [1, 4, 1, 1])
    writer.sign("stem")
    signs = writer.tensor
    writer.convolution("first", Conv(6))
    writer.rounded("first", 2.0**-4, 6, 10)
    stream = writer.tensor
    writer.tensor, writer.shape, writer.unit = signs, [1, 4, 6, 6], 1.0
    writer.convolution("second", Conv(6))
    writer.dyadic("second")
    writer.step("Add", stream, name="join")
    writer.quantize("joined", 2.0**-6, 8)
    writer.flatten()
    writer.dense("last", 3, 8, "Gemm", True)
    graph, _ = same(writer.model(), (6, 6, 2))
    (fork,) = [node for node in graph.graph.node if node.op_type == "StreamFork"]
    assert op(fork).numbers("signs") == (0, 0)
    (join,) = [node for node in graph.graph.node if node.op_type == "ResidualJoin"]
    assert op(join).number("skipShift") == 2


def test_a_dense_layer_reads_a_stream_of_pixels() -> None:
    """The order of its weights follows the hardware's."""
    writer = ResidualWriter((5, 4, 1))
    writer.convolution("stem", Conv(3, bits=8))
    writer.rounded("stem", 2.0**-7, 8, 4)
    writer.flatten()
    writer.dense("hidden", 6, 8, "MatMul", False)
    writer.affine("hidden", [1, 6])
    writer.sign("hidden")
    writer.dense("last", 3, 8, "MatMul", True)
    graph, _ = same(writer.model(), (5, 4, 1))
    assert kinds(graph) == [
        "SlidingWindow",
        "IntMVAU",
        "Requantise",
        "WidthConverter",
        "IntMVAU",
        "IntMVAU",
    ]


def test_a_stream_of_which_only_the_sign_is_read() -> None:
    writer = ResidualWriter((6, 6, 2))
    writer.convolution("stem", Conv(4, bits=8))
    writer.rounded("stem", 2.0**-7, 8, 4)
    stream = writer.tensor
    writer.sign("stem")
    writer.convolution("conv", Conv(4))
    writer.dyadic("conv")
    writer.step("Add", stream, name="join")
    writer.quantize("conv", 2.0**-7, 8)
    writer.sign("conv")
    writer.flatten()
    writer.dense("last", 3, 8, "Gemm", True)
    graph, _ = same(writer.model(), (6, 6, 2))
    forks = [node for node in graph.graph.node if node.op_type == "StreamFork"]
    assert [op(node).numbers("signs") for node in forks] == [(1, 0), (1,)]
