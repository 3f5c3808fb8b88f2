"""Verify on real images that the exported file is the trained network.

Two statements are checked, and nothing is written unless both hold:

1. The QONNX run equals the exported network in PyTorch in every sign, stream value and logit.
2. The exported network differs from the trained one by no more than rounding explains. Both run
   side by side; after every sign or stream both continue with the trained network's values. Each
   value must be within its layer's bound. Where a sign differs, both values before it must be
   within that bound of 0. A stream's bound is the number of steps by which rounding can change
   its value, given the bound on its input.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from qonnx.core.modelwrapper import ModelWrapper
from torch import Tensor, fx

from irnet_hw import progress
from irnet_hw.errors import UserError
from irnet_hw.export.exact import Boundary, Layer
from irnet_hw.export.file import OUTPUT
from irnet_hw.export.network import Network, name_of
from irnet_hw.runner import Runner
from irnet_hw.spec import sized

#: Number of images per batch.
BATCH = 64


@dataclass
class Equality:
    """Comparison of a tensor of the QONNX run with the same tensor in PyTorch."""

    tensor: str
    values: int = 0
    differences: int = 0


@dataclass
class Closeness:
    """Comparison of a layer of the exported network with the same layer as trained.

    Attributes:
        layer: the module's name.
        type: the trained module's type.
        boundary: the kind of its output, if that is passed between layers.
        values: number of compared values.
        differences: number of values or signs that differ.
        largest: the largest difference, or the largest magnitude before a sign that differs;
            among the unexplained ones if there are any.
        allowed: the difference that rounding explains there.
        unexplained: number of differences that rounding doesn't explain.
    """

    layer: str
    type: str
    boundary: Boundary | None = None
    values: int = 0
    differences: int = 0
    largest: float = 0.0
    allowed: float = 0.0
    unexplained: int = 0

    def add(self, values: int, differences: int, size: Tensor, bound: Tensor) -> None:
        """Count a batch.

        Args:
            values: number of compared values.
            differences: number of values that differ.
            size: magnitudes of the differences; may leave out values that are equal.
            bound: the differences that rounding explains.
        """
        self.values += values
        if not differences:
            return
        # Written this way so that NaN counts as unexplained.
        outside = ~(size <= bound)
        unexplained = int(outside.sum())
        first = unexplained > 0 and not self.unexplained
        self.differences += differences
        self.unexplained += unexplained
        sizes = torch.where(outside, size, 0) if self.unexplained else size
        worst = int(sizes.argmax())
        if first or sizes.flatten()[worst] > self.largest:
            self.largest = float(sizes.flatten()[worst])
            self.allowed = float(bound.expand_as(sizes).flatten()[worst])


@dataclass(frozen=True)
class Verified:
    """The results on the images.

    Attributes:
        pytorch: the trained network's output for each image: logits [classes] or pixels [1, H, W].
        qonnx: the exported file's.
        equalities: results for statement 1, one per tensor.
        closenesses: results for statement 2, one per layer.
    """

    pytorch: list[npt.NDArray[np.float32]]
    qonnx: list[npt.NDArray[np.float32]]
    equalities: list[Equality]
    closenesses: list[Closeness]

    def differences(self, boundary: Boundary) -> int:
        """Return how many signs or stream values differ between exported and trained network."""
        return sum(found.differences for found in self.closenesses if found.boundary == boundary)

    def summary(self) -> dict[str, Any]:
        """Return the comparisons as JSON values."""
        return {
            "qonnx_against_pytorch": [asdict(found) for found in self.equalities],
            "exported_against_trained": [asdict(found) for found in self.closenesses],
        }


def verify(
    network: Network, model: ModelWrapper, images: Sequence[npt.NDArray[np.uint8]]
) -> Verified:
    """Check both statements on images.

    Args:
        network: the network as trained and as exported.
        model: the content of the QONNX file.
        images: each uint8 [height, width, channels]. They may have other sizes than the file's, and
            different ones, if the network gives an output for images of any size.

    Raises:
        UserError: a statement doesn't hold; the message names the tensor or layer, the number of
            differing values and the size of the difference.
    """
    names = network.boundaries()
    equalities = {name: Equality(name) for name in [*names, OUTPUT]}
    comparison = _Comparison(network)
    runners: dict[tuple[int, ...], Runner] = {}
    pytorch: list[npt.NDArray[np.float32]] = []
    qonnx: list[npt.NDArray[np.float32]] = []
    batches = list(_batches(images))
    label = "checking the exported network"
    for part in progress.track(batches, label, len(batches), "batches"):
        runner = runners.get(part.shape[1:])
        if runner is None:
            # One at a time: each holds the tensors' shapes of its size.
            runners = {part.shape[1:]: (runner := Runner(sized(model, *part.shape[1:3]), names))}
        pixels = part.transpose(0, 3, 1, 2).astype(np.float32)
        x = torch.from_numpy(pixels)
        with torch.inference_mode():
            pytorch.extend(comparison.compare(x).numpy())
            expected = _Recorder(network.deployed, names).record(x)
        found = runner.run(pixels)
        qonnx.extend(found[OUTPUT])
        for name, equality in equalities.items():
            equality.values += found[name].size
            equality.differences += int(np.sum(found[name] != expected[name].numpy()))
    _require_equal(equalities)
    _require_close(comparison.found)
    return Verified(
        pytorch,
        qonnx,
        list(equalities.values()),
        list(comparison.found.values()),
    )


def _batches(images: Sequence[npt.NDArray[np.uint8]]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield consecutive images of one size together, uint8 [N, height, width, channels]."""
    for _, alike in groupby(images, key=lambda image: image.shape):
        found = list(alike)
        for start in range(0, len(found), BATCH):
            yield np.stack(found[start : start + BATCH])


def _require_equal(equalities: Mapping[str, Equality]) -> None:
    for equality in equalities.values():
        if equality.differences:
            raise UserError(
                f"{equality.tensor}: {equality.differences} of {equality.values} values of the "
                "QONNX run differ from PyTorch's, must be equal; nothing was written"
            )


def _require_close(closenesses: Mapping[str, Closeness]) -> None:
    for found in closenesses.values():
        if found.unexplained:
            raise UserError(
                f"{found.layer}: {found.unexplained} of {found.values} values of the exported "
                f"{found.type} differ from the trained one's by up to {found.largest:.3g}, but "
                f"rounding explains only {found.allowed:.3g}; nothing was written"
            )


class _Recorder(fx.Interpreter):
    """Runs a network and records the outputs of some modules."""

    def __init__(self, module: fx.GraphModule, names: list[str]) -> None:
        super().__init__(module)
        self._kept: dict[str, Tensor] = dict.fromkeys(names, torch.empty(0))

    def record(self, x: Tensor) -> dict[str, Tensor]:
        """Return the recorded outputs by module, and the logits."""
        logits = self.run(x)
        return {**self._kept, OUTPUT: logits}

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        y = super().call_module(target, args, kwargs)
        if target in self._kept:
            self._kept[target] = y
        return y


@dataclass(frozen=True)
class _Pair:
    """A value in both networks, and the bound on their difference (float64)."""

    trained: Tensor
    deployed: Tensor
    error: Tensor


class _Comparison(fx.Interpreter):
    """Runs the trained and the exported network side by side."""

    def __init__(self, network: Network) -> None:
        super().__init__(network.trained)
        self._layers = network.layers
        self.found = {
            name_of(node): Closeness(name_of(node), self._type(node), layer.boundary)
            for node in network.trained.graph.nodes
            if (layer := self._layers.get(name_of(node))) is not None
            and (layer.bound is not None or layer.boundary)
        }

    def compare(self, x: Tensor) -> Tensor:
        """Compare one batch of images and return the trained network's logits."""
        logits: _Pair = self.run(_Pair(x, x, torch.zeros_like(x, dtype=torch.float64)))
        return logits.trained

    def run_node(self, n: fx.Node) -> Any:
        """Run a module or sum of both networks and compare the outputs."""
        if n.op not in ("call_module", "call_function"):
            return super().run_node(n)
        name = name_of(n)
        layer, pairs = self._layers[name], [self.env[source] for source in n.all_input_nodes]
        trained, deployed, x, entering = self._outputs(n, layer, pairs)
        if layer.boundary:
            self._compare_boundary(self.found[name], layer, pairs[0], trained, deployed)
            return _Pair(trained, trained, torch.zeros_like(trained, dtype=torch.float64))
        if layer.bound is None:
            return _Pair(trained, deployed, entering)
        times = layer.grid.times if layer.grid else 1
        difference = trained.double().mul_(times).sub_(deployed).abs_()
        error = layer.bound(x.double(), entering).expand_as(difference)
        differences = int(difference.count_nonzero())
        self.found[name].add(difference.numel(), differences, difference, error)
        return _Pair(trained, deployed, error)

    def _compare_boundary(
        self, found: Closeness, layer: Layer, pair: _Pair, trained: Tensor, deployed: Tensor
    ) -> None:
        """Compare signs or streams; there are many values, but few differ."""
        where = trained != deployed
        error = pair.error[where]
        if layer.bound is None:
            size = torch.maximum(pair.trained[where].abs(), pair.deployed[where].abs()).double()
            bound = error
        else:
            size = (trained[where].double() - deployed[where].double()).abs()
            bound = layer.bound(pair.deployed[where].double(), error)
        found.add(trained.numel(), len(size), size, bound)

    def _outputs(
        self, node: fx.Node, layer: Layer, pairs: list[_Pair]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return both networks' outputs and the arguments of the layer's bound."""
        if layer.module is None:
            first, second = pairs
            total = first.deployed + second.deployed
            return first.trained + second.trained, total, total, first.error + second.error
        (pair,) = pairs
        trained = self.fetch_attr(str(node.target))(pair.trained)
        return trained, layer.module(pair.deployed), pair.deployed, pair.error

    def _type(self, node: fx.Node) -> str:
        if node.op != "call_module":
            return "sum"
        return type(self.fetch_attr(str(node.target))).__name__
