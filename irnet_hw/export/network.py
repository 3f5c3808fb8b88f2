"""The exported network in PyTorch: the trained one's graph with every module made exact."""

from dataclasses import dataclass

import torch
from torch import fx, nn

from irnet_hw.errors import UserError
from irnet_hw.export.layers import Grid, Layer, exact


@dataclass(frozen=True)
class Network:
    """A trained network beside its exact replacement; both share one graph.

    Attributes:
        trained: in eval mode, the modules as trained.
        deployed: the same graph, every module replaced.
        layers: the replacements by module name.
        step: the power of two whose integer multiples the logits are.
    """

    trained: fx.GraphModule
    deployed: fx.GraphModule
    layers: dict[str, Layer]
    step: float

    def boundaries(self) -> list[str]:
        """Return the names of the modules whose output is binary, in the order of execution."""
        return [name for name, layer in self.layers.items() if layer.binarizes]


class _Tracer(fx.Tracer):
    """Looks into every module that has no exact replacement and isn't a library's."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        known = exact.dispatch(type(m)) is not exact.dispatch(nn.Module)
        library = type(m).__module__.startswith("brevitas.nn")
        return known or library or super().is_leaf_module(m, module_qualified_name)


def deploy(model: nn.Module) -> Network:
    """Replace every module of a trained network by its exact equal.

    Args:
        model: takes images as float32 [N, C, H, W] with values 0 to 255; is put in eval mode.

    Raises:
        UserError: a module or an operation can't be exported; the message names it.
    """
    model.eval()
    graph = _trace(model)
    trained = fx.GraphModule(model, graph)
    grids: dict[fx.Node, Grid | None] = {}
    layers: dict[str, Layer] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            grids[node] = Grid(torch.ones((), dtype=torch.float64), 255)
        elif node.op == "call_module":
            name = str(node.target)
            if name in layers:
                raise UserError(f"{name}: is used twice; every use needs a module of its own")
            (source,) = node.args
            layer = exact(trained.get_submodule(name), name, grids[source])
            grids[node], layers[name] = layer.grid, layer
        elif node.op != "output":
            raise UserError(
                f"{node.name}: the operation {_called(node)} can't be exported; "
                "networks are made of modules"
            )
    _check_signs(graph, layers)
    deployed = fx.GraphModule({name: layer.module for name, layer in layers.items()}, graph)
    return Network(trained, deployed.eval(), layers, _step(graph, grids))


def _trace(model: nn.Module) -> fx.Graph:
    try:
        return _Tracer().trace(model)
    except (fx.proxy.TraceError, TypeError) as error:
        raise UserError(
            f"{type(model).__name__}: its forward depends on the images' values and can't be "
            f"exported: {error}"
        ) from error


def _called(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else node.target.__name__


def _check_signs(graph: fx.Graph, layers: dict[str, Layer]) -> None:
    """Check that where only signs are the same, only signs are looked at."""
    for node in graph.nodes:
        layer = layers.get(str(node.target))
        if layer is None or layer.bound is not None or layer.binarizes:
            continue
        for user in node.users:
            follower = layers.get(str(user.target))
            if follower is None or not follower.binarizes:
                raise UserError(
                    f"{node.target}: is followed by {user.target}; a Hardtanh can be exported "
                    "only before a 1-bit QuantIdentity, which sees nothing but signs"
                )


def _step(graph: fx.Graph, grids: dict[fx.Node, Grid | None]) -> float:
    (end,) = graph.find_nodes(op="output")
    (logits,) = end.args
    grid = grids[logits]
    if grid is None or grid.step.min() != grid.step.max():
        raise UserError(
            f"{logits.target}: gives the logits, which must be integers times one power of two; "
            "end the network with a QuantLinear of one scale"
        )
    return float(grid.step.min())
