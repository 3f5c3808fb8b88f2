import numpy as np
import torch
from brevitas import nn as qnn
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from irnet_hw.quant import stream_quant

exponents = st.integers(-10, 3)
values = arrays(np.float32, st.integers(1, 20), elements=st.floats(-300, 300, width=32))


def stream(step):
    return qnn.QuantIdentity(act_quant=stream_quant(step))


@given(values, exponents)
def test_rounds_half_up_to_8_bits(x, exponent):
    y = stream(2.0**exponent)(torch.from_numpy(x) * 2.0**exponent)
    wanted = np.clip(np.floor(x + np.float32(0.5)), -128, 127)
    assert np.array_equal(y.detach().numpy(), wanted * np.float32(2.0**exponent))


@given(values, exponents)
def test_what_is_on_the_grid_stays(x, exponent):
    layer = stream(2.0**exponent)
    y = layer(torch.from_numpy(x))
    assert torch.equal(layer(y), y)


@given(values, exponents)
def test_the_gradient_is_1_inside_the_range(x, exponent):
    step = 2.0**exponent
    edges = np.float32([-128, np.nextafter(np.float32(-128), -1e9), 127, 127.25])
    x = torch.from_numpy(np.concatenate([x, edges]) * np.float32(step)).requires_grad_()
    upstream = torch.linspace(-2, 3, len(x))
    stream(step)(x).backward(upstream)
    inside = (x.detach() / step >= -128) & (x.detach() / step <= 127)
    assert torch.equal(x.grad, upstream * inside)


def test_is_a_brevitas_quantizer():
    layer = qnn.QuantIdentity(act_quant=stream_quant(2**-7), return_quant_tensor=True)
    quantized = layer(torch.tensor([-3.0, 0.25]))
    assert quantized.value.tolist() == [-1.0, 0.25]
    assert (quantized.scale, quantized.zero_point, quantized.bit_width) == (2**-7, 0, 8)
    assert quantized.signed
    assert not layer.act_quant.is_narrow_range
    assert not layer.state_dict()
