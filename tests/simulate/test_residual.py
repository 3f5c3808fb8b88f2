import pytest

from irnet_hw import spec
from irnet_hw.compiler.pipeline import build
from irnet_hw.report import accelerator as report
from irnet_hw.simulate.proof import simulate
from tests.compiler.graphs import images
from tests.compiler.residual_graphs import Residual

NETWORKS = [
    Residual(image=(6, 6, 1), widths=(2, 4)),
    Residual(image=(6, 6, 1), widths=(2, 4), structure="normal", shortcut="conv"),
]


@pytest.mark.parametrize("network", NETWORKS, ids=["bireal", "normal"])
def test_a_residual_network_is_its_specification(tmp_path, network):
    """With every compiler pass, at full rate and with gaps and stalls; at the modelled speed."""
    path, folder = tmp_path / "model.onnx", tmp_path / "out"
    network.build().save(str(path))
    content = build(path, "pynq-z2", folder, 50_000)
    pixels = images(network, 8)
    result = simulate(folder, pixels, None, tapped=2)
    assert result.differences == 0
    assert result.cycles_per_frame == content.cycles_per_frame
    # The model spaces its pixels evenly; the simulation sends them as fast as they are taken.
    assert content.cycles_per_frame < result.latency_cycles <= content.latency_cycles

    # FIFO depths rely on this: the model has every register that the RTL has.
    frame = result.first_frame
    for layer in content.layers:
        if layer.op in ("Requantise", "ResidualJoin", "StreamFork"):
            delay = layer.schedule.first_out - layer.schedule.first_in
            first_in, first_out = (
                min(frame[stream].start for stream in getattr(layer, side))
                for side in ("inputs", "outputs")
            )
            assert first_out - first_in == delay, layer.name

    model = spec.load(path)
    quantizers = [node for node in model.graph.node if node.op_type in ("BipolarQuant", "Quant")]
    streams = {
        node.output[0] for node in quantizers if model.get_initializer(node.input[0]) is None
    }
    against_qonnx = [entry for entry in result.tensors if entry.against == "QONNX"]
    assert streams <= {entry.tensor for entry in against_qonnx}

    page, _ = report.write(folder)
    text = page.read_text()
    assert "Bit-exact: 8 images, 24 logits, 0 differences; between layers " in text
    forks = [layer for layer in content.layers if layer.op == "StreamFork"]
    assert len(forks) >= 2 and text.count('class="svg-rail"') >= len(forks)
