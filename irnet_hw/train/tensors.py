"""Checks of the tensors in a network, its optimiser and a checkpoint."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from irnet_hw.errors import UserError
from irnet_hw.quant.frozen import binary_weights
from irnet_hw.read import shown

#: The dtypes of parameters and buffers, packed weights and signs.
_DTYPES = (torch.float32, torch.int64, torch.int8, torch.uint8, torch.bool)
#: Messages name at most this many differences.
_NAMED = 5


def require_tensors(content: object, where: str) -> dict[str, Tensor]:
    """Return the content if it is a dictionary of finite tensors by name.

    Args:
        content: content of a checkpoint.
        where: the file and optionally the place in it, for messages.

    Raises:
        UserError: a value is not a plain tensor or not finite, or a name is not a string.
    """
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise UserError(f"{where} must be tensors by their names")
    for name, value in content.items():
        if wrong := _wrong_tensor(value):
            raise UserError(f"{where}: {shown(name)} {wrong}")
    if name := not_finite(content):
        raise UserError(f"{where}: {shown(name)} holds NaN or infinity")
    return content


def not_finite(tensors: Mapping[str, Tensor]) -> str:
    """Return the name of the first tensor that holds NaN or infinity, or "".

    Example:
        >>> not_finite({"a": torch.zeros(2), "b": torch.tensor([1.0, float("nan")])})
        'b'
    """
    names = [name for name, value in tensors.items() if value.is_floating_point()]
    if not names:
        return ""
    # One tensor for all: each separate transfer from a GPU waits for it.
    finite = torch.stack([torch.isfinite(tensors[name].detach()).all() for name in names])
    return next((name for name, fine in zip(names, finite.tolist(), strict=True) if not fine), "")


def wrong_weights(network: nn.Module) -> str:
    """Return a message about what makes a network's weights useless, or "".

    The sign of a 1-bit layer hides NaN and infinity in its weights, both in training and
    afterwards: the logits stay finite.
    """
    if name := not_finite(network.state_dict()):
        return f"{name} holds NaN or infinity"
    for name, binary in binary_weights(network).items():
        # Finite weights can have an infinite standard deviation.
        if not ((binary.scale > 0) & torch.isfinite(binary.scale)).all():
            return f"{name}.weight is too large for float32 to have a standard deviation"
    return ""


def difference(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    """Return a one-line message about how a state dict differs from a network's, or "".

    Args:
        found: the state dict.
        wanted: the network's.
    """
    reasons = [f"{name} is missing" for name in wanted if name not in found]
    reasons += [f"{shown(name)} is unknown" for name in found if name not in wanted]
    reasons += [
        f"{name} is {_written(found[name])}, must be {_written(wanted[name])}"
        for name in wanted
        if name in found and _written(found[name]) != _written(wanted[name])
    ]
    more = f"; and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
    return "; ".join(reasons[:_NAMED]) + more


def _written(tensor: Tensor) -> str:
    return f"{tensor.dtype} of shape {list(tensor.shape)}"


def _wrong_tensor(value: Any) -> str:
    """Return why a value is not a usable tensor, or ""."""
    if not isinstance(value, Tensor):
        return f"is a {type(value).__name__}, must be a tensor"
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_nested:
        return f"is a tensor of layout {value.layout} on {value.device}, must be dense on the CPU"
    if value.dtype not in _DTYPES:
        known = ", ".join(str(dtype) for dtype in _DTYPES)
        return f"is of {value.dtype}, must be one of {known}"
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():
        return f"has shape {list(value.shape)}, which needs more values than it has"
    return ""
