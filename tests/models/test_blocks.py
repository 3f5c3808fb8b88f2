import copy

import pytest
import torch
from brevitas import nn as qnn
from brevitas.quant import Int8WeightPerTensorFixedPoint
from torch import nn

from irnet_hw import models
from irnet_hw.models import MLP, VGG, ResNet
from irnet_hw.models.blocks import Activations, Conv, Dense
from irnet_hw.quant import EDESchedule, act_quant, set_ede, stream_quant, weight_quant

QUANTIZERS = [
    Int8WeightPerTensorFixedPoint,
    *(weight_quant(libra, ede) for libra in (True, False) for ede in (True, False)),
]


def twins():
    """Each fast layer, its Brevitas original with the same arguments, and an input shape."""
    for quant in QUANTIZERS:
        conv = {"stride": 2, "padding": 1, "bias": False, "weight_quant": quant}
        yield Conv, qnn.QuantConv2d, (5, 6, 3), conv, (2, 5, 7, 6)
        dense = {"bias": True, "weight_quant": quant}
        yield Dense, qnn.QuantLinear, (12, 7), dense, (3, 12)
    for quant in (act_quant(True), act_quant(False), stream_quant(2**-6)):
        yield Activations, qnn.QuantIdentity, (), {"act_quant": quant}, (4, 3, 2)


@pytest.mark.parametrize(("fast", "slow", "sizes", "keys", "shape"), list(twins()))
@pytest.mark.parametrize("training", [True, False])
def test_equal_to_brevitas_own(fast, slow, sizes, keys, shape, training):
    torch.manual_seed(0)
    ours, theirs = fast(*sizes, **keys), slow(*sizes, **keys)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(shape)
    results = []
    for layer in (ours.train(training), theirs.train(training)):
        set_ede(layer, *EDESchedule(0.1, 10, 4)(3))
        image = x.clone().requires_grad_()
        y = layer(image)
        y.backward(torch.linspace(-1, 1, y.numel()).reshape(y.shape))
        results.append([y, image.grad, *(parameter.grad for parameter in layer.parameters())])
    for mine, wanted in zip(*results, strict=True):
        assert torch.equal(mine, wanted)


def resnet(structure="bireal", activation_bits=1, **keys):
    sizes = {"widths": [4, 6], "blocks": [1, 1]}
    return ResNet("resnet", [8, 8, 3], 3, structure, activation_bits, **sizes, **keys)


NETWORKS = {
    "vgg": VGG("vgg", [8, 8, 1], 3, [4, 4], [True, True]),
    "mlp": MLP("mlp", [4, 4, 1], 3, [5]),
    "resnet": resnet(),
    "resnet-normal": resnet("normal", ede=False),
    "resnet-32": resnet(activation_bits=32, activation="relu", libra=False),
    "resnet-hardware": resnet(precision="hardware", shortcut="conv", stem="7x7"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_compiles_to_one_graph(name):
    """Training compiles to one forward and one backward graph, with the eager network's values."""
    torch.manual_seed(0)
    height, width, channels = NETWORKS[name].image
    pixels = torch.randint(0, 256, (4, channels, height, width)).float()
    network = models.build(NETWORKS[name])
    twin = copy.deepcopy(network)
    compiled = torch.compile(twin, fullgraph=True, dynamic=False, backend="aot_eager")
    for run in (network, compiled):
        nn.functional.cross_entropy(run(pixels), torch.arange(4) % 3).backward()
    for mine, wanted in zip(twin.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, wanted.grad)
    assert torch.equal(twin.eval()(pixels), network.eval()(pixels))
    torch.compiler.reset()
