"""EDE, IR-Net's error decay estimator: a sign whose gradient sharpens during training.

Qin et al., "Forward and Backward Information Retention for Accurate Binary Neural Networks",
CVPR 2020, section 3.3.
"""

from dataclasses import dataclass
from typing import Any

import torch
from brevitas.core.bit_width import BitWidthConst
from brevitas.core.utils import StatelessBuffer
from brevitas.inject import ExtendedInjector
from brevitas.inject.enum import FloatToIntImplType
from brevitas.proxy import ActQuantProxyFromInjector
from torch import Tensor, nn

from irnet_hw.errors import UserError


def sign(x: Tensor) -> Tensor:
    """Return +1 where x >= 0 and -1 elsewhere, in x's dtype, without a gradient."""
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


def inside(x: Tensor) -> Tensor:
    """Return the straight-through gradient mask: 1 where |x| <= 1, else 0, in x's dtype.

    This avoids a comparison, because its boolean result halves a compiled network's speed.
    """
    return (2 - x.abs()).floor().clamp(0, 1)


class _Sign(torch.autograd.Function):
    """Forward: sign. Backward: the derivative of k tanh(t x)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, t: Tensor, k: Tensor) -> Tensor:
        ctx.save_for_backward(x, t, k)
        return sign(x)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None]:
        (grad,) = grads
        x, t, k = ctx.saved_tensors
        return grad * (k * t) * (1 - torch.tanh(t * x) ** 2), None, None


class EDE(nn.Module):
    r"""Binarises to ±1 with the error decay estimator's gradient.

    $$
    y = \begin{cases} +1 & x \geq 0 \\ -1 & x < 0 \end{cases}
    \qquad
    \frac{\partial y}{\partial x} = k\,t\,\left(1 - \tanh^2(t\,x)\right)
    $$

    The gradient is that of $k\tanh(t\,x)$: close to the identity's for small t, close to the
    sign's for large t. :func:`set_ede` sets t and k in every EDE of a model once per epoch, from
    an :class:`EDESchedule`. They belong to the training, not to the network, so the state dict
    leaves them out. A new EDE (Brevitas' ``load_state_dict`` creates new ones) starts with the
    paper's first pair, t = 0.1 and k = 10.

    Attributes:
        t: the slope, a tensor of shape [].
        k: the height, a tensor of shape [].

    Example:
        >>> x = torch.tensor([-2.0, 0.0, 0.5], requires_grad=True)
        >>> y = EDE()(x)
        >>> y.tolist()
        [-1.0, 1.0, 1.0]
        >>> y.sum().backward()
        >>> [round(value, 4) for value in x.grad.tolist()]
        [0.961, 1.0, 0.9975]
    """

    t: Tensor
    k: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("t", torch.tensor(0.1), persistent=False)
        self.register_buffer("k", torch.tensor(10.0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sign of ``x``, any shape."""
        y: Tensor = _Sign.apply(x, self.t, self.k)  # type: ignore[no-untyped-call]
        return y


class SignQuant(nn.Module):
    """The sign as a Brevitas tensor quantizer: 1 bit, scale 1, zero point 0.

    Args:
        estimator: the module that computes the sign and defines its gradient.
    """

    def __init__(self, estimator: nn.Module) -> None:
        super().__init__()
        self.estimator = estimator
        self.scale = StatelessBuffer(torch.tensor(1.0))
        self.zero_point = StatelessBuffer(torch.tensor(0.0))
        self.bit_width = BitWidthConst(1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the sign of ``x``, its scale, zero point and bit width."""
        return self.estimator(x), self.scale(), self.zero_point(), self.bit_width()


class EDEActQuant(ExtendedInjector):  # type: ignore[misc]
    """Activations of ±1 with the :class:`EDE` gradient, for any Brevitas layer.

    Example:
        >>> from brevitas import nn as qnn
        >>> binarise = qnn.QuantIdentity(act_quant=EDEActQuant)
        >>> binarise(torch.tensor([-0.3, 0.0, 2.0])).tolist()
        [-1.0, 1.0, 1.0]
    """

    proxy_class = ActQuantProxyFromInjector
    tensor_quant = SignQuant
    estimator = EDE
    signed = True
    narrow_range = True
    float_to_int_impl_type = FloatToIntImplType.ROUND


@dataclass(frozen=True)
class EDESchedule:
    r"""The schedule of t and k over the epochs.

    $$
    t = 10^{\log_{10} t_{min} + (\log_{10} t_{max} - \log_{10} t_{min})\,i / N}
    \qquad
    k = \max(1 / t, 1)
    $$

    Attributes:
        t_min: t of epoch 0, above 0.
        t_max: the limit that t approaches, at least t_min.
        epochs: N, the number of epochs.

    Raises:
        UserError: a value is out of range.

    Example:
        >>> schedule = EDESchedule(t_min=0.1, t_max=10, epochs=4)
        >>> t, k = schedule(2)
        >>> round(t, 6), round(k, 6)
        (1.0, 1.0)
    """

    t_min: float
    t_max: float
    epochs: int

    def __post_init__(self) -> None:
        if not self.t_min > 0:
            raise UserError(f"t_min: {self.t_min}, must be above 0")
        if not self.t_min <= self.t_max < float("inf"):
            raise UserError(f"t_max: {self.t_max}, must be at least t_min = {self.t_min}")
        if self.epochs < 1:
            raise UserError(f"epochs: {self.epochs}, must be at least 1")

    def __call__(self, epoch: int) -> tuple[float, float]:
        """Return t and k of an epoch, counted from 0."""
        t = self.t_min * (self.t_max / self.t_min) ** (epoch / self.epochs)
        return t, max(1 / t, 1.0)


def set_ede(model: nn.Module, t: float, k: float) -> None:
    """Set t and k in every EDE of a model, for weights and activations alike.

    Example:
        >>> from brevitas import nn as qnn
        >>> model = nn.Sequential(qnn.QuantIdentity(act_quant=EDEActQuant))
        >>> schedule = EDESchedule(t_min=0.1, t_max=10, epochs=20)
        >>> for epoch in range(20):
        ...     set_ede(model, *schedule(epoch))
    """
    for module in model.modules():
        if isinstance(module, EDE):
            module.t.fill_(t)
            module.k.fill_(k)
