import numpy as np
import pytest
import torch
from brevitas import nn as qnn
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from irnet_hw.errors import UserError
from irnet_hw.quant import EDE, EDEActQuant, EDESchedule, LibraWeightQuant, set_ede

values = arrays(np.float64, st.integers(1, 20), elements=st.floats(-4, 4))
slopes = st.floats(0.05, 20)


def ede(t, k):
    module = EDE().double()
    set_ede(module, t, k)
    return module


@given(values)
def test_forward_is_the_sign(x):
    assert np.array_equal(EDE()(torch.from_numpy(x)).numpy(), np.where(x >= 0, 1.0, -1.0))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_sign_of_zero_is_plus_one_and_keeps_the_type(dtype):
    y = EDE()(torch.tensor([0.0, -0.0, -1e-7], dtype=dtype))
    assert y.dtype == dtype
    assert y.tolist() == [1, 1, -1]


@given(values, slopes, slopes)
def test_gradient_is_the_papers(x, t, k):
    x = torch.from_numpy(x).requires_grad_()
    upstream = torch.linspace(-2, 3, len(x), dtype=torch.float64)
    ede(t, k)(x).backward(upstream)
    wanted = upstream.numpy() * k * t * (1 - np.tanh(t * x.detach().numpy()) ** 2)
    np.testing.assert_allclose(x.grad.numpy(), wanted, rtol=1e-12, atol=1e-12)


@given(values, st.floats(0.1, 10))
def test_gradient_is_the_slope_of_k_tanh(x, t):
    k = max(1 / t, 1)
    x = torch.from_numpy(x).requires_grad_()

    def surrogate(x):
        return k * torch.tanh(t * x)

    assert torch.autograd.gradcheck(surrogate, x)
    (slope,) = torch.autograd.grad(surrogate(x).sum(), x)
    (estimate,) = torch.autograd.grad(ede(t, k)(x).sum(), x)
    torch.testing.assert_close(estimate, slope, rtol=1e-12, atol=1e-12)


@given(st.floats(1e-3, 1), st.floats(1, 1e3), st.integers(1, 500), st.data())
def test_schedule_is_the_papers(t_min, t_max, epochs, data):
    i = data.draw(st.integers(0, epochs))
    t, k = EDESchedule(t_min, t_max, epochs)(i)
    wanted = 10 ** (np.log10(t_min) + (np.log10(t_max) - np.log10(t_min)) * i / epochs)
    assert t == pytest.approx(wanted, rel=1e-12)
    assert k == max(1 / t, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 10.0, 5), "t_min: 0.0, must be above 0"),
        ((0.1, 0.01, 5), "t_max: 0.01, must be at least t_min = 0.1"),
        ((0.1, float("inf"), 5), "t_max: inf, must be at least t_min = 0.1"),
        ((0.1, 10.0, 0), "epochs: 0, must be at least 1"),
    ],
)
def test_schedule_refuses(arguments, message):
    with pytest.raises(UserError) as error:
        EDESchedule(*arguments)
    assert str(error.value) == message


def test_set_ede_reaches_weights_and_activations():
    model = nn.Sequential(
        qnn.QuantIdentity(act_quant=EDEActQuant),
        qnn.QuantLinear(3, 2, bias=False, weight_quant=LibraWeightQuant),
    )
    set_ede(model, 2.0, 3.0)
    found = [module for module in model.modules() if isinstance(module, EDE)]
    assert [(ede.t.item(), ede.k.item()) for ede in found] == [(2.0, 3.0)] * 2
    assert list(model.state_dict()) == ["1.weight"]


@pytest.mark.parametrize("layer", [qnn.QuantIdentity, qnn.QuantHardTanh])
def test_any_activation_layer_takes_it(layer):
    act = layer(act_quant=EDEActQuant, return_quant_tensor=True)
    y = act(torch.tensor([-0.5, 0.0, 0.5]))
    assert y.value.tolist() == [-1, 1, 1]
    assert (y.scale, y.zero_point, y.bit_width, y.signed) == (1, 0, 1, True)
    assert y.is_valid


def test_a_layers_input_takes_it():
    layer = qnn.QuantLinear(
        3, 2, bias=False, input_quant=EDEActQuant, weight_quant=LibraWeightQuant
    )
    x = torch.tensor([[0.5, -2.0, 0.0]])
    assert torch.equal(layer(x), layer(torch.tensor([[1.0, -1.0, 1.0]])))
