"""A binary network in plain Brevitas, trained on the digits, written as QONNX."""

import numpy as np
import torch
from brevitas import nn as qnn
from brevitas.quant import Int8WeightPerTensorFixedPoint
from torch import nn

from irnet_hw import data, export_module
from irnet_hw.quant import EDEActQuant, EDESchedule, LibraWeightQuant, set_ede

torch.manual_seed(0)
torch.set_num_threads(1)  # a network this small gains nothing from more


class Normalise(nn.Module):
    """Pixels 0 to 255 become -1 to 1, exactly."""

    def forward(self, x):
        return (x - 128) * (1 / 128)


def binary(inputs, outputs):
    """A 3x3 convolution whose weights and inputs have one bit."""
    return [
        qnn.QuantIdentity(act_quant=EDEActQuant),
        qnn.QuantConv2d(inputs, outputs, 3, padding=1, bias=False, weight_quant=LibraWeightQuant),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(outputs),
    ]


network = nn.Sequential(
    Normalise(),
    qnn.QuantConv2d(1, 32, 3, padding=1, bias=False, weight_quant=Int8WeightPerTensorFixedPoint),
    nn.BatchNorm2d(32),
    *binary(32, 32),
    *binary(32, 64),
    qnn.QuantIdentity(act_quant=EDEActQuant),
    nn.Flatten(),
    qnn.QuantLinear(256, 10, bias=False, weight_quant=Int8WeightPerTensorFixedPoint),
)

digits = data.load("digits")


def pixels(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2).float()


inputs, targets = pixels(digits.train_images), torch.from_numpy(digits.train_labels)
epochs = 20
schedule = EDESchedule(t_min=0.1, t_max=10, epochs=epochs)
optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
for epoch in range(epochs):
    set_ede(network, *schedule(epoch))
    for batch in torch.randperm(len(inputs)).split(64):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs[batch]), targets[batch]).backward()
        optimizer.step()

network.eval()
with torch.no_grad():
    correct = network(pixels(digits.test_images)).argmax(1).numpy() == digits.test_labels
print(f"{correct.mean():.2%} of {len(correct)} test images")

export_module(network, digits.test_images, "my_network", labels=digits.labels)
np.savez("digits.npz", images=digits.test_images, labels=digits.test_labels)
