import numpy as np
import pytest
import torch
from brevitas import nn as qnn
from hypothesis import example, given
from hypothesis import strategies as st

from irnet_hw.quant import LibraWeightQuant, libra, set_ede

seeds = st.integers(0, 2**32 - 1)
shapes = st.one_of(
    st.tuples(st.integers(1, 6), st.integers(2, 40)),
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(3), st.integers(2, 3)),
)


def weights(seed, shape):
    """Weights with a nonzero mean; outliers in some channels make the scales differ."""
    random = np.random.default_rng(seed)
    weight = (
        random.normal(0.3, 0.5, shape)
        * random.lognormal(0, 3, (len(weight_rows(shape)),))[
            (slice(None), *[None] * (len(shape) - 1))
        ]
    )
    weight.reshape(len(weight), -1)[::2, 0] *= 100
    return weight


def weight_rows(shape):
    return range(shape[0])


def papers(weight):
    """The paper's equations per channel: standardised weights and unrounded exponents."""
    rows = weight.reshape(len(weight), -1)
    centred = rows - rows.mean(1, keepdims=True)
    standardised = centred / np.sqrt((centred**2).sum(1, keepdims=True) / (rows.shape[1] - 1))
    return standardised, np.log2(np.abs(standardised).sum(1) / rows.shape[1])


@example(2, (5, 2))
@given(seeds, shapes)
def test_forward_is_the_papers(seed, shape):
    weight = weights(seed, shape)
    standardised, exponents = papers(weight)
    binary, scale = libra(torch.from_numpy(weight))
    wanted = np.where(standardised >= 0, 1.0, -1.0).reshape(shape)
    sure = np.abs(standardised).reshape(shape) > 1e-12
    assert np.array_equal(binary.numpy()[sure], wanted[sure])
    assert scale.shape == (shape[0], *[1] * (len(shape) - 1))
    found = np.log2(scale.numpy().ravel())
    assert np.array_equal(found, np.round(found))
    # With two weights the exponent is always -0.5, where the last bit decides the rounding.
    halfway = np.abs(np.abs(exponents - np.trunc(exponents)) - 0.5) < 1e-9
    assert np.array_equal(found[~halfway], np.round(exponents)[~halfway])
    assert np.allclose(np.abs(found - exponents)[halfway], 0.5)


def test_scales_other_than_one_occur():
    weight = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0, 6.0], [0.0, 6.0, 0.0, 6.0, 0.0, 6.0]])
    assert libra(weight)[1].flatten().tolist() == [0.5, 1.0]


@pytest.mark.parametrize("size", [10, 1000, 100_000])
def test_scales_are_exact_powers_of_two(size):
    weight = torch.zeros(64, size)
    weight[:, 0] = 1
    scale = libra(weight)[1]
    assert (torch.frexp(scale)[0] == 0.5).all()


@given(seeds, shapes, st.floats(0.1, 10))
def test_gradient_is_the_papers(seed, shape, t):
    """dL/dw of sign(w_std) 2^s by hand: EDE, then standardisation, with s constant."""
    k = max(1 / t, 1)
    weight = weights(seed, shape)
    layer = linear(weight, t, k)
    upstream = np.random.default_rng(seed + 1).normal(size=shape)
    layer.quant_weight().value.backward(torch.from_numpy(upstream.reshape(shape[0], -1)))

    standardised, _ = papers(weight)
    n = standardised.shape[1]
    deviation = weight.reshape(shape[0], -1).std(1, ddof=1, keepdims=True)
    scale = layer.quant_weight().scale.detach().numpy().reshape(-1, 1)
    g = upstream.reshape(shape[0], -1) * scale
    g = g * k * t * (1 - np.tanh(t * standardised) ** 2)
    along = (g * standardised).sum(1, keepdims=True) / (n - 1)
    wanted = (g - g.mean(1, keepdims=True) - standardised * along) / deviation
    np.testing.assert_allclose(
        layer.weight.grad.numpy() * deviation, wanted * deviation, rtol=1e-6, atol=1e-9
    )


@given(seeds, st.floats(0.1, 10))
def test_gradient_is_the_slope_of_the_surrogate(seed, t):
    """With k tanh(t x) instead of the sign, Libra-PB is smooth and has the same gradient."""
    k = max(1 / t, 1)
    weight = np.random.default_rng(seed).normal(0.3, 0.5, (2, 5))
    x = torch.from_numpy(weight).requires_grad_()

    def surrogate(x):
        smooth, scale = libra(x, binarise=lambda w: k * torch.tanh(t * w))
        return smooth * scale

    assert torch.autograd.gradcheck(surrogate, x)
    (slope,) = torch.autograd.grad(surrogate(x).sum(), x)
    layer = linear(weight, t, k)
    layer.quant_weight().value.sum().backward()
    torch.testing.assert_close(layer.weight.grad, slope, rtol=1e-9, atol=1e-12)


def linear(weight, t, k):
    """A layer with these weights, one row per channel."""
    rows = torch.from_numpy(weight.reshape(len(weight), -1))
    layer = qnn.QuantLinear(
        rows.shape[1], len(rows), bias=False, weight_quant=LibraWeightQuant
    ).double()
    layer.weight.data.copy_(rows)
    set_ede(layer, t, k)
    return layer


def test_the_scale_has_no_gradient():
    weight = torch.randn(4, 9, requires_grad=True)
    binary, scale = libra(weight)
    assert not scale.requires_grad
    assert not binary.requires_grad


@pytest.mark.parametrize("value", [0.0, 0.1, -1e-30, 3e7])
@pytest.mark.parametrize("size", [1, 2, 9, 1000])
def test_constant_channels_become_plus_one(value, size):
    layer = qnn.QuantLinear(size, 3, bias=False, weight_quant=LibraWeightQuant)
    layer.weight.data.fill_(value)
    if size > 1:
        layer.weight.data[1, 0] = value + 1 + abs(value)
    quantized = layer.quant_weight()
    assert (quantized.value[[0, 2]] == 1).all()
    assert (quantized.scale[[0, 2]] == 1).all()
    quantized.value.sum().backward()
    assert torch.isfinite(layer.weight.grad).all()


@pytest.mark.parametrize(
    ("layer", "arguments", "scale_shape", "channel_dim"),
    [
        (qnn.QuantLinear, (6, 4), (4, 1), 0),
        (qnn.QuantConv1d, (6, 4, 3), (4, 1, 1), 0),
        (qnn.QuantConv2d, (6, 4, 3), (4, 1, 1, 1), 0),
        (qnn.QuantConv2d, (6, 4, 3, 1, 0, 1, 2), (4, 1, 1, 1), 0),
        (qnn.QuantConvTranspose2d, (6, 4, 3), (1, 4, 1, 1), 1),
    ],
)
def test_any_weight_layer_takes_it(layer, arguments, scale_shape, channel_dim):
    module = layer(*arguments, bias=False, weight_quant=LibraWeightQuant)
    quantized = module.quant_weight()
    binary, scale = libra(module.weight, channel_dim)
    assert scale.shape == scale_shape
    assert torch.equal(quantized.scale, scale)
    assert torch.equal(quantized.value, binary * scale)
    assert (quantized.zero_point, quantized.bit_width, quantized.signed) == (0, 1, True)


def test_two_layers_can_share_weights():
    first = qnn.QuantConv2d(4, 4, 3, bias=False, weight_quant=LibraWeightQuant)
    second = qnn.QuantConv2d(4, 4, 3, bias=False, weight_quant=first.weight_quant)
    second.weight = first.weight
    assert torch.equal(first.quant_weight().value, second.quant_weight().value)
