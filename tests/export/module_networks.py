"""Networks as users of Brevitas write them, with random weights and statistics."""

import torch
from brevitas import nn as qnn
from brevitas.quant import (
    Int8WeightPerTensorFixedPoint,
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
)
from torch import nn

from irnet_hw.quant import EDEActQuant, LibraWeightQuant, stream_quant


class Normalise(nn.Module):
    def forward(self, x):
        return (x - 128) * (1 / 128)


def sign():
    return qnn.QuantIdentity(act_quant=EDEActQuant)


def first(channels):
    return qnn.QuantConv2d(
        1, channels, 3, padding=1, bias=False, weight_quant=Int8WeightPerTensorFixedPoint
    )


def libra(inputs, outputs):
    return qnn.QuantConv2d(inputs, outputs, 3, padding=1, bias=False, weight_quant=LibraWeightQuant)


def vgg():
    return nn.Sequential(
        *(Normalise(), first(4), nn.BatchNorm2d(4)),
        *(sign(), libra(4, 8), nn.MaxPool2d(2), nn.BatchNorm2d(8)),
        *(sign(), nn.Flatten(), nn.Dropout(0.2)),
        qnn.QuantLinear(72, 5, bias=False, weight_quant=Int8WeightPerTensorFixedPoint),
    )


def mlp():
    """Brevitas' default scale, 0.1, and biases; vectors are its images."""

    def dense(inputs, outputs, bias):
        return qnn.QuantLinear(
            inputs,
            outputs,
            bias=bias,
            weight_quant=SignedBinaryWeightPerTensorConst,
            weight_scaling_init=0.1,
        )

    def narrow():
        return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst, scaling_init=0.1)

    return nn.Sequential(
        *(narrow(), dense(24, 16, False), nn.BatchNorm1d(16)),
        *(narrow(), dense(16, 16, True), nn.BatchNorm1d(16)),
        *(narrow(), dense(16, 5, True)),
    )


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.sign, self.conv, self.norm = sign(), libra(4, 4), nn.BatchNorm2d(4)
        self.stream = qnn.QuantIdentity(act_quant=stream_quant(2**-3))

    def forward(self, x):
        return self.stream(x + self.norm(self.conv(self.sign(x))))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.normalise, self.conv, self.norm = Normalise(), first(4), nn.BatchNorm2d(4)
        self.stream = qnn.QuantIdentity(act_quant=stream_quant(2**-3))
        self.blocks = nn.ModuleList([Block(), nn.Sequential(Block())])
        self.sign = sign()
        self.dense = qnn.QuantLinear(144, 5, bias=False, weight_quant=LibraWeightQuant)

    def forward(self, x):
        x = self.stream(self.norm(self.conv(self.normalise(x))))
        for block in self.blocks:
            x = block(x)
        x = self.sign(x)
        return self.dense(x.view(x.size(0), -1))


def few_bits():
    """Activations of two bits, weights of one, and images of ToTensor."""

    def relu(**more):
        return qnn.QuantReLU(bit_width=2, scaling_impl_type="const", scaling_init=3.0, **more)

    return nn.Sequential(
        *(qnn.QuantConv2d(1, 4, 3, bias=False, weight_bit_width=4), nn.BatchNorm2d(4), relu()),
        qnn.QuantConv2d(
            *(4, 6, 3),
            bias=False,
            weight_quant=SignedBinaryWeightPerTensorConst,
            weight_scaling_init=1.0,
        ),
        *(nn.BatchNorm2d(6), relu(return_quant_tensor=True), nn.Flatten()),
        qnn.QuantLinear(24, 5, bias=True, weight_bit_width=4, return_quant_tensor=True),
    )


def signals():
    return nn.Sequential(
        qnn.QuantConv1d(2, 4, 3, bias=False, weight_quant=Int8WeightPerTensorFixedPoint),
        *(nn.BatchNorm1d(4), sign(), nn.Flatten()),
        qnn.QuantLinear(40, 3, bias=False, weight_quant=LibraWeightQuant),
    )


IMAGE = (6, 6, 1)
#: What makes each network, the shape of its images, and its input's scale.
NETWORKS = {
    "vgg": (vgg, IMAGE, 1),
    "mlp": (mlp, (24,), "1/255"),
    "residual": (Residual, IMAGE, 1),
    "few_bits": (few_bits, IMAGE, 1 / 255),
    "signals": (signals, (12, 2), 1),
}


def made(kind):
    """Return a network with random weights and statistics, some gammas negative."""
    torch.manual_seed(sum(map(ord, kind)))
    network = NETWORKS[kind][0]()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias, 0, 0.3)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 9)
    return network
