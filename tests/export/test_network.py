import pytest
import torch
from brevitas import nn as qnn
from brevitas.quant import Int8WeightPerTensorFixedPoint
from torch import nn

from irnet_hw.errors import UserError
from irnet_hw.export.network import deploy
from irnet_hw.models import build
from irnet_hw.models.blocks import Stream
from irnet_hw.quant import EDEActQuant, LibraWeightQuant
from tests.export.networks import BOUNDARIES, SHAPE, tiny_network, tiny_residual, tiny_resnet


def binarise():
    return qnn.QuantIdentity(act_quant=EDEActQuant)


def refused(network, shape=SHAPE):
    with pytest.raises(UserError) as error:
        deploy(network, shape)
    return str(error.value)


def test_every_module_is_replaced_in_place():
    network = tiny_network()
    deployed = deploy(network, SHAPE)
    for name in deployed.layers:
        assert deployed.trained.get_submodule(name) is network.get_submodule(name)
        assert deployed.deployed.get_submodule(name) is deployed.layers[name].module
    assert [name for name in deployed.layers if "block1" in name] == [
        f"block1.{part}" for part in ("binarise", "conv", "pool", "norm", "clip")
    ]
    assert deployed.boundaries() == BOUNDARIES


def test_the_trained_network_stays_as_it_is():
    network = tiny_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    deploy(network, SHAPE)
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_logits_are_multiples_of_the_step():
    deployed = deploy(tiny_network(), SHAPE)
    with torch.no_grad():
        logits = deployed.deployed(torch.randint(0, 256, (20, 1, 8, 8)).float()).double()
    assert torch.equal(logits / deployed.step, (logits / deployed.step).round())


def test_module_that_is_unknown():
    network = tiny_network()
    network.block1.clip = nn.GELU()
    assert refused(network).startswith("block1.clip: GELU modules can't be exported; those that")


def test_operation_outside_of_modules():
    class Doubled(nn.Module):
        def __init__(self):
            super().__init__()
            self.binarise = binarise()

        def forward(self, x):
            return 2 * self.binarise(x)

    assert refused(nn.Sequential(Doubled())) == (
        "0.mul: the operation mul can't be exported; a network must consist of modules and sums "
        "of two tensors"
    )


def test_forward_that_looks_at_values():
    class Picky(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    assert refused(Picky()).startswith(
        "Picky: its forward depends on the images' values and can't be exported: "
    )


def test_module_that_is_used_twice():
    shared = binarise()
    assert refused(nn.Sequential(shared, nn.Identity(), shared)) == (
        "0: is used twice; every use needs its own module"
    )


def test_hardtanh_whose_values_are_seen():
    assert refused(nn.Sequential(nn.Hardtanh(), nn.MaxPool2d(2), binarise())) == (
        "0: is followed by 1; a Hardtanh can be exported only before a 1-bit QuantIdentity, "
        "which uses only the signs"
    )


@pytest.mark.parametrize("last", ["norm", "dense"])
def test_logits_of_no_single_step(last):
    dense = qnn.QuantLinear(16, 3, bias=False, weight_quant=LibraWeightQuant)
    # The peaked channel's scale differs from that of the flat ones.
    dense.weight.data.copy_(torch.linspace(-1, 1, 16).expand(3, 16))
    dense.weight.data[1] = 0
    dense.weight.data[1, 5] = 1
    layers = {"binarise": binarise(), "flatten": nn.Flatten(), "dense": dense}
    if last == "norm":
        layers["norm"] = nn.BatchNorm1d(3)
    network = nn.Sequential()
    for name, layer in layers.items():
        network.add_module(name, layer)
    assert refused(network, (4, 4, 1)) == (
        f"{last}: outputs the logits, which must be integers times one power of two; "
        "end the network with a QuantLinear of one scale"
    )


def test_network_of_other_shape():
    """A strided, unpadded convolution and a binary dense layer, written by hand."""

    class Other(nn.Module):
        def __init__(self):
            super().__init__()
            self.binarise = binarise()
            self.conv = qnn.QuantConv2d(3, 4, 5, 2, bias=False, weight_quant=LibraWeightQuant)
            self.norm = nn.BatchNorm2d(4)
            self.flatten = nn.Flatten()
            self.sign = binarise()
            self.hidden = qnn.QuantLinear(16, 8, bias=False, weight_quant=LibraWeightQuant)
            self.norm1 = nn.BatchNorm1d(8)
            self.sign1 = binarise()
            self.last = qnn.QuantLinear(8, 5, bias=True, weight_quant=Int8WeightPerTensorFixedPoint)

        def forward(self, x):
            x = self.sign(self.flatten(self.norm(self.conv(self.binarise(x)))))
            return self.last(self.sign1(self.norm1(self.hidden(x))))

    network = deploy(Other(), (8, 8, 3))
    assert network.boundaries() == ["binarise", "sign", "sign1"]
    with torch.no_grad():
        assert network.deployed(torch.randn(2, 3, 8, 8)).shape == (2, 5)


def test_signs_and_streams_of_a_residual_network_in_order():
    network = deploy(tiny_residual("normal", shortcut="conv"), SHAPE)
    assert network.boundaries() == [
        "stem.clip",
        *("stage0.0.body.binarise0", "stage0.0.body.binarise1", "stage0.0.clip"),
        *("stage1.0.body.binarise0", "stage1.0.body.binarise1"),
        *("stage1.0.shortcut.stream", "stage1.0.clip"),
        "stream",
    ]


def test_batch_norms_become_what_sees_them_needs():
    layers = deploy(tiny_residual("normal"), SHAPE).layers
    # Only signs are used between its two convolutions.
    assert layers["stage0.0.body.norm0"].grid is None
    for name in ("stem.norm", "stage0.0.body.norm1", "stage1.0.body.norm1", "norm"):
        assert layers[name].grid is not None


class Sum(nn.Module):
    """The sum of two parts' outputs; each part sees the signs of the image."""

    def __init__(self, first, second, last):
        super().__init__()
        self.binarise = binarise()
        self.first, self.second, self.last = first, second, last

    def forward(self, x):
        x = self.binarise(x)
        return self.last(self.first(x) + self.second(x))


def test_sum_that_no_stream_sees():
    assert refused(Sum(Stream(2**-7), nn.Identity(), nn.Hardtanh())) == (
        "add: adds in float; only sums of integers that a Stream rounds can be exported"
    )


def test_sum_of_two_batch_norms():
    assert refused(Sum(nn.BatchNorm2d(1), nn.BatchNorm2d(1), Stream(2**-7))) == (
        "add: adds first and second; one of them must come from a Stream"
    )


def test_sum_with_itself():
    class Twice(nn.Module):
        def forward(self, x):
            return x + x

    assert refused(Twice()) == (
        "add: the operation add can't be exported; a network must consist of modules and sums "
        "of two tensors"
    )


def test_batch_norm_that_several_streams_see():
    class Fork(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(1)
            self.coarse, self.fine = Stream(2**-3), Stream(2**-7)

        def forward(self, x):
            x = self.norm(x)
            return self.coarse(x) + self.fine(x)

    assert refused(Fork()) == (
        "norm: goes to several Streams; connect it to one of them, and the others to that one's "
        "output"
    )


def test_paper_precision():
    assert refused(build(tiny_resnet(precision="paper"))).startswith(
        "stem.conv: Conv2d modules can't be exported; those that can: "
    )
