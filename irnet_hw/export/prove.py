"""Prove on images that a file is a module, layer by layer.

PyTorch and qonnx's executor run side by side. In front of every quantizer of activations the file
continues with PyTorch's values. Two statements are checked for each quantizer:

1. Given PyTorch's values, the file's quantizer gives what the module's gives, in every value.
2. The values before it are PyTorch's. They may differ where float32 sums depend on the order of
   additions, which the two choose differently, by no more than the rounding of these sums explains.

The second statement holds for the output, too.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from irnet_hw import progress
from irnet_hw.errors import UserError
from irnet_hw.export.file import OUTPUT
from irnet_hw.export.rounding import bounds
from irnet_hw.export.traced import Quantizer, Traced, plain
from irnet_hw.runner import Runner

#: Number of images per batch.
BATCH = 64

Array = npt.NDArray[Any]


@dataclass
class Layer:
    """The comparison of a quantizer, or of the output.

    Attributes:
        name: the layer's name and type.
        tensor: what it gives in the file.
        values: number of values compared.
        differences: number of values of the file's run that differ from PyTorch's.
        before: the largest difference right before the quantizer, given equal values at all
            quantizers further up; of the output, the largest difference.
    """

    name: str
    tensor: str
    values: int = 0
    differences: int = 0
    before: float = 0.0


@dataclass
class Proof:
    """What was compared.

    Attributes:
        layers: every quantizer of activations, and the output.
        pytorch: the module's outputs.
        qonnx: the file's outputs.
    """

    layers: list[Layer]
    pytorch: Array = field(default_factory=lambda: np.zeros(0))
    qonnx: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def values(self) -> int:
        """How many values were compared."""
        return sum(layer.values for layer in self.layers)

    @property
    def differences(self) -> int:
        """How many of them differ in the file's run."""
        return sum(layer.differences for layer in self.layers)

    @property
    def moved(self) -> bool:
        """Whether float32's order of additions shows anywhere."""
        return any(layer.before for layer in self.layers)


def prove(network: nn.Module, traced: Traced, inputs: npt.NDArray[np.float32]) -> Proof:
    """Compare a module with its file.

    Args:
        network: in eval mode.
        traced: its graph.
        inputs: of the module [N, ...].

    Raises:
        UserError: they differ by more than rounding explains; names the layer.
    """
    quantized = [q.after for q in traced.quantizers]
    layers = {q.after: Layer(q.layer, q.after) for q in traced.quantizers}
    layers.setdefault(OUTPUT, Layer("the output", OUTPUT))
    wanted = list(dict.fromkeys([name for q in traced.quantizers for name in (q.before, q.after)]))
    runner = Runner(traced.model, wanted)
    size = BATCH if _takes_batches(network, inputs) else 1
    pytorch, qonnx = [], []
    batches = math.ceil(len(inputs) / size)
    for i in progress.track(range(batches), "comparing the file", batches, "batches"):
        x = inputs[i * size : (i + 1) * size]
        calls, y = recorded(network, traced.quantizers, x)
        given = {q.before: calls[q][0] for q in traced.quantizers}
        forced, own = runner.run(x, given), runner.run(x)
        _check(traced, layers, x, (calls, y), forced)
        for q in traced.quantizers:
            layers[q.after].values += own[q.after].size
            layers[q.after].differences += _count(own[q.after], calls[q][1])
        if OUTPUT not in quantized:
            layers[OUTPUT].values += y.size
            layers[OUTPUT].differences += _count(own[OUTPUT], y)
        pytorch.append(y)
        qonnx.append(own[OUTPUT])
    return Proof(list(layers.values()), np.concatenate(pytorch), np.concatenate(qonnx))


def _takes_batches(network: nn.Module, inputs: npt.NDArray[np.float32]) -> bool:
    """Return whether the module computes several images at once, each by itself."""
    if len(inputs) < 2:
        return False
    try:
        with torch.inference_mode():
            y = plain(network(torch.from_numpy(inputs[:2])))
    except Exception:
        return False
    return isinstance(y, Tensor) and y.dim() > 0 and len(y) == 2


Calls = dict[Quantizer, tuple[Array, Array]]


def recorded(
    network: nn.Module, quantizers: list[Quantizer], x: npt.NDArray[np.float32]
) -> tuple[Calls, Array]:
    """Run a module.

    Returns:
        what each quantizer reads and makes, and the output.

    Raises:
        UserError: a quantizer is called a different number of times than in the file.
    """
    found: dict[str, list[tuple[Array, Array]]] = {q.module: [] for q in quantizers}
    with _hooked(network, found), torch.inference_mode():
        y = plain(network(torch.from_numpy(x)))
    for q in quantizers:
        expected = sum(other.module == q.module for other in quantizers)
        if len(found[q.module]) != expected:
            raise UserError(
                f"{q.layer}: is called {len(found[q.module])} times by the module, but "
                f"{expected} times in the file; its forward must not depend on the images, and use "
                "each result"
            )
    return {q: found[q.module][q.call] for q in quantizers}, y.numpy()


@contextmanager
def _hooked(network: nn.Module, found: dict[str, list[tuple[Array, Array]]]) -> Iterator[None]:
    handles = []
    for path, calls in found.items():
        proxy: Any = network.get_submodule(path)

        def record(_: nn.Module, args: Any, y: Any, calls: Any = calls) -> None:
            calls.append((args[0].numpy(), y[0].numpy()))

        handles.append(
            proxy.fused_activation_quant_proxy.tensor_quant.register_forward_hook(record)
        )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _check(
    traced: Traced,
    layers: dict[str, Layer],
    x: npt.NDArray[np.float32],
    pytorch: tuple[Calls, Array],
    forced: dict[str, Array],
) -> None:
    """Check both statements for a batch.

    Raises:
        UserError: one does not hold; names the layer.
    """
    calls, y = pytorch
    entry = traced.model.graph.input[0].name
    pairs = [
        (layers[q.after], q.before, calls[q][0]) for q in traced.quantizers if q.before != entry
    ]
    if OUTPUT not in {q.after for q in traced.quantizers}:
        pairs.append((layers[OUTPUT], OUTPUT, y))
    for q in traced.quantizers:
        differ = _count(forced[q.after], calls[q][1])
        if differ:
            raise UserError(
                f"{q.layer}: for equal inputs, {differ} of {calls[q][1].size} values of the file's "
                "quantizer differ from the module's; Brevitas can't write this quantizer as QONNX, "
                "use one of brevitas.quant"
            )
    differing = [each for each in pairs if _count(forced[each[1]], each[2])]
    if not differing:
        return
    given = {q.before: calls[q][0] for q in traced.quantizers}
    given |= {q.after: calls[q][1] for q in traced.quantizers}
    allowed = bounds(traced.model, x, given, list({before for _, before, _ in pairs} | set(given)))
    for layer, before, value in differing:
        difference = np.abs(forced[before].astype(np.float64) - value)
        outside = ~(difference <= allowed[before].reshape(difference.shape))
        if outside.any():
            where = "" if before == OUTPUT else "before it "
            raise UserError(
                f"{layer.name}: {np.count_nonzero(outside)} of {value.size} values that the file "
                f"computes {where}differ from the module's by up "
                f"to {np.nanmax(difference):.3g}, but rounding explains only "
                f"{allowed[before].max():.3g}; nothing was written"
            )
        layer.before = max(layer.before, float(difference.max()))


def _count(found: Array, expected: Array) -> int:
    return int(np.count_nonzero(found.reshape(expected.shape) != expected))
