"""Training is IR-Net's: the equations written out, in float64, give the same losses and weights.

Qin et al., "Forward and Backward Information Retention for Accurate Binary Neural Networks", CVPR
2020: equations 4 to 6 are Libra-PB, 9 to 11 EDE. The network is Bi-Real's: Liu et al., ECCV 2018.
"""

import math

import pytest
import torch
from torch.nn import functional

from irnet_hw import data
from irnet_hw.quant import set_ede
from irnet_hw.train.recipe import load_recipe
from irnet_hw.train.run import Run, optimizer_of

STEPS, BATCH = 24, 32
T_MIN, T_MAX, RATE, MOMENTUM, DECAY = 1e-3, 10, 0.1, 0.9, 1e-4
RECIPE = load_recipe(
    "resnet20",
    [
        *(f"epochs={STEPS}", f"batch_size={BATCH}", "data=digits", "shift=0"),
        *("model.image=[8,8,1]", "model.widths=[4,8]", "model.blocks=[1,1]"),
    ],
)


class EDE(torch.autograd.Function):
    """Equations 9 and 10."""

    @staticmethod
    def forward(ctx, x, t, k):
        ctx.save_for_backward(x)
        ctx.t, ctx.k = t, k
        return torch.where(x < 0, -torch.ones_like(x), torch.ones_like(x))

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * ctx.k * ctx.t * (1 - torch.tanh(ctx.t * x) ** 2), None, None


def binary(weight, t, k):
    """Equations 4 to 6, with the exponent as a constant."""
    rows = weight.reshape(len(weight), -1)
    centred = rows - rows.mean(1, keepdim=True)
    standard = centred / torch.sqrt((centred**2).sum(1, keepdim=True) / (rows.shape[1] - 1))
    exponent = torch.round(torch.log2(standard.detach().abs().sum(1, keepdim=True) / rows.shape[1]))
    return (EDE.apply(standard, t, k) * 2**exponent).reshape(weight.shape)


def normalised(x, weights, name):
    """Batch normalisation of a batch."""
    dims = [0, 2, 3][: x.dim() - 1]
    shape = [1, -1, 1, 1][: x.dim()]
    mean = x.mean(dims, keepdim=True)
    variance = ((x - mean) ** 2).mean(dims, keepdim=True)
    scale, shift = (weights[f"{name}.{part}"].reshape(shape) for part in ("weight", "bias"))
    return (x - mean) / torch.sqrt(variance + 1e-5) * scale + shift


def loss_of(weights, pixels, labels, t, k):
    """The network of RECIPE: a stem, and four convolutions with a shortcut around each."""
    x = functional.conv2d((pixels - 128) / 128, weights["stem.conv.weight"], padding=1)
    x = normalised(x, weights, "stem.norm").clamp(-1, 1)
    for unit in ("stage0.0", "stage0.1", "stage1.0", "stage1.1"):
        stride = 2 if unit == "stage1.0" else 1
        conv = binary(weights[f"{unit}.body.conv0.weight"], t, k)
        y = functional.conv2d(EDE.apply(x, t, k), conv, stride=stride, padding=1)
        if stride == 2:
            x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))
        x = (normalised(y, weights, f"{unit}.body.norm0") + x).clamp(-1, 1)
    x = normalised(x.mean((2, 3)), weights, "norm")
    logits = x @ weights["dense.weight"].T + weights["dense.bias"]
    return -logits.log_softmax(1)[range(len(labels)), labels].mean()


@pytest.mark.training
def test_losses_and_weights_over_the_whole_schedule():
    dataset = data.load("digits")
    model = Run.fresh(RECIPE, 1, dataset.labels).model.double().train()
    optimizer = optimizer_of(RECIPE, model)
    weights = {
        name: value.detach().clone().requires_grad_() for name, value in model.named_parameters()
    }
    velocity = {name: torch.zeros_like(value) for name, value in weights.items()}
    images = torch.from_numpy(dataset.train_images).permute(0, 3, 1, 2).double()
    losses = []
    for step in range(STEPS):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        pixels, labels = images[batch], torch.from_numpy(dataset.train_labels[batch])
        set_ede(model, *RECIPE.ede()(step))
        optimizer.param_groups[0]["lr"] = RECIPE.rate(step, 0)
        found = functional.cross_entropy(model(pixels), labels)
        optimizer.zero_grad()
        found.backward()
        optimizer.step()

        t = T_MIN * 10 ** (step / STEPS * math.log10(T_MAX / T_MIN))  # equation 11
        wanted = loss_of(weights, pixels, labels, t, max(1 / t, 1))
        gradients = torch.autograd.grad(wanted, list(weights.values()))
        rate = RATE * (1 + math.cos(math.pi * step / STEPS)) / 2
        with torch.no_grad():
            for (name, value), gradient in zip(weights.items(), gradients, strict=True):
                velocity[name] = MOMENTUM * velocity[name] + gradient + DECAY * value
                value -= rate * velocity[name]
        assert found.item() == pytest.approx(wanted.item(), rel=1e-11)
        losses.append(found.item())
    assert losses[-1] < 0.8 * losses[0]
    for name, value in model.named_parameters():
        torch.testing.assert_close(value, weights[name], rtol=1e-10, atol=1e-12, msg=name)
