"""The exported network in PyTorch: the trained graph with exact replacements of all modules."""

import operator
from dataclasses import dataclass

import torch
from brevitas import nn as qnn
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from irnet_hw.errors import UserError
from irnet_hw.export import weights  # noqa: F401 (registers the layers with weights)
from irnet_hw.export.exact import Layer, Place, exact
from irnet_hw.export.layers import add
from irnet_hw.models.blocks import Shortcut, Stream
from irnet_hw.quant.grid import Grid
from irnet_hw.quant.stream import LOWEST

#: Modules that pass on all or some of their input values unchanged.
PASSING = (nn.Identity, nn.Flatten, nn.MaxPool2d, Shortcut)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
#: Modules that multiply by constants, which are rounded if the products go to a stream.
MULTIPLYING = (*NORMS, nn.AdaptiveAvgPool2d)


@dataclass(frozen=True)
class Network:
    """A trained network and its exact replacement, which share one graph.

    Attributes:
        trained: the modules as trained, in eval mode.
        deployed: the same graph with every module replaced.
        layers: the replacements by module name, and the sums.
        image_shape: height, width and channels of the images.
        step: a power of two; the logits are integer multiples of it.
    """

    trained: fx.GraphModule
    deployed: fx.GraphModule
    layers: dict[str, Layer]
    image_shape: tuple[int, int, int]
    step: float

    def boundaries(self) -> list[str]:
        """Return the modules that output signs or streams, in execution order."""
        return [name for name, layer in self.layers.items() if layer.boundary]


class _Tracer(fx.Tracer):
    """Traces into every module that has no exact replacement and isn't a library's."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        known = exact.dispatch(type(m)) is not exact.dispatch(nn.Module)
        library = type(m).__module__.startswith("brevitas.nn")
        return known or library or super().is_leaf_module(m, module_qualified_name)


def deploy(model: nn.Module, image_shape: tuple[int, int, int]) -> Network:
    """Replace every module of a trained network by its exact equivalent.

    Args:
        model: takes images as float32 [N, C, H, W] with values 0 to 255; it is put in eval mode.
        image_shape: height, width and channels of the images.

    Raises:
        UserError: a module or an operation can't be exported; the message names it.
    """
    model.eval()
    trained = fx.GraphModule(model, _trace(model))
    height, width, channels = image_shape
    with torch.inference_mode():
        ShapeProp(trained).propagate(torch.zeros(1, channels, height, width))
    grids: dict[fx.Node, Grid | None] = {}
    layers: dict[str, Layer] = {}
    for node in trained.graph.nodes:
        if node.op == "placeholder":
            grids[node] = Grid.of(1, 255)
        elif node.op != "output":
            name = name_of(node)
            if name in layers:
                raise UserError(f"{name}: is used twice; every use needs its own module")
            layers[name] = _layer(trained, node, grids)
            grids[node] = layers[name].grid
    _check_signs(trained.graph, layers)
    modules = {name: layer.module for name, layer in layers.items() if layer.module is not None}
    deployed = fx.GraphModule(modules, trained.graph).eval()
    return Network(trained, deployed, layers, image_shape, _step(trained.graph, grids))


def name_of(node: fx.Node) -> str:
    """Return the name of a node's module, or of an operation within its module."""
    if node.op == "call_module":
        return str(node.target)
    inside = [path for path, _ in node.meta.get("nn_module_stack", {}).values() if path]
    return ".".join([*inside[-1:], node.name])


def _trace(model: nn.Module) -> fx.Graph:
    try:
        return _Tracer().trace(model)
    except (fx.proxy.TraceError, TypeError) as error:
        raise UserError(
            f"{type(model).__name__}: its forward depends on the images' values and can't be "
            f"exported: {error}"
        ) from error


def _layer(trained: fx.GraphModule, node: fx.Node, grids: dict[fx.Node, Grid | None]) -> Layer:
    """Return the exported layer for a module or an operation."""
    name, sources = name_of(node), node.all_input_nodes
    if node.op == "call_module":
        (source,) = sources
        module = trained.get_submodule(name)
        place = Place(
            name,
            grids[source],
            source.meta["tensor_meta"].shape,
            _room(trained, node) if isinstance(module, MULTIPLYING) else None,
            _is_normed(trained, node),
        )
        return exact(module, place)
    if node.target is not operator.add or len(sources) != 2:
        raise UserError(
            f"{name}: the operation {_called(node)} can't be exported; a network must consist of "
            "modules and sums of two tensors"
        )
    first, second = (grids[source] for source in sources)
    return add(name, first, second, _room(trained, node))


def _called(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else node.target.__name__


def _module(trained: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    return trained.get_submodule(str(node.target)) if node.op == "call_module" else None


def _room(trained: fx.GraphModule, node: fx.Node) -> Grid | None:
    """Return the values added to a node's output before a stream rounds it.

    Returns:
        half a step of the stream plus the other streams that sums add; None if the output doesn't
        reach a stream.

    Raises:
        UserError: the output reaches several streams, or a sum adds something other than a stream.
    """
    rooms: list[Grid | None] = []
    for user in node.users:
        module = _module(trained, user)
        if isinstance(module, Stream):
            rooms.append(Grid.of(module.step / 2, 1))
        elif isinstance(module, PASSING):
            rooms.append(_room(trained, user))
        elif user.target is operator.add:
            further = _room(trained, user)
            if further is not None:
                rooms.append(further.plus(_added(trained, node, user)))
    found = [room for room in rooms if room is not None]
    if len(found) > 1:
        raise UserError(
            f"{name_of(node)}: goes to several Streams; connect it to one of them, and the others "
            "to that one's output"
        )
    return found[0] if found else None


def _added(trained: fx.GraphModule, node: fx.Node, total: fx.Node) -> Grid:
    """Return the values that a sum adds to a node."""
    (other,) = (source for source in total.all_input_nodes if source is not node)
    source = other
    while isinstance(module := _module(trained, source), PASSING):
        (source,) = source.all_input_nodes
    if not isinstance(module, Stream):
        raise UserError(
            f"{name_of(total)}: adds {name_of(node)} and {name_of(other)}; one of them must come "
            "from a Stream"
        )
    return Grid.of(module.step, -LOWEST)


def _is_normed(trained: fx.GraphModule, node: fx.Node) -> bool:
    """Return whether all consumers of a node's values are batch norms or signs."""
    for user in node.users:
        module = _module(trained, user)
        if isinstance(module, PASSING):
            if not _is_normed(trained, user):
                return False
        elif not isinstance(module, NORMS) and (
            not isinstance(module, qnn.QuantIdentity) or isinstance(module, Stream)
        ):
            return False
    return True


def _check_signs(graph: fx.Graph, layers: dict[str, Layer]) -> None:
    """Check that layers of which only the output's signs are exact feed only signs."""
    for node in graph.nodes:
        layer = layers.get(str(node.target))
        if layer is None or layer.bound is not None or layer.boundary:
            continue
        for user in node.users:
            follower = layers.get(name_of(user))
            if follower is None or follower.boundary != "sign":
                raise UserError(
                    f"{node.target}: is followed by {name_of(user)}; a Hardtanh can be exported "
                    "only before a 1-bit QuantIdentity, which uses only the signs"
                )


def _step(graph: fx.Graph, grids: dict[fx.Node, Grid | None]) -> float:
    (end,) = graph.find_nodes(op="output")
    (logits,) = end.args
    grid = grids[logits]
    if grid is None or grid.step.min() != grid.step.max():
        raise UserError(
            f"{name_of(logits)}: outputs the logits, which must be integers times one power of "
            "two; end the network with a QuantLinear of one scale"
        )
    return float(grid.step.min())
