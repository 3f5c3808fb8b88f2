"""Packed state dicts, in which a 1-bit weight takes one bit.

LAYER.weight is float32, but the network only uses its sign. It is replaced by

- ``LAYER.signs``, uint8 [weights / 8, rounded up]: one bit per weight, 1 for +1, in element
  order, the first one in the highest bit;
- ``LAYER.exponents``, int8, in the shape of the quantizer's scale: the exponents of the
  power-of-two scales.
"""

import numpy as np
import torch
from torch import Tensor, nn

from irnet_hw.errors import UserError
from irnet_hw.quant.frozen import BinaryWeight, binary_weights, freeze
from irnet_hw.train.tensors import difference

_WEIGHT, _SIGNS, _EXPONENTS = ".weight", ".signs", ".exponents"


def is_packed(state: dict[str, Tensor]) -> bool:
    """Return whether a state dict is packed."""
    return any(key.endswith(_SIGNS) for key in state)


def pack_state(network: nn.Module) -> dict[str, Tensor]:
    """Return the packed state dict of a network.

    Raises:
        UserError: a scale is not a power of two.
    """
    state = dict(network.state_dict())
    for name, binary in binary_weights(network).items():
        mantissa, exponents = torch.frexp(binary.scale)
        if not (mantissa == 0.5).all():
            raise UserError(f"{name}: the scales of its 1-bit weights must be powers of two")
        del state[name + _WEIGHT]
        positive = (binary.value > 0).cpu().numpy()
        state[name + _SIGNS] = torch.from_numpy(np.packbits(positive.ravel()))
        state[name + _EXPONENTS] = (exponents - 1).to(torch.int8)
    return state


def load_state(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Load a state dict into a network, freezing the layers whose weights are packed.

    Raises:
        UserError: the state dict doesn't match the network, or a packed weight is damaged.
    """
    state, frozen = dict(state), {}
    if is_packed(state):
        for name, fresh in binary_weights(network).items():
            if name + _SIGNS in state and name + _EXPONENTS in state:
                signs, exponents = state.pop(name + _SIGNS), state.pop(name + _EXPONENTS)
                frozen[name] = _unpacked(name, signs, exponents, fresh)
                state[name + _WEIGHT] = frozen[name].value
    if reason := difference(state, network.state_dict()):
        raise UserError(reason)
    network.load_state_dict(state)
    # Loading recreates the quantizers, so it must come first.
    for name, weight in frozen.items():
        freeze(network.get_submodule(name), weight)


def _unpacked(name: str, signs: Tensor, exponents: Tensor, fresh: BinaryWeight) -> BinaryWeight:
    """Return a layer's unpacked weight, in the shape of ``fresh``."""
    weights = fresh.value.numel()
    if signs.dtype != torch.uint8 or signs.shape != (-(-weights // 8),):
        raise UserError(
            f"{name}{_SIGNS}: {list(signs.shape)} of {signs.dtype}, must be "
            f"[{-(-weights // 8)}] of torch.uint8"
        )
    if exponents.dtype != torch.int8 or exponents.shape != fresh.scale.shape:
        raise UserError(
            f"{name}{_EXPONENTS}: {list(exponents.shape)} of {exponents.dtype}, must be "
            f"{list(fresh.scale.shape)} of torch.int8"
        )
    if exponents.numel() and exponents.min() < -126:
        raise UserError(f"{name}{_EXPONENTS}: {exponents.min()}, must be from -126 to 127")
    positive = np.unpackbits(signs.numpy(), count=weights)
    scale = torch.exp2(exponents.float())
    value = (2 * torch.from_numpy(positive).float() - 1).reshape(fresh.value.shape) * scale
    return BinaryWeight(value, scale)
