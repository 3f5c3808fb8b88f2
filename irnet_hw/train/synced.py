"""Batch norm over a batch shared by several processes."""

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn import functional

from irnet_hw.models.rounded import RoundedNorm1d, RoundedNorm2d


class SyncedNorm(nn.BatchNorm2d):
    """A batch norm whose mean and variance are taken over the images of all processes.

    This replaces PyTorch's SyncBatchNorm, which refuses to run on CPUs.

    Args:
        norm: a BatchNorm1d or BatchNorm2d with affine parameters and running statistics, which
            are copied.
        world: number of processes; each has the same number of images.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d, world: int) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum)
        self.load_state_dict(norm.state_dict())
        self.world = world

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised ``x``, [N, channels] or [N, channels, height, width]."""
        statistics = self.running_mean, self.running_var
        if not self.training:
            return functional.batch_norm(x, *statistics, self.weight, self.bias, eps=self.eps)
        dims = [dim for dim in range(x.dim()) if dim != 1]
        shape = [1, -1, *[1] * (x.dim() - 2)]
        wide = x.float()
        mean = self._shared(wide.mean(dims))
        centred = wide - mean.reshape(shape)
        variance = self._shared(centred.square().mean(dims))
        with torch.no_grad():
            count = x.numel() // x.shape[1] * self.world
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale.reshape(shape) + self.bias.reshape(shape)).to(x.dtype)

    def _check_input_dim(self, x: Tensor) -> None:
        """Accept both shapes."""

    def _shared(self, value: Tensor) -> Tensor:
        """Return the mean of a value over all processes, with gradients to all of them."""
        total: Tensor = all_reduce(value)  # type: ignore[no-untyped-call]
        return total / self.world


def synchronise(model: nn.Module, world: int) -> None:
    """Replace every batch norm of a model by one that covers all processes' images.

    Args:
        model: the model; names and values in its state dict don't change.
        world: number of processes.
    """
    for module in list(model.modules()):
        for name, child in module.named_children():
            fixed = isinstance(child, RoundedNorm1d | RoundedNorm2d)  # takes none from the batch
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d) and not fixed:
                setattr(module, name, SyncedNorm(child, world))
